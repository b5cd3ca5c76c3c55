"""A mapping network from plain noise to latents."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn

from aegean.config import network
from aegean.nets.blocks import DEEPEST, SLOPE, he_, one_hot


@network
class MappingPrior(nn.Module):
    """z = mean + L (n + f(n, label)), with a dense network f of hidden `widths` that is zero when it is made. So it
    begins as N(0, 1); fitted to latents (`training.mapping`) it begins at the Gaussian with their mean and covariance
    L L^T.

    A GAN in the latents of an autoencoder: Engel et al. 2018. Of the noise, `normal` (B, latent) alone is used.
    """

    mean: Tensor
    factor: Tensor

    def __init__(self, latent: int, classes: int = 0, widths: Sequence[int] = (128, 128, 128)):
        super().__init__()
        assert 0 < len(widths) <= DEEPEST
        self.latent, self.classes, self.widths = latent, classes, tuple(widths)
        self.move = still(latent, classes, widths)
        self.register_buffer("mean", torch.zeros(latent))
        self.register_buffer("factor", torch.eye(latent))

    def forward(self, normal: Tensor, uniform: Tensor, labels: Tensor | None = None) -> Tensor:
        return self.mean + moved(self.move, normal, labels, self.classes) @ self.factor.T


def dense(inputs: int, widths: Sequence[int], outputs: int) -> nn.Sequential:
    """(B, inputs) -> (B, outputs), leaky ReLUs between its layers."""
    sizes = (inputs, *widths)
    hidden = [layer for a, b in pairwise(sizes) for layer in (he_(nn.Linear(a, b)), nn.LeakyReLU(SLOPE))]
    return nn.Sequential(*hidden, he_(nn.Linear(sizes[-1], outputs)))


def still(latent: int, classes: int, widths: Sequence[int]) -> nn.Sequential:
    """A network of moves that moves nothing yet."""
    net = dense(latent + classes, widths, latent)
    nn.init.zeros_(net[-1].weight)  # type: ignore[arg-type]
    return net


def beside(values: Tensor, labels: Tensor | None, classes: int) -> Tensor:
    """values (B, d), and the class as numbers beside them where there are classes: (B, d + classes)."""
    return torch.cat((values, one_hot(labels, classes, values)), 1) if classes else values


def moved(move: nn.Module, normal: Tensor, labels: Tensor | None, classes: int) -> Tensor:
    """Noise (B, latent) -> white latents (B, latent)."""
    return normal + move(beside(normal, labels, classes))
