"""Convolutional autoencoders that begin as the principal components of their data, and learn what these leave out."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from aegean.config import Net, network

LEAST = 1e-4  # standard deviation that a component has at least, in the model's range


class Components(nn.Module):
    """Samples (B, *shape) -> their first principal components (B, count), of mean 0 and variance 1, and back: fitted,
    not trained."""

    average: Tensor
    axes: Tensor
    deviations: Tensor

    def __init__(self, shape: Sequence[int], count: int):
        super().__init__()
        assert 0 < count <= math.prod(shape), "as many components as values at most"
        self.shape, self.count = tuple(shape), count
        self.register_buffer("average", torch.zeros(math.prod(shape)))
        self.register_buffer("axes", torch.zeros(count, math.prod(shape)))
        self.register_buffer("deviations", torch.ones(count))

    def forward(self, x: Tensor) -> Tensor:
        return (x.flatten(1) - self.average) @ self.axes.T / self.deviations

    def back(self, z: Tensor) -> Tensor:
        return ((z * self.deviations) @ self.axes + self.average).unflatten(1, self.shape)

    @torch.no_grad()
    def fit(self, x: Tensor) -> None:
        """To samples x (n, *shape); of fewer samples than components the last ones stay empty."""
        flat = x.flatten(1).float()
        average = flat.mean(0)
        found = min(self.count, *flat.shape)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)  # the first components are approached from random directions (Halko et al. 2011)
            wide = min(2 * found, *flat.shape)
            _, sizes, axes = torch.pca_lowrank((flat - average).cpu(), q=wide, center=False, niter=4)
        self.average.copy_(average)
        self.axes.zero_()[:found] = axes.T[:found].to(x)
        self.deviations.fill_(1)[:found] = (sizes[:found] / len(x) ** 0.5).clamp_min(LEAST).to(x)


@network
class PrincipalEncoder(nn.Module):
    """The levels of an encoder; to the last of them, as a vector, the principal components of the sample are added.

    encoder: of samples of this shape
    shape: of a sample
    latent: principal components
    """

    def __init__(self, encoder: Net, shape: Sequence[int], latent: int):
        super().__init__()
        self.encoder: Any = encoder.build()
        self.components = Components(shape, latent)
        *lower, last = self.encoder.levels
        self.levels = [*lower, (math.prod(last) + latent,)]

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        *lower, last = self.encoder(x)
        return (*lower, torch.cat((last.flatten(1), self.components(x).to(last)), 1))

    def fit(self, x: Tensor, labels: None = None) -> None:
        """To samples x (n, *shape)."""
        self.components.fit(x)


@network
class PrincipalDecoder(nn.Module):
    """What the principal components say, and what a decoder adds to it: nothing at first.

    decoder: of samples of this shape, convolutional
    shape: of a sample
    latent: principal components, as many as the decoder's latent has dimensions
    classes: of the decoder
    """

    def __init__(self, decoder: Net, shape: Sequence[int], latent: int, classes: int = 0):
        super().__init__()
        self.decoder: Any = decoder.build()
        self.latent, self.classes = latent, classes
        self.components = Components(shape, latent)
        nn.init.zeros_(self.decoder.last.weight)

    def forward(self, z: Tensor, labels: Tensor | None = None) -> Tensor:
        added: Tensor = self.decoder(z, labels)
        return added + self.components.back(z).to(added)

    def log_variance(self) -> Tensor:
        return self.decoder.log_variance()  # type: ignore[no-any-return]

    def mean(self, raw: Tensor) -> Tensor:
        return self.decoder.mean(raw)  # type: ignore[no-any-return]
