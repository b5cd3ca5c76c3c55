"""Scaling by a cubic kernel, as products with matrices: any factor, another one for each sample, or a part of the
result alone. The same numbers as Pillow's and torch's antialiased bicubic filter."""

from __future__ import annotations

import torch
from torch import Tensor

REACH = 2  # places that the kernel covers to either side


def cubic(t: Tensor) -> Tensor:
    """The kernel of Keys 1981, eq. 4, a = -1/2."""
    t = t.abs()
    near, far = (1.5 * t - 2.5) * t * t + 1, ((-0.5 * t + 2.5) * t - 4) * t + 2
    return torch.where(t <= 1, near, torch.where(t < 2, far, 0.0))


def weights(places: Tensor, centres: Tensor, stretch: Tensor | float = 1.0) -> Tensor:
    """Rows of a scaling matrix (..., n, m): centres (..., n) of the values wanted, in units of the m given ones, which
    lie at `places` (..., m); NaN at a place: there is none. stretch: of the kernel, above 1 against aliasing."""
    stretch = torch.as_tensor(stretch, device=places.device)[..., None, None]
    found = cubic((centres[..., :, None] - places[..., None, :]) / stretch).nan_to_num(0.0)
    return found / found.sum(-1, keepdim=True)


def enlarging(size: int, to: int, start: int, stop: int) -> tuple[int, int, Tensor]:
    """Values start ... stop - 1 of a line that grows from `size` to `to`: of which given ones, first ... last - 1, and
    the matrix (stop - start, last - first)."""
    centres = (torch.arange(start, stop, dtype=torch.float64) + 0.5) * size / to - 0.5
    first = max(0, int(centres[0].floor()) - REACH)
    last = min(size, int(centres[-1].ceil()) + REACH + 1)
    return first, last, weights(torch.arange(first, last, dtype=torch.float64), centres).float()


def coarse(size: int, factor: Tensor) -> tuple[Tensor, Tensor]:
    """Two matrices (B, size, size): one brings a line of `size` values to size / factor (B,), rounded, and repeats the
    last of them up to `size`; the other takes it back."""
    fine = torch.arange(size, device=factor.device, dtype=torch.float32)
    few = (size / factor).round().clamp(1, size)[:, None]
    centres = (torch.minimum(fine, few - 1) + 0.5) * size / few - 0.5
    low = torch.where(fine < few, fine, torch.nan)  # (B, size): the coarse line's places
    down = weights(fine, centres, (size / few[:, 0]).clamp(min=1.0))
    return down, weights(low, (fine + 0.5) * few / size - 0.5)
