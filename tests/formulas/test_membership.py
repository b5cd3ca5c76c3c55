"""How well scores tell members: against scikit-learn, by hand, and how often intervals and p-values hold."""

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from aegean.config import UserError
from aegean.formulas.membership import auc_interval, clopper_pearson, told


def test_the_auc_is_that_of_scikit_learn_with_ties():
    rng = np.random.default_rng(0)
    members, others = rng.integers(0, 9, 300) + 1, rng.integers(0, 9, 200)
    found = told(members, others)
    assert found.auc == pytest.approx(roc_auc_score(np.r_[np.ones(300), np.zeros(200)], np.r_[members, others]))
    assert found.interval[0] < found.auc < found.interval[1] and found.p < 1e-3


def test_scores_that_are_apart_catch_everybody():
    found = told(np.arange(100) + 1000.0, np.arange(300.0))
    assert (found.auc, found.caught) == (1, 1) and found.interval[0] > 0.95
    assert found.epsilon == pytest.approx(np.log(clopper_pearson(100, 100)[0] / clopper_pearson(3, 300)[1]))


def test_equal_scores_tell_nothing():
    found = told(np.zeros(50), np.zeros(60))
    assert (found.auc, found.p, found.caught, found.epsilon) == (0.5, 1, 0, 0)


def test_an_empty_part_is_refused():
    with pytest.raises(UserError, match="some of each"):
        told(np.zeros(0), np.zeros(3))


def test_an_attacker_that_guesses_is_called_better_as_often_as_the_level_says():
    rng = np.random.default_rng(1)
    found = [told(rng.normal(size=150), rng.normal(size=200)) for _ in range(400)]
    low, high = clopper_pearson(sum(one.p < 0.05 for one in found), 400, 0.001)
    assert low <= 0.05 <= high
    held = sum(one.interval[0] <= 0.5 <= one.interval[1] for one in found)
    assert clopper_pearson(held, 400, 0.001)[1] >= 0.95
    assert sum(one.epsilon > 0 for one in found) <= 0.05 * 400


def test_intervals_of_shares_are_those_of_the_binomial_tails():
    assert clopper_pearson(0, 10) == (0, pytest.approx(1 - 0.025 ** (1 / 10)))
    assert clopper_pearson(10, 10) == (pytest.approx(0.025 ** (1 / 10)), 1)
    assert clopper_pearson(2, 20) == pytest.approx((0.01235, 0.31698), abs=1e-5)  # tables of the binomial


def test_intervals_of_an_auc_reach_its_ends_and_no_further():
    assert auc_interval(1, 20, 20)[1] == 1 and auc_interval(0, 20, 20)[0] == 0
    low, high = auc_interval(0.7, 50, 60)
    assert auc_interval(0.3, 60, 50) == pytest.approx((1 - high, 1 - low), abs=0.02)
