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

NARROW = -4.0  # log variance of a posterior around a given mean, before any training


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
    for each class, so that the latent need not repeat it.

    given: the last so many features are what the first numbers begin as; all others add to them, nothing at first
    """

    def __init__(self, level: Sequence[int], out: int, classes: int, given: int = 0):
        super().__init__()
        self.classes, self.given, self.rest = classes, given, out - given
        self.features = nn.Linear(math.prod(level) - given, out)
        nn.init.zeros_(self.features.bias)
        self.label = nn.Linear(classes, out, bias=False) if classes else None
        for layer in (self.features, self.label):
            if layer is not None:
                nn.init.zeros_(layer.weight[:given])

    def forward(self, h: Tensor, labels: Tensor | None) -> Tensor:
        h, first = (h[:, : -self.given], h[:, -self.given :]) if self.given else (h, None)
        z = self.features(flat(h))
        z = z if self.label is None else z - self.label(one_hot(labels, self.classes, z))
        return z if first is None else z + nn.functional.pad(first, (0, self.rest))


@network
class Identity(nn.Module):
    """A plain autoencoder's bottleneck: one linear layer.

    given: the last features of the level are a first latent, to which the layer adds (nets.principal)
    """

    def __init__(self, level: Sequence[int], latent: int, classes: int = 0, given: bool = False):
        super().__init__()
        self.latent = latent
        self.project = Projection(level, latent, classes, given * latent)

    def forward(self, h: Tensor, noise: Tensor | None = None, labels: Tensor | None = None) -> Latent:
        z = self.project(h, labels)
        return Latent(z, z.new_zeros(z.shape[0]))


@network
class Gaussian(nn.Module):
    """The diagonal Gaussian posterior of a VAE (Kingma and Welling 2013, appendix C.2 and section 2.4).

    With noise (B, latent) it samples z = mean + sigma * noise; without, z is the mean. `stats` = (mean,
    log variance); `rate` = KL(q(z|x) || N(0, 1)) in bits.

    given: the last features of the level are a first mean, to which the layer adds (nets.principal)
    """

    def __init__(self, level: Sequence[int], latent: int, classes: int = 0, given: bool = False):
        super().__init__()
        self.latent = latent
        self.project = Projection(level, 2 * latent, classes, given * latent)
        with torch.no_grad():  # begin near the prior's width, with the means spread by the data alone
            self.project.features.weight[latent:].mul_(0.1)
            if given:
                self.project.features.bias[latent:].fill_(NARROW)

    def forward(self, h: Tensor, noise: Tensor | None = None, labels: Tensor | None = None) -> Latent:
        mean, log_variance = self.project(h, labels).float().chunk(2, 1)
        log_variance = log_variance.clamp(-20, 10)
        z = mean if noise is None else mean + (log_variance / 2).exp() * noise
        return Latent(z, kl_to_normal(mean, log_variance) * NATS_TO_BITS, (mean, log_variance))


def kl_to_normal(mean: Tensor, log_variance: Tensor) -> Tensor:
    """KL(N(mean, exp(log_variance)) || N(0, 1)) in nats, summed: (B, d) -> (B,). Kingma and Welling 2013, B."""
    return 0.5 * (log_variance.exp() + mean.square() - 1 - log_variance).sum(1)
