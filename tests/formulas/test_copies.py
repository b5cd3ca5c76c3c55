"""Copies: exact p-values under exchangeability, planted copies, and Meehan's z."""

import numpy as np
import pytest

from aegean.formulas.copies import copying_z, hits
from aegean.formulas.memorisation import nearest, nearness


def found(samples, train, held):
    records = np.concatenate((train, held))
    squared, place = nearest(samples, records)
    return hits(place, nearness(squared, place, records), np.arange(len(records)) < len(train))


def clouds(seed=0, n=600, h=200, m=1000, d=8):
    rng = np.random.default_rng(seed)
    return rng.normal(size=(n, d)), rng.normal(size=(h, d)), rng.normal(size=(m, d))


def test_copies_are_seen_and_counted_at_every_reach():
    train, held, samples = clouds()
    samples[:60] = train[:60]
    tests = found(samples, train, held)
    assert [one.reach for one in tests] == [np.inf, 1, 0.5, 0.25]
    nearest_ones = tests[-1]
    assert nearest_ones.members >= 60 and nearest_ones.p < 1e-4
    assert nearest_ones.expected == pytest.approx(nearest_ones.records * 600 / 800)


def test_one_record_copied_over_and_over_counts_once():
    train, held, samples = clouds()
    samples[:900] = train[7]
    assert found(samples, train, held)[-1].records < 10


def test_samples_of_the_same_law_are_called_copies_as_rarely_as_p_says():
    alarms = [min(one.p for one in found(*clouds(seed)[::-1][:1], *clouds(seed)[:2])) < 0.05 / 4 for seed in range(60)]
    assert np.mean(alarms) <= 0.12


def test_the_z_of_copies_is_far_below_zero_and_that_of_the_same_law_is_not():
    train, held, samples = clouds(n=2000, h=1000)

    def z(fake):
        return copying_z(train, held, fake, (nearest(held, train)[0], nearest(fake, train)[0]))

    assert abs(z(samples)) < 3
    assert z(train[:1000] + 0.05 * samples) < -10
    assert z(1.5 * samples) > 3
    assert np.isnan(z(samples[:3]))
