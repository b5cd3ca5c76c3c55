"""A linear probe finds what is linear in features, and no more."""

import numpy as np
import pytest

from aegean.config import UserError
from aegean.formulas.probe import probe_accuracy


def two_clouds(n, distance, seed):
    rng = np.random.default_rng(seed)
    y = rng.integers(0, 2, n)
    return rng.normal(size=(n, 5)) + distance * y[:, None], y


def test_two_gaussians_are_told_apart_as_well_as_they_can_be():
    """Bayes: Phi(d / 2) with d the distance of the means."""
    from scipy.stats import norm

    a, b = two_clouds(4000, 0.8, 0), two_clouds(4000, 0.8, 1)
    assert probe_accuracy(*a, *b) == pytest.approx(norm.cdf(0.8 * 5**0.5 / 2), abs=0.02)


def test_scale_and_numbers_that_never_move_change_nothing():
    (x, y), (xt, yt) = two_clouds(500, 1.0, 0), two_clouds(500, 1.0, 1)
    scaled = [np.concatenate((v * [1e-4, 1, 1e4, 3, 7] + 5, np.full((500, 2), 9.0)), 1) for v in (x, xt)]
    assert probe_accuracy(scaled[0], y, scaled[1], yt) == pytest.approx(probe_accuracy(x, y, xt, yt), abs=0.01)


def test_what_is_not_linear_is_not_found():
    """Signs that agree: a line finds two thirds at most."""
    rng = np.random.default_rng(0)
    x, xt = rng.normal(size=(2, 10_000, 2))
    y, yt = ((v[:, 0] * v[:, 1] > 0).astype(int) for v in (x, xt))
    assert probe_accuracy(x, y, xt, yt) < 0.67


def test_one_class_is_refused():
    with pytest.raises(UserError, match="two classes"):
        probe_accuracy(np.zeros((4, 2)), np.zeros(4, int), np.zeros((4, 2)), np.zeros(4, int))
