"""Differentiable augmentation at a discriminator's input (Zhao et al. 2020): pure functions of given noise."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import torch
from torch import Tensor


def translate(x: Tensor, u: Tensor) -> Tensor:
    """Shift by up to an eighth of the size, zeros coming in. x (B, C, H, W) or (B, C, L), u (B, 2) uniform, the first
    number for the first axis.

    A shift is a product with a 0/1 matrix: exact in any precision, with derivatives in every mode.
    """
    axes = x.shape[2:]
    for axis, size in enumerate(axes):
        shift = _shift(size, u[:, axis], x.dtype).unflatten(0, (-1, *(1,) * (len(axes) - 1)))
        x = (x.movedim(axis + 2, -1) @ shift.mT).movedim(-1, axis + 2)
    return x


def _shift(size: int, u: Tensor, dtype: torch.dtype) -> Tensor:
    reach = max(1, round(size / 8))
    by = (u * (2 * reach + 1)).floor().clamp(max=2 * reach) - reach
    place = torch.arange(size, device=u.device)
    return (place[:, None] - place == by[:, None, None]).to(dtype)


def cutout(x: Tensor, u: Tensor) -> Tensor:
    """A part of half the size along each axis, centred anywhere, becomes zero. x (B, C, H, W) or (B, C, L), u (B, 2)
    uniform, the first number for the first axis."""
    keep = torch.zeros_like(x[:, :1], dtype=torch.bool)
    for axis, size in enumerate(x.shape[2:]):
        keep = keep.movedim(axis + 2, 1) | _outside(size, u[:, axis]).view(len(x), size, *(1,) * (x.dim() - 2))
        keep = keep.movedim(1, axis + 2)
    return x * keep.to(x.dtype)


def _outside(size: int, u: Tensor) -> Tensor:
    centre = (u * size).floor()[:, None]
    place = torch.arange(size, device=u.device)
    half = max(1, size // 4)
    return (place < centre - half) | (place >= centre + half)


def recolour(x: Tensor, u: Tensor) -> Tensor:
    """Brightness by up to half the range's unit, saturation by up to twice, contrast by half to one and a half.
    x (B, C, H, W), u (B, 3) uniform."""
    brightness, saturation, contrast = u[:, :, None, None, None].to(x.dtype).unbind(1)
    x = x + brightness - 0.5
    grey = x.mean(1, keepdim=True)
    x = grey + 2 * saturation * (x - grey)
    mean = x.mean((1, 2, 3), keepdim=True)
    return mean + (contrast + 0.5) * (x - mean)


class Augmentation(NamedTuple):
    function: Callable[[Tensor, Tensor], Tensor]
    numbers: int  # uniform ones that it takes a sample


AUGMENTATIONS = {
    "translation": Augmentation(translate, 2),
    "cutout": Augmentation(cutout, 2),
    "colour": Augmentation(recolour, 3),
}


def numbers(names: Sequence[str]) -> int:
    """Uniform numbers a sample that the named augmentations take in all."""
    return sum(AUGMENTATIONS[name].numbers for name in names)


def augment(x: Tensor, noise: Tensor, names: Sequence[str]) -> Tensor:
    """Apply the named augmentations in turn; noise (B, numbers(names)) uniform on (0, 1)."""
    parts = noise.split([AUGMENTATIONS[name].numbers for name in names], dim=1) if names else ()
    for name, u in zip(names, parts):
        x = AUGMENTATIONS[name].function(x, u)
    return x
