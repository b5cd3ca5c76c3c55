"""The networks of a stack: levels of compact features, each with a stage up, a stage down, a discriminator and a
reader of noise.

A stack of K levels has values h_0 (the data), h_1, ..., h_{K-1} (features of mean square 1) and h_K (the latent).
Level i leads from h_i up to h_{i+1} and, with noise z_i, back down (Huang et al. 2017, sections 3.1 and 3.2).
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from aegean.config import Net, network
from aegean.nets.blocks import DEEPEST, flat, he_

QUIET = 0.1  # of a usual layer's weights, those of noise at first


def unit(h: Tensor) -> Tensor:
    """Features (B, d) brought to a mean square of 1 each: so a term weighs the same on every level."""
    return h * (h.square().mean(1, keepdim=True) + 1e-8).rsqrt()


class Stage(nn.Module):
    """One level up: the last level of a body, brought to `size` values of mean square 1; without a size as it is."""

    def __init__(self, body: nn.Module, size: int):
        super().__init__()
        self.body = body
        self.out = he_(nn.Linear(math.prod(body.levels[-1]), size)) if size else None  # type: ignore[arg-type, index]

    def forward(self, below: Tensor) -> Tensor:
        h = self.body(below)[-1]
        return h if self.out is None else unit(self.out(flat(h)))


@network
class Tower(nn.ModuleList):
    """Data (B, *shape) -> h_1, ..., h_{K-1} (B, sizes[i]), and the features that feed the bottleneck.

    stages: K encoders, of the data, then of `sizes` numbers each. A stage sees nothing but the level below it.
    """

    def __init__(self, stages: Sequence[Net], sizes: Sequence[int]):
        assert 0 < len(stages) == len(sizes) + 1 <= DEEPEST
        super().__init__(Stage(stage.build(), size) for stage, size in zip(stages, (*sizes, 0)))
        self.levels = [*((size,) for size in sizes), tuple(self[-1].body.levels[-1])]  # type: ignore[union-attr, arg-type, index]

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        levels: list[Tensor] = []
        for level in range(len(self)):
            levels.append(self.rise(level, levels[-1] if levels else x))
        return tuple(levels)

    def rise(self, level: int, below: Tensor) -> Tensor:
        """One level: its features from those of the level below, or from the data."""
        return self[level](below)


@network
class Stack(nn.ModuleList):
    """Latents h_K (B, latent) -> data (B, *shape), level by level: h_i = G_i(h_{i+1}, z_i).

    floors: K decoders, of the data first; each takes what is above it and `noise` dimensions beside. Without noise z_i
    is zero, its mean: so the stack is also the decoder of an autoencoder.
    """

    classes = 0

    def __init__(self, floors: Sequence[Net], noise: int):
        assert 0 < len(floors) <= DEEPEST
        super().__init__(decoder.build() for decoder in floors)
        self.noise, self.latent = noise, self[-1].latent - noise  # type: ignore[operator]
        with torch.no_grad():  # the decoder that begins a generator has not met noise: it comes in quietly
            for decoder in self:
                decoder.stem.weight[:, decoder.latent - noise :].mul_(QUIET)  # type: ignore[union-attr, operator, index]

    @property
    def spans(self) -> tuple[int, ...]:
        """Dimensions that each level draws."""
        return (self.noise,) * len(self)

    def forward(self, z: Tensor, labels: Tensor | None = None) -> Tensor:
        for level in reversed(range(1, len(self))):
            z = self.descend(level, z)
        return self._raw(0, z)

    def descend(self, level: int, above: Tensor, noise: Tensor | None = None) -> Tensor:
        """One level down: h_{level+1} (B, d) and z_level (B, noise) -> h_level; at last the data, in model range."""
        below = self._raw(level, above, noise)
        return unit(below) if level else self.mean(below)

    def _raw(self, level: int, above: Tensor, noise: Tensor | None = None) -> Tensor:
        noise = above.new_zeros(above.shape[0], self.noise) if noise is None else noise
        return self[level](torch.cat((above, noise.to(above.dtype)), 1))  # type: ignore[no-any-return]

    def mean(self, raw: Tensor) -> Tensor:
        return self[0].mean(raw)  # type: ignore[operator]

    def log_variance(self) -> Tensor:
        return self[0].log_variance()  # type: ignore[operator]


@network
class Several(nn.ModuleList):
    """Networks of one kind, one for each level: the discriminators of a stack."""

    def __init__(self, each: Sequence[Net]):
        assert 0 < len(each) <= DEEPEST
        super().__init__(one.build() for one in each)


@network
class NoiseReaders(nn.ModuleList):
    """The noise that a level was drawn with, read in its discriminator's last features: (B, *levels[i]) -> (B, noise).

    The Q_i of Huang et al. 2017, section 3.4; it shares all layers but the last with the discriminator, as there.
    """

    def __init__(self, levels: Sequence[Sequence[int]], noise: int):
        assert 0 < len(levels) <= DEEPEST
        super().__init__(he_(nn.Linear(math.prod(level), noise)) for level in levels)

    def read(self, level: int, features: Tensor) -> Tensor:
        return self[level](flat(features))
