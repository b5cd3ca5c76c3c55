"""Scaling that covers a target size, then a centre crop: one box, taken out and resized in one step."""

from __future__ import annotations

import numpy as np
from PIL import Image


def cover(size: tuple[int, int], target: tuple[int, int]) -> tuple[float, float, float, float]:
    """The largest centred box (left, top, right, bottom) of `size` with the target's aspect; (height, width)."""
    height, width = size
    scale = min(height / target[0], width / target[1])
    h, w = target[0] * scale, target[1] * scale
    top, left = max(0.0, (height - h) / 2), max(0.0, (width - w) / 2)
    return left, top, min(left + w, width), min(top + h, height)


def resized(image: Image.Image, size: tuple[int, int]) -> Image.Image:
    """A picture scaled to cover (height, width) and centre-cropped, Lanczos-filtered against aliasing."""
    if (image.height, image.width) == size:
        return image
    box = cover((image.height, image.width), size)
    return image.resize((size[1], size[0]), Image.Resampling.LANCZOS, box)


def fit(sample: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """The same for an array (channels, height, width); it keeps its number type and its range."""
    if sample.shape[1:] == size:
        return sample
    planes = [np.asarray(resized(Image.fromarray(plane.astype(np.float32)), size)) for plane in sample]
    values = np.stack(planes).clip(sample.min(), sample.max())  # the filter overshoots at edges
    return (values if sample.dtype.kind == "f" else np.rint(values)).astype(sample.dtype)
