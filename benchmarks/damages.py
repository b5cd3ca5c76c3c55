"""Damage as test sets have it, made with numpy and Pillow and not with the operations of training; and the classical
repairs that a trained restorer is compared with."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from functools import partial
from typing import NamedTuple

import numpy as np
from common import note
from PIL import Image
from scipy.ndimage import median_filter


class Given(NamedTuple):
    """Damaged pictures."""

    x: np.ndarray  # (n, C, h, w), 0 to 255, not clipped
    holes: np.ndarray | None = None  # (H, W) bool
    scale: int = 1
    sigma: float = 0.0  # of the noise


Damage = Callable[[np.ndarray], Given]  # of clean pictures (n, C, H, W) uint8
Repair = Callable[[np.ndarray], np.ndarray]  # of pictures (n, C, h, w), 0 to 255


def noise(clean: np.ndarray, sigma: float) -> Given:
    return Given(clean + np.random.default_rng(0).normal(0, sigma, clean.shape), sigma=sigma)


def jpeg(clean: np.ndarray, quality: int) -> Given:
    def again(picture: Image.Image) -> Image.Image:
        file = io.BytesIO()
        picture.save(file, "JPEG", quality=quality)
        return Image.open(file)

    return Given(each(clean, again))


def small(clean: np.ndarray, factor: int) -> Given:
    size = clean.shape[3] // factor, clean.shape[2] // factor
    return Given(each(clean, lambda p: p.resize(size, Image.Resampling.BICUBIC)), scale=factor)


def hole(clean: np.ndarray, side: int) -> Given:
    """In the middle."""
    holes = np.zeros(clean.shape[2:], bool)
    top, left = ((size - side) // 2 for size in holes.shape)
    holes[top : top + side, left : left + side] = True
    return Given(np.where(holes, 127.5, clean), holes)


def each(raw: np.ndarray, change: Callable[[Image.Image], Image.Image]) -> np.ndarray:
    """A function of Pillow's pictures on arrays (n, C, H, W) uint8."""
    shown = [change(Image.fromarray(p[0] if len(p) == 1 else p.transpose(1, 2, 0))) for p in raw]
    return np.stack([np.atleast_3d(np.asarray(p)).transpose(2, 0, 1) for p in shown])


def repairs(given: Given, mean: np.ndarray | None) -> Iterator[tuple[str, Repair]]:
    """What needs no training, by name. Those of noise are told its strength; `TV x`: of weight x, of which the reader
    may take the best. mean: of the training pictures (C, H, W)."""
    if given.scale > 1:
        for name in ("bicubic", "Lanczos"):
            yield name, partial(larger, factor=given.scale, resample=Image.Resampling[name.upper()])
        return
    if given.holes is not None:
        if mean is not None:
            yield "mean of the set", lambda x: np.broadcast_to(mean, x.shape)
        yield "biharmonic", partial(biharmonic, holes=given.holes)
        return
    yield "given", lambda x: x.clip(0, 255)
    yield "median filter 3x3", lambda x: median_filter(x, (1, 1, 3, 3), mode="nearest")
    yield from scikit(given.sigma)


def larger(x: np.ndarray, factor: int, resample: Image.Resampling) -> np.ndarray:
    size = x.shape[3] * factor, x.shape[2] * factor
    return each(np.uint8(x), lambda p: p.resize(size, resample))


def biharmonic(x: np.ndarray, holes: np.ndarray) -> np.ndarray:
    """Holes (H, W), the same in all pictures and 2 pixels from the border, filled with the smoothest surface: the
    biharmonic equation in differences, solved for all pictures at once (Damelin and Hoang 2018)."""
    stencil = {(0, 0): 20.0}
    for a, b in ((1, 0), (-1, 0), (0, 1), (0, -1)):
        stencil |= {(a, b): -8.0, (2 * a, 2 * b): 1.0, (a + b, b - a): 2.0}
    inside = np.argwhere(holes)
    number = {tuple(place): i for i, place in enumerate(inside)}
    matrix, known = np.zeros((len(inside), len(inside))), np.zeros((len(inside), *x.shape[:2]))
    for i, (row, column) in enumerate(inside):
        for (down, across), weight in stencil.items():
            place = row + down, column + across
            if place in number:
                matrix[i, number[place]] += weight
            else:
                known[i] -= weight * x[:, :, *place]
    out = np.array(x, np.float64)
    solved = np.linalg.solve(matrix, known.reshape(len(inside), -1)).reshape(known.shape)
    out[:, :, holes] = solved.transpose(1, 2, 0)
    return out.clip(0, 255)


def scikit(sigma: float) -> Iterator[tuple[str, Repair]]:
    """Those of scikit-image, where it is installed."""
    try:
        from skimage.restoration import denoise_nl_means, denoise_tv_chambolle
    except ImportError:
        note("scikit-image is not installed: no total variation, no non-local means")
        return

    def apply(x: np.ndarray, filter: Callable[..., np.ndarray], **options: float) -> np.ndarray:
        planes = x if x.shape[1] > 1 else x[:, 0]
        axis = {"channel_axis": 0 if x.shape[1] > 1 else None}
        return 255 * np.stack([filter(p / 255, **axis, **options) for p in planes]).reshape(x.shape).clip(0, 1)

    if not sigma:
        for weight in (0.02, 0.05):
            yield f"TV {weight:g}", partial(apply, filter=denoise_tv_chambolle, weight=weight)
        return
    for share in (0.7, 1.0, 1.4):
        weight = share * sigma / 255
        yield f"TV {share:g} sigma", partial(apply, filter=denoise_tv_chambolle, weight=weight)
    means = {"h": 0.8 * sigma / 255, "sigma": sigma / 255, "fast_mode": True, "patch_size": 5, "patch_distance": 6}
    yield "non-local means", partial(apply, filter=denoise_nl_means, **means)
