"""Quantisers with codebooks: each place's vector is looked up, once or in several stages."""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from aegean.config import network
from aegean.latent.bottlenecks import Latent
from aegean.latent.quantised import DECAY, Quantised, StraightThrough

DEAD = 0.2  # of an even share of the places; a code that is used less is given a new one (docs/log.md)


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
        self.register_buffer("sums", torch.randn(stages, levels, self.depth))
        self.register_buffer("squares", torch.empty(stages, levels, self.depth))
        if not self.sums.is_meta:  # an outline has no values, and torch would load its compiler to work them out
            self.sums.div_(2 ** torch.arange(stages)[:, None, None])
            self.squares.copy_(self.sums.square() + self.sums.var())

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
        z = StraightThrough.apply(places, codes.sum(1))
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
