"""The Fréchet distance of two Gaussians fitted to features."""

from __future__ import annotations

import numpy as np

from aegean.formulas.features import as_features


def moments(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Features (n, d) -> mean (d,) and unbiased covariance (d, d), float64."""
    (x,) = as_features(x)
    mean = x.mean(0)
    centred = x - mean
    return mean, centred.T @ centred / (len(x) - 1)


def frechet_distance(a: np.ndarray, b: np.ndarray) -> float:
    """Squared 2-Wasserstein distance of the Gaussians fitted to features a (n, d) and b (m, d); >= 0.

    Heusel et al. 2017, "GANs trained by a two time-scale update rule", eq. 6. Any n, m >= 2, also n < d.
    Small counts raise it, so compare at equal counts only.
    """
    as_features(a, b)
    return frechet_from_moments(*moments(a), *moments(b))


def frechet_from_moments(mean_a: np.ndarray, cov_a: np.ndarray, mean_b: np.ndarray, cov_b: np.ndarray) -> float:
    """|mean_a - mean_b|^2 + tr(A + B - 2 (A B)^(1/2)) for means (d,) and covariances A, B (d, d).

    The trace of (A B)^(1/2) is the sum of the singular values of A^(1/2) B^(1/2): symmetric decompositions
    alone, exact for singular covariances too, where a general matrix square root returns complex numbers.
    """
    shared = np.linalg.svd(_root(cov_a) @ _root(cov_b), compute_uv=False).sum()
    distance = ((mean_a - mean_b) ** 2).sum() + np.trace(cov_a) + np.trace(cov_b) - 2 * shared
    return max(float(distance), 0.0)


def _root(cov: np.ndarray) -> np.ndarray:
    """The symmetric square root of a positive semi-definite matrix (d, d)."""
    values, vectors = np.linalg.eigh(cov)
    values[values < values.max() * len(values) * np.finfo(float).eps] = 0  # rounding, whose root would count
    return (vectors * np.sqrt(values)) @ vectors.T
