"""Mixtures, against scikit-learn's and against what shrinking is for."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import multivariate_normal
from sklearn.mixture import GaussianMixture

from aegean.latent import mixture
from aegean.latent.mixture import Mixture, fitted, log_density


def made(count: int, d: int = 5, groups: int = 1, seed: int = 0) -> list[np.ndarray]:
    """Groups of `count` points around four places each, all of one oblong form."""
    random = np.random.default_rng(seed)
    form = np.random.default_rng(7).normal(size=(d, d)) / d**0.5
    places = np.random.default_rng(8).normal(size=(groups, 4, d)) * 4
    return [own[random.integers(0, 4, count)] + random.normal(size=(count, d)) @ form for own in places]


def mean_density(groups: list[np.ndarray], mixtures: list[Mixture]) -> float:
    return float(np.mean([log_density(points, found).mean() for points, found in zip(groups, mixtures)]))


def test_the_density_is_that_of_scipy():
    (points,) = made(300)
    (found,) = fitted([points], 4)
    parts = [w * multivariate_normal(m, c).pdf(points) for w, m, c in zip(*found)]
    np.testing.assert_allclose(log_density(points, found), np.log(np.sum(parts, 0)), rtol=1e-6)


def test_one_component_has_the_moments_of_the_points():
    (points,) = made(200)
    (found,) = fitted([points], 1)
    np.testing.assert_allclose(found.means[0], points.mean(0))
    np.testing.assert_allclose(found.covariances[0], np.cov(points.T, bias=True), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("d", [2, 5, 8])
def test_many_points_are_fitted_as_scikit_learn_fits_them(d):
    (points,), (new,) = made(4_000, d), made(4_000, d, seed=1)
    (found,) = fitted([points], 4)
    theirs = GaussianMixture(4, random_state=0, n_init=3).fit(points).score(new)
    assert mean_density([new], [found]) > theirs - 0.02


def test_few_points_of_many_groups_share_their_form():
    groups, new = made(60, d=12, groups=6), made(400, d=12, groups=6, seed=1)
    together = mean_density(new, fitted(groups, 32))
    apart = mean_density(new, [fitted([points], 32)[0] for points in groups])
    alone = np.mean([GaussianMixture(4, random_state=0).fit(a).score(b) for a, b in zip(groups, new)])
    assert together > apart + 1 and together > alone + 1


def islands(count: int, seed: int = 0) -> np.ndarray:
    """Points on a hundred islands, a few of them far out."""
    random = np.random.default_rng(seed)
    spread = 0.05 * random.lognormal(0, 1, (count, 1))
    return random.normal(size=(100, 16))[random.integers(0, 100, count)] + spread * random.normal(size=(count, 16))


def test_more_components_are_taken_while_draws_lie_off_the_points(monkeypatch):
    (found,) = fitted([islands(1200)], 128)
    monkeypatch.setattr(mixture, "FAR", np.inf)
    (likeliest,) = fitted([islands(1200)], 128)
    assert len(found.weights) == 2 * len(likeliest.weights)


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize(("count", "d"), [(60, 8), (500, 2), (2000, 16)])
def test_one_gaussian_stays_one(count, d, seed):
    (found,) = fitted([np.random.default_rng(seed).normal(size=(count, d))], 32)
    assert len(found.weights) == 1


def test_distance_of_draws_from_the_points():
    points, held_out = np.split(islands(1200), 2)
    whole = Mixture(np.ones(1), points.mean(0)[None], np.cov(points.T)[None])
    copies = Mixture(np.full(600, 1 / 600), points, np.full((600, 1, 1), 1e-6) * np.eye(16))
    random = np.random.default_rng(3)
    gaussian, others = random.normal(size=(2, 600, 3)) * [1, 2, 3]
    true = Mixture(np.ones(1), np.zeros((1, 3)), np.diag([1.0, 4, 9])[None])
    assert mixture._distance([points], [held_out], [whole], np.ones(16)) > 10
    assert mixture._distance([points], [held_out], [copies], np.ones(16)) < -10
    assert abs(mixture._distance([gaussian] * 2, [others] * 2, [true] * 2, np.ones(3))) < 3


def test_rounds_raise_the_likelihood(monkeypatch):
    (points,), found = made(500), []
    monkeypatch.setattr(mixture, "ENOUGH", -1.0)
    for rounds in (1, 2, 4, 8):
        monkeypatch.setattr(mixture, "LONGEST", rounds)
        found.append(mean_density([points], fitted([points], 4)))
    assert found == sorted(found)


def test_pieces_change_nothing(monkeypatch):
    whole = fitted(made(200, groups=2), 4)
    monkeypatch.setattr(mixture, "CHUNK", 100)
    for a, b in zip(whole, fitted(made(200, groups=2), 4)):
        for ours, theirs in zip(a, b):
            np.testing.assert_allclose(ours, theirs, rtol=1e-7, atol=1e-9)


def test_sorted_points_are_looked_at_from_first_to_last(monkeypatch):
    (points,) = made(40_000)
    monkeypatch.setattr(mixture, "WORK", 0)  # CHOOSING points are all that may be looked at
    (found,) = fitted([points[points[:, 0].argsort()]], 4)
    assert len(found.weights) == 4
    np.testing.assert_allclose(found.weights @ found.means, points.mean(0), atol=0.1)


@pytest.mark.parametrize("points", [np.zeros((5, 3)), np.ones((40, 3)), np.eye(3)[[0, 1]], np.eye(70)[:30]])
def test_points_that_span_little_have_a_proper_mixture(points):
    (found,) = fitted([points], 32)
    assert np.isclose(found.weights.sum(), 1) and np.isfinite(np.linalg.cholesky(found.covariances)).all()
