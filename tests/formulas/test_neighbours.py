"""Neighbour scores against brute-force loops and known cases."""

import numpy as np
import pytest

from aegean.config import UserError
from aegean.formulas import neighbours
from aegean.formulas.neighbours import density_coverage, precision_recall, share_interval, squared_radii


def sets(n=60, m=50, d=5, shift=0.4):
    rng = np.random.default_rng(0)
    return rng.normal(size=(n, d)), rng.normal(size=(m, d)) * 1.3 + shift


def radii_by_loops(x, k):
    return np.array([sorted(np.linalg.norm(x - row, axis=1))[k] for row in x])  # [0] is the row itself


@pytest.mark.parametrize("rows", [7, 1024])
def test_against_brute_force(monkeypatch, rows):
    monkeypatch.setattr(neighbours, "ROWS", rows)
    real, fake = sets()
    assert np.allclose(np.sqrt(squared_radii(real, 4)), radii_by_loops(real, 4))

    real_radii, fake_radii = radii_by_loops(real, 3), radii_by_loops(fake, 3)
    inside_real = [[np.linalg.norm(f - r) <= radius for r, radius in zip(real, real_radii)] for f in fake]
    inside_fake = [[np.linalg.norm(r - f) <= radius for f, radius in zip(fake, fake_radii)] for r in real]
    precision = np.mean([any(row) for row in inside_real])
    recall = np.mean([any(row) for row in inside_fake])
    assert precision_recall(real, fake) == pytest.approx((precision, recall))
    assert 0.1 < recall < 1 and 0.1 < precision < 1

    radii = radii_by_loops(real, 5)
    hits = np.array([[np.linalg.norm(f - r) <= radius for r, radius in zip(real, radii)] for f in fake])
    expected = (hits.sum() / (5 * len(fake)), hits.any(0).mean())
    assert density_coverage(real, fake) == pytest.approx(expected)


def test_given_radii_change_nothing():
    real, fake = sets()
    assert precision_recall(real, fake, radii=squared_radii(real, 3)) == precision_recall(real, fake)
    assert density_coverage(real, fake, radii=squared_radii(real, 5)) == density_coverage(real, fake)


def test_equal_sets_score_one_and_disjoint_sets_zero():
    real, _ = sets()
    assert precision_recall(real, real) == (1, 1)
    assert density_coverage(real, real)[1] == 1
    assert precision_recall(real, real + 1000) == (0, 0)
    assert density_coverage(real, real + 1000) == (0, 0)


def test_collapse_to_one_sample_shows():
    real, _ = sets()
    fake = np.repeat(real[:1], 50, axis=0)
    precision, recall = precision_recall(real, fake)
    assert precision == 1 and recall == 1 / len(real)
    assert density_coverage(real, fake)[1] < 0.3


def test_coverage_of_equal_distributions_is_as_the_paper_derives():
    # Naeem et al. 2020, eq. 8: 1 - (n-1)...(n-k) / ((n+m-1)...(n+m-k))
    rng = np.random.default_rng(1)
    n, m, k = 400, 300, 5
    values = [density_coverage(rng.normal(size=(n, 4)), rng.normal(size=(m, 4)), k) for _ in range(10)]
    expected = 1 - np.prod([(n - i) / (n + m - i) for i in range(1, k + 1)])
    density, coverage = np.mean(values, axis=0)
    assert coverage == pytest.approx(expected, abs=0.02)
    assert density == pytest.approx(1, abs=0.05)


def test_equal_rows_far_from_the_origin_have_distance_zero():
    rng = np.random.default_rng(2)
    x = np.repeat(rng.normal(size=(10, 64)).astype(np.float32) + 1e4, 4, axis=0)
    assert (squared_radii(x, 3) == 0).all()
    assert (squared_radii(x, 4) > 1).all()


def test_too_few_rows_are_refused():
    with pytest.raises(UserError, match="at least 6"):
        density_coverage(np.zeros((5, 2)), np.zeros((5, 2)))


def test_interval_of_a_share():
    # Wilson's interval for 8 of 10, as tabulated: 0.490 to 0.943
    assert share_interval(0.8, 10) == pytest.approx((0.490, 0.943), abs=5e-4)
    assert share_interval(0.0, 50)[0] == 0 and share_interval(1.0, 50)[1] == pytest.approx(1)
    low, high = share_interval(0.5, 10_000)
    assert high - low == pytest.approx(2 * 1.96 * 0.005, rel=1e-3)
