"""Data that need no download: scikit-learn's handwritten digits, and two mixtures of Gaussians in the plane."""

from __future__ import annotations

import hashlib
import importlib.util
from pathlib import Path

import numpy as np

from aegean.data.read import sprites as sprites_module
from aegean.data.read.source import Source, array_part
from aegean.data.read.sprites import sprites

TRAIN, TEST = 100_000, 10_000


def digits() -> Source:
    """1,797 grey 8x8 digits, their 17 levels spread over uint8; 397 of them are the test part."""
    spec = importlib.util.find_spec("sklearn")  # its file alone: importing it takes seconds
    assert spec and spec.origin
    table = np.loadtxt(Path(spec.origin).parent / "datasets" / "data" / "digits.csv.gz", delimiter=",")
    images = np.rint(table[:, :-1].reshape(-1, 1, 8, 8) * (255 / 16)).astype(np.uint8)
    part = array_part(images, table[:, -1].astype(np.int64))
    classes = tuple(str(n) for n in range(10))
    return Source("digits", "digits", "image", (1, 8, 8), "uint8", part, classes=classes, held_out=397)


def grid() -> Source:
    """25 Gaussians on {-4,-2,0,2,4}^2, standard deviation 0.05 (PacGAN, Lin et al. 2018, section 4.1)."""
    side = np.arange(-4, 5, 2)
    centres = np.stack(np.meshgrid(side, side, indexing="ij"), axis=-1).reshape(25, 2)
    return _mixture("grid", centres, deviation=0.05, reach=5.0)


def ring() -> Source:
    """8 Gaussians on the unit circle, standard deviation 0.01 (PacGAN, Lin et al. 2018, section 4.1)."""
    angle = 2 * np.pi * np.arange(8) / 8
    return _mixture("ring", np.stack([np.cos(angle), np.sin(angle)], axis=1), deviation=0.01, reach=1.5)


def _mixture(name: str, centres: np.ndarray, deviation: float, reach: float) -> Source:
    rng = np.random.default_rng(25)
    modes = rng.integers(len(centres), size=TRAIN + TEST)
    points = centres[modes] + deviation * rng.standard_normal((TRAIN + TEST, 2))
    points = points.astype(np.float32)
    return Source(
        name,
        name,
        "table",
        shape=(2,),
        dtype="float32",
        train=array_part(points[:TRAIN], modes[:TRAIN]),
        test=array_part(points[TRAIN:], modes[TRAIN:]),
        classes=tuple(str(n) for n in range(len(centres))),
        columns=("x", "y"),
        range=(-reach, reach),
    )


BUILT_IN = {"digits": digits, "grid": grid, "ring": ring, "sprites": sprites}
FILES = tuple(Path(name) for name in (__file__, sprites_module.__file__))  # that make them


def built_in_sum(name: str) -> str:
    """sha256 over the samples and labels of a built-in set."""
    source, total = BUILT_IN[name](), hashlib.sha256()
    for part in filter(None, (source.train, source.test)):
        for block in part.blocks():
            total.update(np.ascontiguousarray(block).data)
        total.update(b"" if part.labels is None else part.labels.data)
    return total.hexdigest()
