"""Distances between two sets of features, a block of rows at a time, and what is counted in them.

A set's manifold is the union of balls, one around each sample, reaching to its k-th nearest neighbour in the
same set. Balls include their border, and equal rows have distance exactly 0.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor

from aegean.formulas.features import as_features

ROWS = 256  # of a block; 10,000 x 10,000 distances need 20 MB at a time


def distance_blocks(a: np.ndarray, b: np.ndarray) -> Iterator[tuple[slice, Tensor]]:
    """Squared Euclidean distances of a (n, d) to b (m, d): yields (rows of a, float64 block (rows, m)).

    By |x|^2 + |y|^2 - 2 x.y around the mean of b, in float64; what is below the rounding error of that
    difference is 0.
    """
    centre = b.mean(0)
    x, y = torch.from_numpy(a - centre), torch.from_numpy(b - centre)
    x_norms, y_norms = (x * x).sum(1), (y * y).sum(1)
    for start in range(0, len(a), ROWS):
        rows = slice(start, min(start + ROWS, len(a)))
        norms = x_norms[rows, None] + y_norms
        d = torch.addmm(norms, x[rows], y.T, alpha=-2)
        yield rows, d.masked_fill_(d < norms.mul_(1e-13), 0)


def squared_radii(x: np.ndarray, k: int) -> np.ndarray:
    """The squared distance (n,) of each row of x (n, d) to its k-th nearest other row. Needs n > k."""
    (x,) = as_features(x, least=k + 1)
    radii = torch.empty(len(x), dtype=torch.float64)
    for rows, d in distance_blocks(x, x):
        d[torch.arange(len(d)), torch.arange(rows.start, rows.stop)] = math.inf
        radii[rows] = d.topk(k, dim=1, largest=False).values[:, -1]
    return radii.numpy()


def precision_recall(
    real: np.ndarray, fake: np.ndarray, k: int = 3, radii: np.ndarray | None = None
) -> tuple[float, float]:
    """(precision, recall) in [0, 1] of features real (n, d) and fake (m, d).

    Precision: the share of fakes inside the manifold of the real; recall: the share of reals inside the
    manifold of the fakes. Kynkäänniemi et al. 2019, "Improved precision and recall metric", eq. 1 and 2.
    `radii` takes `squared_radii(real, k)` if at hand.
    """
    real, fake = as_features(real, fake, least=k + 1)
    real_radii = torch.from_numpy(squared_radii(real, k) if radii is None else radii)
    fake_radii = torch.from_numpy(squared_radii(fake, k))
    precise = torch.zeros(len(fake), dtype=torch.bool)
    recalled = 0
    for rows, d in distance_blocks(real, fake):
        precise |= (d <= real_radii[rows, None]).any(0)
        recalled += int((d <= fake_radii).any(1).sum())
    return float(precise.double().mean()), recalled / len(real)


def density_coverage(
    real: np.ndarray, fake: np.ndarray, k: int = 5, radii: np.ndarray | None = None
) -> tuple[float, float]:
    """(density, coverage) of features real (n, d) and fake (m, d): density >= 0, coverage in [0, 1].

    Density: how many balls of the real a fake lies in, divided by k (about 1 for real data); coverage: the
    share of real balls with a fake inside. Naeem et al. 2020, "Reliable fidelity and diversity metrics",
    eq. 3 and 4. `radii` takes `squared_radii(real, k)` if at hand.
    """
    real, fake = as_features(real, fake, least=1)
    real_radii = torch.from_numpy(squared_radii(real, k) if radii is None else radii)
    inside = covered = 0
    for rows, d in distance_blocks(real, fake):
        hits = (d <= real_radii[rows, None]).sum(1)
        inside += int(hits.sum())
        covered += int((hits > 0).sum())
    return inside / (k * len(fake)), covered / len(real)


def share_interval(share: float, count: int, z: float = 1.959964) -> tuple[float, float]:
    """The interval (low, high) in [0, 1] of a share counted over `count` samples; 95 % by default.

    Wilson 1927, "Probable inference", for independent samples; a coverage's balls overlap, so take it as a
    guide.
    """
    middle = (share + z * z / (2 * count)) / (1 + z * z / count)
    half = z / (1 + z * z / count) * math.sqrt(share * (1 - share) / count + z * z / (4 * count * count))
    return max(middle - half, 0.0), min(middle + half, 1.0)
