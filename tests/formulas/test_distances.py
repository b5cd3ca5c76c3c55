"""The Fréchet and kernel distances against scipy, against Gaussians by hand and against loops."""

import numpy as np
import pytest
import scipy.linalg

from aegean.config import UserError
from aegean.formulas.frechet import frechet_distance, frechet_from_moments, moments
from aegean.formulas.kernel import kernel_distance, mean_within


def features(n, d, seed, shift=0.0):
    rng = np.random.default_rng(seed)
    return rng.normal(size=(n, d)) @ rng.normal(size=(d, d)) + shift


def test_frechet_of_two_gaussians_by_hand():
    # diagonal covariances: sum of (m1 - m2)^2 + (s1 - s2)^2 = 9 + 1 + (2 - 1)^2 + (5 - 3)^2
    value = frechet_from_moments(np.array([3.0, 0]), np.diag([4.0, 25]), np.array([0.0, 1]), np.diag([1.0, 9]))
    assert value == pytest.approx(15)


def test_frechet_of_one_column_by_hand():
    # means 1 and 3, unbiased variances 2 and 8
    assert frechet_distance(np.array([[0.0], [2]]), np.array([[1.0], [5]])) == pytest.approx(4 + 2)


@pytest.mark.parametrize("n,m,d", [(300, 200, 8), (50, 60, 40)])
def test_frechet_equals_scipys_square_root(n, m, d):
    a, b = features(n, d, 0), features(m, d, 1, shift=0.5)
    (mean_a, cov_a), (mean_b, cov_b) = moments(a), moments(b)
    assert np.allclose(cov_a, np.cov(a.T)) and np.allclose(mean_a, a.mean(0))
    root = scipy.linalg.sqrtm(cov_a @ cov_b).real
    expected = ((mean_a - mean_b) ** 2).sum() + np.trace(cov_a + cov_b - 2 * root)
    assert frechet_distance(a, b) == pytest.approx(expected, rel=1e-6)


def test_frechet_with_fewer_samples_than_features():
    a, b = features(10, 50, 2), features(12, 50, 3)
    # tr (A B)^(1/2) is the nuclear norm of the product of the two centred data matrices
    x, y = a - a.mean(0), b - b.mean(0)
    shared = np.linalg.svd(x @ y.T, compute_uv=False).sum() / np.sqrt(9 * 11)
    expected = ((a.mean(0) - b.mean(0)) ** 2).sum() + (x**2).sum() / 9 + (y**2).sum() / 11 - 2 * shared
    assert frechet_distance(a, b) == pytest.approx(expected, rel=1e-9)


def test_frechet_of_equal_sets_is_zero_and_it_is_symmetric():
    for n in (8, 100):
        a, b = features(n, 20, 4), features(n, 20, 5)
        assert frechet_distance(a, a) == pytest.approx(0, abs=1e-6)
        assert frechet_distance(a, b) == pytest.approx(frechet_distance(b, a))
        assert frechet_distance(a, b) > 1


def test_frechet_survives_collapsed_samples_and_float32():
    a = features(50, 4, 6).astype(np.float32)
    collapsed = np.ones((50, 4), np.float32)
    expected = ((a.astype(float).mean(0) - 1) ** 2).sum() + np.trace(np.cov(a.astype(float).T))
    assert frechet_distance(a, collapsed) == pytest.approx(expected)


def kernel_by_loops(a, b):
    def k(x, y):
        return (x @ y / len(x) + 1) ** 3

    n, m = len(a), len(b)
    aa = sum(k(a[i], a[j]) for i in range(n) for j in range(n) if i != j) / (n * (n - 1))
    bb = sum(k(b[i], b[j]) for i in range(m) for j in range(m) if i != j) / (m * (m - 1))
    return aa + bb - 2 * sum(k(x, y) for x in a for y in b) / (n * m)


def test_kernel_distance_equals_loops(monkeypatch):
    a, b = features(30, 6, 0), features(25, 6, 1, shift=0.3)
    expected = kernel_by_loops(a, b)
    assert kernel_distance(a, b) == pytest.approx(expected)
    assert kernel_distance(a, b, mean_within(a)) == pytest.approx(expected)
    monkeypatch.setattr("aegean.formulas.kernel.ROWS", 7)
    assert kernel_distance(a, b) == pytest.approx(expected)


def test_kernel_distance_is_unbiased():
    rng = np.random.default_rng(0)
    values = [kernel_distance(rng.normal(size=(20, 3)), rng.normal(size=(20, 3))) for _ in range(400)]
    assert abs(np.mean(values)) < 4 * np.std(values) / np.sqrt(len(values))
    assert min(values) < 0 < max(values)


def test_bad_features_are_refused():
    good = features(10, 3, 0)
    with pytest.raises(UserError, match="same d"):
        frechet_distance(good, good[:, :2])
    with pytest.raises(UserError, match="same d"):
        kernel_distance(good, np.zeros((2, 3, 4)))
    with pytest.raises(UserError, match="NaN"):
        frechet_distance(good, np.full((10, 3), np.nan))
    with pytest.raises(UserError, match="too few"):
        frechet_distance(good, good[:1])
