"""Bottlenecks without a layer of their own, for encoders whose last level is the latent already, a grid of vectors."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from aegean.config import network
from aegean.latent.bottlenecks import Latent, kl_to_normal
from aegean.latent.names import NATS_TO_BITS
from aegean.latent.quantised import FiniteScalar, Quantised, StraightThrough

REACH = 4.0  # standard deviations of a channel, to either side, that finite scalars take the place of


class _Grid(nn.Module):
    """`shift` and `scale`, one number or one a channel: z = (h - shift) * scale."""

    shift: Tensor
    scale: Tensor

    def __init__(self, latent: int, shift: Sequence[float], scale: Sequence[float]):
        super().__init__()
        self.latent, self.classes = latent, 0
        for name, values in (("shift", shift), ("scale", scale)):
            self.register_buffer(name, torch.tensor(values, dtype=torch.float32)[:, None, None], persistent=False)


@network("GivenIdentity")
class GridIdentity(_Grid):
    """A plain autoencoder's: a level (C, H, W) -> z = (h - shift) * scale, flattened."""

    def __init__(self, level: Sequence[int], shift: Sequence[float] = (0.0,), scale: Sequence[float] = (1.0,)):
        super().__init__(math.prod(level), shift, scale)

    def forward(self, h: Tensor, noise: Tensor | None = None, labels: Tensor | None = None) -> Latent:
        z = ((h.float() - self.shift) * self.scale).flatten(1)
        return Latent(z, z.new_zeros(len(z)))


@network("GivenGaussian")
class GridGaussian(_Grid):
    """A diagonal Gaussian posterior (Kingma and Welling 2013): a level (2C, H, W) of means, then log variances (within
    [-30, 20]), of h; `stats` and `rate` are of z = (h - shift) * scale, flattened, against N(0, 1)."""

    def __init__(self, level: Sequence[int], shift: Sequence[float] = (0.0,), scale: Sequence[float] = (1.0,)):
        super().__init__(math.prod(level) // 2, shift, scale)

    def forward(self, h: Tensor, noise: Tensor | None = None, labels: Tensor | None = None) -> Latent:
        mean, log_variance = h.float().chunk(2, 1)
        mean = ((mean - self.shift) * self.scale).flatten(1)
        log_variance = (log_variance.clamp(-30, 20) + 2 * self.scale.log()).flatten(1)
        z = mean if noise is None else mean + (log_variance / 2).exp() * noise
        return Latent(z, kl_to_normal(mean, log_variance) * NATS_TO_BITS, (mean, log_variance))


@network("GivenCodes")
class GridCodes(Quantised):
    """One codebook, `codes` (levels, C), that is frozen: each place of a level (C, H, W) takes the nearest code."""

    codes: Tensor

    def __init__(self, level: Sequence[int], levels: int):
        super().__init__(level, math.prod(level), 1, levels, project=False)
        self.register_buffer("codes", torch.zeros(levels, level[0]))

    def forward(self, h: Tensor, noise: Tensor | None = None, labels: Tensor | None = None) -> Latent:
        places = self.places(h).movedim(1, -1)
        # As diffusers measures: two codes that are nearly as near must not change places by rounding.
        nearest = torch.cdist(places.detach().flatten(0, 2), self.codes).argmin(1)
        symbols = nearest.view(len(h), *self.grid).to(places.dtype)
        z = StraightThrough.apply(places.movedim(-1, 1).flatten(1), self.to_codes(symbols))
        return Latent(z, self.bits(symbols), (), symbols)

    def to_codes(self, symbols: Tensor) -> Tensor:
        """Symbols (B, 1, H, W) -> z (B, latent)."""
        return nn.functional.embedding(symbols[:, 0].long(), self.codes).movedim(-1, 1).flatten(1)

    def to_symbols(self, z: Tensor) -> Tensor:
        """z (B, latent) -> the symbols of the nearest codes (B, 1, H, W) int64."""
        places = z.unflatten(1, (self.depth, *self.grid[1:])).movedim(1, -1).float()
        return torch.cdist(places.flatten(0, 2), self.codes).argmin(1).view(len(z), *self.grid)


@network("GivenScalars")
class GridScalars(FiniteScalar):
    """Finite scalars in the place of a trained autoencoder's latent: of a level (C or more, H, W) the first C channels
    h, of which z = (h - shift) * scale was made, are rounded within REACH deviations of their mean. `fit` finds both,
    so that a codec begins with all that the autoencoder has learnt.

    grid: (C, H, W) of the latent
    levels: steps of each number
    shift, scale: one number, or one for each channel
    """

    centre: Tensor
    spread: Tensor
    shift: Tensor
    scale: Tensor

    def __init__(
        self,
        grid: Sequence[int],
        levels: int = 17,
        shift: Sequence[float] = (0.0,),
        scale: Sequence[float] = (1.0,),
    ):
        super().__init__(grid, math.prod(grid), levels, project=False)
        for name, values in (("shift", shift), ("scale", scale)):
            self.register_buffer(name, torch.tensor(values, dtype=torch.float32)[:, None, None], persistent=False)
        self.register_buffer("centre", torch.zeros(grid[0], 1, 1))
        self.register_buffer("spread", torch.ones(grid[0], 1, 1))

    @torch.no_grad()
    def fit(self, h: Tensor, labels: Tensor | None = None) -> None:
        """Mean and deviation of each channel of features (n, C or more, H, W)."""
        h = h[:, : self.depth].float()
        self.centre.copy_(h.mean((0, 2, 3))[:, None, None])
        self.spread.copy_(h.std((0, 2, 3)).clamp(min=1e-6)[:, None, None])

    def places(self, h: Tensor) -> Tensor:
        return (h[:, : self.depth].float() - self.centre) / (REACH * self.spread)

    def to_codes(self, symbols: Tensor) -> Tensor:
        h = super().to_codes(symbols).unflatten(1, self.grid) * (REACH * self.spread) + self.centre
        return ((h - self.shift) * self.scale).flatten(1)

    def to_symbols(self, z: Tensor) -> Tensor:
        return super().to_symbols(self.places(z.unflatten(1, self.grid) / self.scale + self.shift).flatten(1))
