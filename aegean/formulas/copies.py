"""Copies: whether samples lie nearer to the records that were trained on than to others of the same kind."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from aegean.formulas.memorisation import nearest

REACHES = (math.inf, 1.0, 0.5, 0.25)  # of a record's distance to its own nearest other: where samples count as near it
CELLS = 10
FEWEST = 20  # points of a cell, below which it has no say


class Hits(NamedTuple):
    """Records near which samples lie."""

    reach: float
    samples: int  # that lie within reach of their nearest record
    nearer: int  # of them to one that was trained on
    records: int  # that have some sample within reach,
    members: int  # of which so many were trained on
    expected: float  # members among them, if training left no trace
    p: float


def hits(place: np.ndarray, ratio: np.ndarray, member: np.ndarray) -> list[Hits]:
    """For each reach, of the records that some sample comes near: how many were trained on, and the chance of as many.

    place, ratio: (n,) of samples, the nearest of all records, and how near it is (`memorisation.nearness`).
    member: (m,) bool, which records were trained on.

    Where training leaves no trace, members and others are exchangeable, so the members among the records that are hit
    follow a hypergeometric law: p is exact, whatever the samples are like. A record counts once, however often it is
    hit, so a few copied over and over hardly count.
    """
    from scipy.stats import hypergeom

    total, trained, result = len(member), int(member.sum()), []
    for reach in REACHES:
        near = place[ratio < reach] if reach < math.inf else place
        records = np.unique(near)
        count = int(member[records].sum())
        p = float(hypergeom.sf(count - 1, total, trained, len(records)))
        expected = len(records) * trained / total
        result.append(Hits(reach, len(near), int(member[near].sum()), len(records), count, expected, p))
    return result


def copying_z(train: np.ndarray, real: np.ndarray, fake: np.ndarray, distances: tuple[np.ndarray, np.ndarray]) -> float:
    """Are samples nearer to the training records than held-out ones are? Below -3: yes; above 3: further away.

    Meehan, Chaudhuri and Dasgupta 2020 ("A non-parametric test to detect data-copying in generative models"), C_T: the
    z of a Mann-Whitney test of distances to the nearest training record, in each cell of the training data that has
    enough of both, weighted by its share of the held-out records. NaN where no cell has.

    train, real, fake: features (n, d) of training records, of held-out ones (h, d) and of samples (m, d).
    distances: (h,) and (m,), from real and from fake to the nearest training record, or their squares.
    """
    from scipy.stats import mannwhitneyu

    centres = _centres(train[:: max(1, len(train) // 10_000)])
    real_cell, fake_cell = (nearest(x, centres)[1] for x in (real, fake))
    total = weight = 0.0
    for cell in range(len(centres)):
        a, b = distances[0][real_cell == cell], distances[1][fake_cell == cell]
        if min(len(a), len(b)) >= FEWEST:
            u = mannwhitneyu(b, a).statistic - len(a) * len(b) / 2
            total += len(a) * u / math.sqrt(len(a) * len(b) * (len(a) + len(b) + 1) / 12)
            weight += len(a)
    return float(total / weight) if weight else math.nan


def _centres(x: np.ndarray) -> np.ndarray:
    """Centres of CELLS cells of x (n, d), fewer of little data: ten steps of Lloyd."""
    count = min(CELLS, max(1, len(x) // FEWEST))
    centres = x[np.random.default_rng(0).choice(len(x), count, replace=False)]
    for _ in range(10):
        cell = nearest(x, centres)[1]
        centres = np.stack([x[cell == n].mean(0) if (cell == n).any() else centre for n, centre in enumerate(centres)])
    return centres
