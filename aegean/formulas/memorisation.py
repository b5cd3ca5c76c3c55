"""Memorisation: how many samples lie so near to a training image that they look like copies of it."""

from __future__ import annotations

import math

import numpy as np
import torch

from aegean.formulas.features import as_features
from aegean.formulas.neighbours import share_interval

NUMBERS = 2**21  # distances of a block: 16 MB
SAME = 1e-5  # of the cloud's size: a float32 network gives equal images features that differ by less


def memorised(train: np.ndarray, samples: np.ndarray) -> float:
    """The share in [0, 1] of samples nearer to their nearest training image than that image to its nearest other.

    Features train (n, d) and samples (m, d); n >= 2. A share has meaning beside that of held-out data only: 0.4 for
    those of digits and MNIST, 0.06 in the features of a classifier trained on 100 digits; about 1 for copies, about 0
    for samples that lie off the data. It is no proof of copying: samples that crowd around typical images come near
    many of them (held-out digits moved three quarters of the way to the mean of their class: 0.50, where held-out
    ones have 0.37).

    The nearest other is the nearest *different* image: next to an equal one nothing could be nearer, and images that
    occur twice are those that models memorise first (Carlini et al. 2023, "Extracting training data from diffusion
    models"). Where there is no different image every sample counts. Nothing changes when features are rotated, moved
    or scaled. Takes about 2 n m d multiplications, a bounded block at a time.
    """
    train, samples = as_features(train, samples, least=1)
    (train,) = as_features(train)
    return float((nearness(*nearest(samples, train), train) < 1).mean())


def nearness(squared: np.ndarray, place: np.ndarray, records: np.ndarray) -> np.ndarray:
    """Distances of points to their nearest record, each over the distance of that record to its own nearest *different*
    one: 0 is a copy.

    squared, place: (m,) as `nearest` gives them.
    records: (n, d) features among which they were looked for.
    """
    met, which = np.unique(place, return_inverse=True)
    own, _ = nearest(records[met], records, beyond=SAME**2 * float(records.var(0).sum()))
    return np.sqrt(squared / own[which])


def nearest(points: np.ndarray, among: np.ndarray, beyond: float | None = None) -> tuple[np.ndarray, np.ndarray]:
    """Squared distance (m,) and index (m,) of the row of `among` (n, d) nearest to each of points (m, d), float64.

    `beyond`: only rows at a larger squared distance count; where there is none, the distance is infinite.
    """
    centre = among.mean(0)
    x, y = torch.from_numpy(points - centre), torch.from_numpy(among - centre)
    x_norms, y_norms = (x * x).sum(1), (y * y).sum(1)
    distances, places = np.empty(len(x)), np.empty(len(x), np.int64)
    size = max(1, NUMBERS // len(y))
    for start in range(0, len(x), size):
        rows = slice(start, start + size)
        d = torch.addmm(y_norms, x[rows], y.T, alpha=-2)  # without |x|^2, which does not change the order
        if beyond is not None:
            d.masked_fill_(d <= beyond - x_norms[rows, None], math.inf)
        least, place = d.min(1)
        exact = (x[rows] - y[place]).square().sum(1)
        distances[rows], places[rows] = exact.masked_fill_(least == math.inf, math.inf).numpy(), place.numpy()
    return distances, places


def memorises(value: float, floor: float, count: int) -> bool:
    """Is a share of memorised samples above that of held-out data by more than chance?

    Both counted over `count` samples: their 95 % intervals must not touch. Against independent samples that is one
    false alarm in 400; samples share training images, which widens differences by about a sixth (measured on
    splits of digits), so the rule that asks for no more than p < 0.05 would cry too often.
    """
    return share_interval(value, count)[0] > share_interval(floor, count)[1]
