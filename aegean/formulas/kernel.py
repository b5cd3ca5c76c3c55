"""The kernel distance: squared maximum mean discrepancy with a cubic kernel."""

from __future__ import annotations

import numpy as np
import torch

from aegean.formulas.features import as_features

ROWS = 256  # of a block; much larger ones are given back to the system and taken anew, for half of the time


def kernel_distance(a: np.ndarray, b: np.ndarray, within_a: float | None = None) -> float:
    """Unbiased squared MMD of features a (n, d) and b (m, d), kernel (x.y / d + 1)^3; around 0 when equal.

    Bińkowski et al. 2018, "Demystifying MMD GANs", eq. 4 and section 3: unbiased at any count, so it may be
    slightly negative. All pairs are used, not random subsets. `within_a` takes `mean_within(a)` if at hand.
    """
    a, b = as_features(a, b)
    within_a = mean_within(a) if within_a is None else within_a
    return within_a + mean_within(b) - 2 * _kernel_sum(a, b) / (len(a) * len(b))


def mean_within(x: np.ndarray) -> float:
    """The kernel's mean over the pairs of two different rows of x (n, d)."""
    (x,) = as_features(x)
    diagonal = (((x * x).sum(1) / x.shape[1] + 1) ** 3).sum()
    return float(_kernel_sum(x, x) - diagonal) / (len(x) * (len(x) - 1))


def _kernel_sum(a: np.ndarray, b: np.ndarray) -> float:
    left, right = torch.from_numpy(a), torch.from_numpy(b).T
    total = 0.0
    for start in range(0, len(a), ROWS):
        k = (left[start : start + ROWS] @ right).div_(a.shape[1]).add_(1)
        total += float((k * k).mul_(k).sum())
    return total
