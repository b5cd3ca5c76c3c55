"""Mode statistics by hand."""

import math

import numpy as np
import pytest

from aegean.config import UserError
from aegean.formulas.modes import joint_probabilities, mode_kl, mode_statistics


def test_modes_by_hand():
    probabilities = np.array([[0.95, 0.05, 0], [0.6, 0.4, 0], [0.2, 0.8, 0], [0.99, 0, 0.01]])
    modes = mode_statistics(probabilities)
    assert (modes.covered, modes.confident) == (2, 1)
    # histogram 3/4, 1/4, 0 against thirds
    assert modes.kl == pytest.approx(0.75 * math.log(0.75 * 3) + 0.25 * math.log(0.25 * 3))
    assert mode_statistics(probabilities, np.array([3, 1, 0])).kl == 0


def test_kl_edges():
    assert mode_kl(np.array([5, 5])) == 0
    assert mode_kl(np.array([10, 0])) == pytest.approx(math.log(2))
    assert mode_kl(np.array([5, 5]), np.array([1, 0])) == math.inf
    with pytest.raises(UserError, match="no samples"):
        mode_kl(np.array([0, 0]))
    with pytest.raises(UserError, match="3 modes"):
        mode_kl(np.array([1, 2]), np.ones(3))


def test_floor_of_26000_even_draws_of_1000_modes():
    counts = np.bincount(np.random.default_rng(0).integers(0, 1000, 26_000), minlength=1000)
    assert mode_kl(counts) == pytest.approx(999 / (2 * 26_000), rel=0.15)  # (modes - 1) / 2n


def test_joint_probabilities_of_three_digits():
    rng = np.random.default_rng(0)
    parts = [rng.dirichlet(np.ones(10), size=4) for _ in range(3)]
    joint = joint_probabilities(parts)
    assert joint.shape == (4, 1000)
    assert joint[2, 357] == pytest.approx(parts[0][2, 3] * parts[1][2, 5] * parts[2][2, 7])
    assert np.allclose(joint.sum(1), 1)
