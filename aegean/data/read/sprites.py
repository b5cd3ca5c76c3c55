"""Sprites: pictures drawn from four known factors, all combinations of them, as in dSprites (Matthey et al. 2017)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from aegean.data.read.source import Source, array_part

if TYPE_CHECKING:
    from aegean.data.sets.dataset import Dataset

SIDE = 16  # pixels
SHAPES = ("square", "disc", "triangle")
RADII = np.linspace(2.0, 4.0, 6)  # pixels from the centre to a side, an edge or a corner
PLACES = np.linspace(4.0, 11.0, 16)  # of the centre, in pixels: the largest sprite stays inside
FACTORS = {"shape": len(SHAPES), "size": len(RADII), "x": len(PLACES), "y": len(PLACES)}
HELD_OUT = 460


def sprite_factors() -> np.ndarray:
    """(4608, 4) int64: for each sprite the index of its shape, size, x and y; every combination once."""
    return np.stack(np.meshgrid(*map(np.arange, FACTORS.values()), indexing="ij"), axis=-1).reshape(-1, len(FACTORS))


def draw_sprites(factors: np.ndarray) -> np.ndarray:
    """Factors (n, 4) -> white on black (n, 1, 16, 16) uint8. A pixel's grey is how far its middle lies inside the edge,
    from half a pixel outside (0) to half a pixel inside (255)."""
    shape, size, x, y = (column[:, None, None] for column in factors.T)
    rows, columns = np.mgrid[:SIDE, :SIDE]
    u, v, radius = columns - PLACES[x], rows - PLACES[y], RADII[size]
    half = 0.5 * radius
    outside = [  # distance from the edge, below 0 inside
        np.maximum(abs(u), abs(v)) - 0.8 * radius,
        np.hypot(u, v) - 0.9 * radius,
        np.maximum(abs(u) * np.sqrt(0.75) - half * (1 + v / radius), v - half),
    ]
    distance = np.choose(shape, outside)
    return np.rint(255 * np.clip(0.5 - distance, 0, 1)).astype(np.uint8)[:, None]


def sprites() -> Source:
    """4,608 grey 16x16 pictures of a shape, which is the class; a seeded choice of 460 is the test part."""
    pictures, labels = draw_sprites(factors := sprite_factors()), factors[:, 0]
    test = _held_out(len(pictures))
    return Source(
        "sprites",
        "sprites",
        "image",
        shape=(1, SIDE, SIDE),
        dtype="uint8",
        train=array_part(pictures[~test], labels[~test]),
        test=array_part(pictures[test], labels[test]),
        classes=SHAPES,
    )


def known_factors(dataset: Dataset) -> tuple[np.ndarray, np.ndarray] | None:
    """All sprites (4608, 1, 16, 16) and their factors (4608, 4), if a data set is the built-in one as it is."""
    if dataset.info.name != "sprites" or dataset.info.shape != (1, SIDE, SIDE) or dataset.info.test_count != HELD_OUT:
        return None
    pictures = draw_sprites(factors := sprite_factors())
    same = np.array_equal(np.asarray(dataset.test[:]), pictures[_held_out(len(pictures))])
    return (pictures, factors) if same else None


def _held_out(count: int) -> np.ndarray:
    """(count,) bool: which sprites are the test part."""
    chosen = np.zeros(count, bool)
    chosen[np.random.default_rng(4).permutation(count)[:HELD_OUT]] = True
    return chosen
