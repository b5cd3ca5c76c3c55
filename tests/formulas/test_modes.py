"""Mode statistics by hand."""

import math

import numpy as np
import pytest

from aegean.config import UserError
from aegean.formulas.modes import joint_probabilities, mode_kl, mode_statistics, point_modes


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


def test_point_modes_by_hand():
    centres, deviation = np.array([[0.0, 0.0], [4.0, 0.0], [0.0, 4.0]]), 0.5
    points = np.array([[0.0, 0.0], [0.9, 1.1], [1.2, 0.8], [1.9, 0.0], [5.5, 0.0], [0.0, 5.6], [0.0, 2.2], [4.0, -1.4]])
    # To the nearest centre: 0, 1.42, 1.44, 1.9, 1.5 (the edge counts), 1.6, 1.8, 1.4; five of them at most 1.5.
    found = point_modes(points, centres, deviation)
    assert (found.covered, found.quality) == (2, 5 / 8)
    shares = np.array([4, 2, 2]) / 8  # of the nearest centres, good points or not
    assert found.kl == pytest.approx(float((shares * np.log(3 * shares)).sum()))


def test_real_points_of_the_plane_are_of_high_quality_as_chi_squared_has_it():
    rng = np.random.default_rng(0)
    centres = np.stack(np.meshgrid(np.arange(-4, 5, 2), np.arange(-4, 5, 2)), -1).reshape(25, 2)
    points = centres[rng.integers(25, size=100_000)] + 0.05 * rng.standard_normal((100_000, 2))
    found = point_modes(points, centres, 0.05)
    assert found.covered == 25
    assert found.quality == pytest.approx(1 - math.exp(-9 / 2), abs=0.001)
    assert found.kl == pytest.approx(24 / 200_000, rel=0.5)  # (modes - 1) / 2n
