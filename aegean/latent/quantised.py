"""Quantised bottlenecks: features -> a grid of symbols, whole numbers that an entropy coder takes, and back to codes.

A grid has a place for each place of the encoder's last level. Three kinds, by name: "finite" rounds
every channel to a few levels, "vector" looks a place's vector up in a codebook, "residual" does so several times, each
codebook for what the ones before left over. Rounding passes gradients straight through (Bengio et al. 2013). Codebooks
are buffers that learn: `observe`, once a step, from sums over the whole batch (see `Paths.observed`).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from aegean.config import network
from aegean.latent.bottlenecks import Latent
from aegean.nets.blocks import Clip, act, he_
from aegean.nets.rounding import nearest, tally

DECAY = 0.99  # of a codebook's averages, a step
USED = 0.01  # of an even share, from which a code counts as used


def places_of(level: Sequence[int]) -> tuple[int, int]:
    """Rows and columns of the grid on a level (C, H, W), (C, L) or (C,): a sequence is a grid of one row."""
    height, width = (1, 1, *level[1:])[-2:]
    return height, width


class StraightThrough(torch.autograd.Function):
    """The code in the place of z, with the gradient of z."""

    @staticmethod
    def forward(ctx: Any, z: Tensor, code: Tensor) -> Tensor:  # type: ignore[override]
        return code.clone()

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None]:  # type: ignore[override]
        return grad, None


class Quantised(nn.Module):
    """What all quantisers share: a linear layer, the grid's shape, and how often each symbol was seen.

    level: shape of the encoder's last level, (C, H, W), (C, L) or (C,)
    latent: dimensions of z, as many at each place
    channels: symbols at each place, below 256
    levels: a symbol is 0 to levels - 1; 2 to 65,536
    project: whether a linear layer makes the latent of the features; else they are the latent already

    `grid` is the shape (channels, height, width) of the symbols. `mass` (channels, levels) is a running mean of each
    symbol's count a step.
    """

    mass: Tensor
    classes = 0
    draws: tuple[str, tuple[int, ...]] | None = None  # the noise that it takes
    stages = 1  # of a residual quantiser: symbols of the last ones may be left out

    def __init__(self, level: Sequence[int], latent: int, channels: int, levels: int, project: bool = True):
        super().__init__()
        height, width = places_of(level)
        assert latent % (height * width) == 0, "a latent's dimensions do not share out evenly"
        assert 0 < channels < 256 and 1 < levels <= 1 << 16
        self.level, self.latent, self.levels = tuple(level), latent, levels
        self.depth = latent // (height * width)
        self.grid = (channels, height, width)
        assert project or self.depth == level[0]
        self.project = he_(nn.Conv2d(level[0], self.depth, 1)) if project else None
        self.register_buffer("mass", torch.ones(channels, levels))

    def places(self, h: Tensor) -> Tensor:
        """Features (B, *level) -> (B, depth, height, width), float32. Those of a sequence may have any width."""
        h = h.view(h.shape[0], self.level[0], self.grid[1], -1)
        return (h if self.project is None else self.project(act(h))).float()

    def bits(self, symbols: Tensor) -> Tensor:
        """What the symbols cost at the same length for all: (B,)."""
        return torch.full(symbols.shape[:1], symbols[0].numel() * math.log2(self.levels), device=symbols.device)

    def counts(self, symbols: Tensor) -> Tensor:
        """How often each symbol of each channel occurs: (B, channels, ...) -> (channels, levels) float32."""
        first = self.levels * torch.arange(len(self.mass), device=symbols.device)
        return tally(symbols.long().transpose(0, 1).flatten(1) + first[:, None], self.mass.numel()).view_as(self.mass)

    def use(self) -> dict[str, float]:
        """Of the last steps: the share of codes that are used, and the entropy in bits a symbol, of at most
        log2(levels)."""
        share = self.mass.double() / self.mass.double().sum(1, keepdim=True)
        entropy = -(share * share.clamp(min=1e-12).log2()).sum(1).mean()
        return {"use": float((share > USED / self.levels).double().mean()), "entropy": float(entropy)}


@network
class FiniteScalar(Quantised):
    """Every number is brought into [-1, 1] and rounded to one of a few levels (Mentzer et al. 2023, section 3.1, with a
    straight line in the place of tanh, so that steps are even): no codebook, nothing that could collapse. z is the
    level in [-1, 1]; `stats` are the symbols before they were rounded."""

    def __init__(self, level: Sequence[int], latent: int, levels: int = 8, project: bool = True):
        height, width = places_of(level)
        super().__init__(level, latent, latent // (height * width), levels, project)

    def forward(self, h: Tensor, noise: Tensor | None = None, labels: Tensor | None = None) -> Latent:
        unrounded = (Clip.apply(self.places(h)) + 1) * ((self.levels - 1) / 2)
        symbols = nearest(unrounded)
        return Latent(self.to_codes(symbols), self.bits(symbols), (unrounded,), symbols)

    def to_codes(self, symbols: Tensor) -> Tensor:
        """Symbols (B, channels, height, width) -> z (B, latent)."""
        return symbols.float().flatten(1) * (2 / (self.levels - 1)) - 1

    def to_symbols(self, z: Tensor) -> Tensor:
        """z (B, latent) -> the symbols of the nearest codes (B, channels, height, width) int64."""
        symbols = ((z + 1) * ((self.levels - 1) / 2)).round().clamp(0, self.levels - 1)
        return symbols.long().unflatten(1, self.grid)

    @property
    def observed_size(self) -> int:
        return self.mass.numel()

    def observed(self, latent: Latent) -> Tensor:
        """How often each symbol of each channel occurred, as one vector."""
        assert latent.symbols is not None
        return self.counts(latent.symbols).flatten()

    @torch.no_grad()
    def observe(self, sums: Tensor) -> None:
        self.mass.lerp_(sums.view_as(self.mass), 1 - DECAY)
