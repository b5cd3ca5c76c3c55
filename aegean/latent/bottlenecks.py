"""Bottlenecks: features of the encoder's last level -> Latent."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn

from aegean.config import network
from aegean.latent.names import NATS_TO_BITS
from aegean.nets.blocks import flat, one_hot


class Latent(NamedTuple):
    """A batch of latents: `z` (B, latent); `rate` (B,) bits that a sample costs under the bottleneck's own
    prior, zero where there is none; `stats` what the bottleneck drew z from. Of a quantised one also `symbols`
    (B, channels, height, width), whole numbers, and where it has a codebook `loss` (B,), how far off its codes are."""

    z: Tensor
    rate: Tensor
    stats: tuple[Tensor, ...] = ()
    symbols: Tensor | None = None
    loss: Tensor | None = None


class Projection(nn.Module):
    """Features (B, *level) -> (B, out), linear. With classes it takes off what the label already says: one vector
    for each class, so that the latent need not repeat it."""

    def __init__(self, level: Sequence[int], out: int, classes: int):
        super().__init__()
        self.classes = classes
        self.features = nn.Linear(math.prod(level), out)
        nn.init.zeros_(self.features.bias)
        self.label = nn.Linear(classes, out, bias=False) if classes else None

    def forward(self, h: Tensor, labels: Tensor | None) -> Tensor:
        z = self.features(flat(h))
        return z if self.label is None else z - self.label(one_hot(labels, self.classes, z))


@network
class Identity(nn.Module):
    """A plain autoencoder's bottleneck: one linear layer."""

    def __init__(self, level: Sequence[int], latent: int, classes: int = 0):
        super().__init__()
        self.latent = latent
        self.project = Projection(level, latent, classes)

    def forward(self, h: Tensor, noise: Tensor | None = None, labels: Tensor | None = None) -> Latent:
        z = self.project(h, labels)
        return Latent(z, z.new_zeros(z.shape[0]))


@network
class Gaussian(nn.Module):
    """The diagonal Gaussian posterior of a VAE (Kingma and Welling 2013, appendix C.2 and section 2.4).

    With noise (B, latent) it samples z = mean + sigma * noise; without, z is the mean. `stats` = (mean,
    log variance); `rate` = KL(q(z|x) || N(0, 1)) in bits.
    """

    def __init__(self, level: Sequence[int], latent: int, classes: int = 0):
        super().__init__()
        self.latent = latent
        self.project = Projection(level, 2 * latent, classes)
        with torch.no_grad():  # begin near the prior's width, with the means spread by the data alone
            self.project.features.weight[latent:].mul_(0.1)

    def forward(self, h: Tensor, noise: Tensor | None = None, labels: Tensor | None = None) -> Latent:
        mean, log_variance = self.project(h, labels).float().chunk(2, 1)
        log_variance = log_variance.clamp(-20, 10)
        z = mean if noise is None else mean + (log_variance / 2).exp() * noise
        return Latent(z, kl_to_normal(mean, log_variance) * NATS_TO_BITS, (mean, log_variance))


def kl_to_normal(mean: Tensor, log_variance: Tensor) -> Tensor:
    """KL(N(mean, exp(log_variance)) || N(0, 1)) in nats, summed: (B, d) -> (B,). Kingma and Welling 2013, B."""
    return 0.5 * (log_variance.exp() + mean.square() - 1 - log_variance).sum(1)
