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
import torch.nn.functional as F
from torch import Tensor, nn

from aegean.config import network
from aegean.latent.bottlenecks import Latent
from aegean.nets.blocks import Clipped, act, he_
from aegean.nets.integer import nearest, tally

DECAY = 0.99  # of a codebook's averages, a step
DEAD = 0.2  # of an even share of the places; a code that is used less is given a new one (docs/log.md)
USED = 0.01  # of an even share, from which a code counts as used


def places_of(level: Sequence[int]) -> tuple[int, int]:
    """Rows and columns of the grid on a level (C, H, W), (C, L) or (C,): a sequence is a grid of one row."""
    height, width = (1, 1, *level[1:])[-2:]
    return height, width


class Replaced(torch.autograd.Function):
    """The code in the place of z, with the gradient of z."""

    @staticmethod
    def forward(ctx: Any, z: Tensor, code: Tensor) -> Tensor:  # type: ignore[override]
        return code.clone()

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None]:  # type: ignore[override]
        return grad, None


class Quantised(nn.Module):
    """What the three share: the linear layer, the grid's shape, and how often each symbol was seen. Without `project`
    there is no layer: the features are the numbers already.

    `grid` is the shape (channels, height, width) of the symbols, each from 0 to levels - 1; `latent` is how many
    numbers z has: `depth` at each place. `mass` (channels, levels) is a running mean of each symbol's count a step.
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
        """Features (B, *level) -> (B, depth, height, width), float32."""
        h = h.view(h.shape[0], self.level[0], *self.grid[1:])
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
        unrounded = (Clipped.apply(self.places(h)) + 1) * ((self.levels - 1) / 2)
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


@network
class VectorQuantised(Quantised):
    """Vectors from codebooks: one, or several `stages`, each for what the ones before left over.

    A code is the running mean of the vectors that it was nearest to (van den Oord et al. 2017, appendix A.1; Razavi et
    al. 2019, eq. 2). A code that hardly anything is near to takes half of what the most used code has: the two move
    apart along that code's spread (splitting, Linde, Buzo and Gray 1980, section III), so that no code stays dead.
    With several stages (Zeghidour et al. 2021, section III-C) each sample in training uses as many, from the first on,
    as noise says: so the first few alone are a coarser code. `loss` is the commitment (van den Oord et al. 2017, eq.
    3): the squared distance of what was quantised to its code, summed.
    """

    sums: Tensor
    squares: Tensor

    def __init__(self, level: Sequence[int], latent: int, levels: int = 256, stages: int = 1):
        super().__init__(level, latent, stages, levels)
        self.stages, self.draws = stages, ("uniform", (1,)) if stages > 1 else None
        book = torch.randn(stages, levels, self.depth) / 2 ** torch.arange(stages)[:, None, None]
        self.register_buffer("sums", book)
        self.register_buffer("squares", book.square() + book.var())

    @property
    def book(self) -> Tensor:
        """The codes (stages, levels, depth)."""
        return self.sums / self.mass[:, :, None]

    def forward(self, h: Tensor, noise: Tensor | None = None, labels: Tensor | None = None) -> Latent:
        places = self.places(h)
        rest, stages = self._stages(places.detach())
        used = torch.ones_like(rest[:, :, 0, 0, 0]) if noise is None else self._used(noise)
        used = used[:, :, None, None, None]
        codes = self._look_up(stages) * used
        before = torch.cat((torch.zeros_like(codes[:, :1]), codes.cumsum(1)[:, :-1]), 1)
        loss = (used * (places[:, None] - before - codes)).square().flatten(1).sum(1)
        z = Replaced.apply(places, codes.sum(1))
        return Latent(z.flatten(1), self.bits(stages), (rest,), stages.to(z.dtype), loss)

    def to_codes(self, symbols: Tensor) -> Tensor:
        """Symbols (B, stages or fewer, height, width) -> z (B, latent)."""
        return self._look_up(symbols.long()).sum(1).flatten(1)

    def to_symbols(self, z: Tensor) -> Tensor:
        """z (B, latent) -> the symbols of the nearest codes (B, stages, height, width) int64."""
        return self._stages(z.unflatten(1, (self.depth, *self.grid[1:])).float())[1]

    def _stages(self, places: Tensor) -> tuple[Tensor, Tensor]:
        """places (B, depth, H, W) -> what each stage is given (B, stages, depth, H, W), and its symbol (B, stages, H,
        W) int64."""
        given, symbols = [], []
        for number, codes in enumerate(self.book):
            given.append(places)
            flat = places.movedim(1, -1)
            symbols.append((codes.square().sum(1) - 2 * flat @ codes.T).argmin(-1))
            if number + 1 < len(self.mass):
                places = places - F.embedding(symbols[-1], codes).movedim(-1, 1)
        return torch.stack(given, 1), torch.stack(symbols, 1)

    def _look_up(self, symbols: Tensor) -> Tensor:
        """Symbols (B, stages, H, W) -> their codes (B, stages, depth, H, W)."""
        codes = [F.embedding(symbols[:, n], self.book[n]) for n in range(symbols.shape[1])]
        return torch.stack(codes, 1).movedim(-1, 2)

    def _used(self, noise: Tensor) -> Tensor:
        """Uniform noise (B, 1) -> 1 for each of the stages that a sample uses, else 0 (B, stages)."""
        stages = len(self.mass)
        return (torch.arange(stages, device=noise.device) <= (noise * stages).floor()).to(torch.float32)

    @property
    def observed_size(self) -> int:
        return self.mass.numel() + 2 * self.sums.numel()

    def observed(self, latent: Latent) -> Tensor:
        """Of each stage and code: how often it was nearest, and the sum and the sum of squares of what it was nearest
        to, as one vector. Stages that dropout left out learn like the others."""
        assert latent.symbols is not None
        (given,) = latent.stats
        vectors = given.movedim(2, -1).transpose(0, 1).reshape(len(self.mass), -1, self.depth)
        number = latent.symbols.long().transpose(0, 1).flatten(1)
        sums = [torch.zeros_like(self.sums[0]).index_add_(0, n, v) for n, v in zip(number, vectors)]
        squares = [torch.zeros_like(self.sums[0]).index_add_(0, n, v.square()) for n, v in zip(number, vectors)]
        return torch.cat((self.counts(latent.symbols).flatten(), torch.stack(sums + squares).flatten()))

    @torch.no_grad()
    def observe(self, sums: Tensor) -> None:
        mass, first, second = sums.split((self.mass.numel(), self.sums.numel(), self.sums.numel()))
        for mine, new in ((self.mass, mass), (self.sums, first), (self.squares, second)):
            mine.lerp_(new.view_as(mine), 1 - DECAY)
        self._split()

    def _split(self) -> None:
        """The i-th least used code, where it is dead, halves what the i-th most used one has."""
        mass = self.mass.clone()
        even = mass.mean(1, keepdim=True)
        order = mass.argsort(1)
        half = self.levels // 2
        few, many = order[:, :half], order.flip(1)[:, :half]
        dead = (mass.gather(1, few) < DEAD * even) & (mass.gather(1, many) > 2 * DEAD * even)
        share = mass.gather(1, many)[..., None] / 2
        index = [i[..., None].expand(-1, -1, self.depth) for i in (few, many)]
        mean, square = (v.gather(1, index[1]) / (2 * share) for v in (self.sums, self.squares))
        spread = (square - mean.square()).clamp(min=1e-8).sqrt() / 2
        for i, place, side in ((few, index[0], 1), (many, index[1], -1)):
            code = mean + side * spread
            second = code.square() + spread.square()
            for mine, new in ((self.sums, code * share), (self.squares, second * share)):
                mine.scatter_(1, place, torch.where(dead[..., None], new, mine.gather(1, place)))
            self.mass.scatter_(1, i, torch.where(dead, share[..., 0], self.mass.gather(1, i)))
