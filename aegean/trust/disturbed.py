"""What happens to pictures on their way, that a mark must survive."""

from __future__ import annotations

import io
from collections.abc import Callable

import numpy as np
from PIL import Image

from aegean.nets.marked import CUT


def jpeg(x: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    out = io.BytesIO()
    _image(x).save(out, "JPEG", quality=50)
    return _array(Image.open(io.BytesIO(out.getvalue())))


def smaller(x: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    height, width = (round(0.7 * side) for side in x.shape[1:])
    return _array(_image(x).resize((width, height), Image.Resampling.BICUBIC))


def cut(x: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    height, width = (round(CUT * side) for side in x.shape[1:])
    top, left = (int(rng.integers(side - part + 1)) for side, part in zip(x.shape[1:], (height, width)))
    return x[:, top : top + height, left : left + width]


def cut_and_enlarged(x: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    return _array(_image(cut(x, rng)).resize(x.shape[:0:-1], Image.Resampling.BICUBIC))


def noisy(x: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    return np.clip(np.rint(x + 0.05 * 255 * rng.normal(size=x.shape)), 0, 255).astype(np.uint8)


ATTACKS: dict[str, Callable[[np.ndarray, np.random.Generator], np.ndarray]] = {  # (C, H, W) uint8 -> the same
    "nothing": lambda x, rng: x,
    "JPEG 50": jpeg,
    "resize 0.7": smaller,
    "crop 0.75": cut,
    "crop 0.75, enlarged": cut_and_enlarged,
    "noise 0.05": noisy,
}


def _image(x: np.ndarray) -> Image.Image:
    return Image.fromarray(np.ascontiguousarray(x[0] if len(x) == 1 else x.transpose(1, 2, 0)))


def _array(image: Image.Image) -> np.ndarray:
    x = np.asarray(image)
    return x[None] if image.mode == "L" else x.transpose(2, 0, 1)
