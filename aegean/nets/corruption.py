"""What a denoising autoencoder does to its input."""

from __future__ import annotations

from torch import Tensor, nn

from aegean.config import network


@network
class GaussianCorruption(nn.Module):
    """x + sigma * noise, in the model's range: x and noise (B, *shape)."""

    def __init__(self, sigma: float):
        super().__init__()
        self.sigma = sigma

    def forward(self, x: Tensor, noise: Tensor) -> Tensor:
        return x + self.sigma * noise
