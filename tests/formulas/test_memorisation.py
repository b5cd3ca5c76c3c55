"""The share of memorised samples: by hand, by loops, and what must not change it."""

import numpy as np
import pytest
from scipy.stats import ortho_group

from aegean.config import UserError
from aegean.formulas import memorisation
from aegean.formulas.memorisation import memorised, memorises, nearest


def column(*values):
    return np.array(values, np.float64)[:, None]


def by_loops(train, samples):
    hits = 0
    for sample in samples:
        distances = np.linalg.norm(train - sample, axis=1)
        near = distances.argmin()
        others = np.linalg.norm(train - train[near], axis=1)
        hits += distances[near] < others[others > 0].min()
    return hits / len(samples)


def sets(n=90, m=70, d=4):
    rng = np.random.default_rng(0)
    return rng.normal(size=(n, d)), 0.8 * rng.normal(size=(m, d))


def test_by_hand():
    train = column(0, 1, 10, 14)  # nearest others at 1, 1, 4, 4
    assert memorised(train, column(0.4)) == 1
    assert memorised(train, column(-0.9, -1.1)) == 0.5
    assert memorised(train, column(-1)) == 0  # as near as the other, not nearer
    assert memorised(train, column(6.5, 5.5, 0.2, 13.9)) == 0.75  # 5.5 is nearest to 1, at 4.5


@pytest.mark.parametrize("numbers", [1, 90 * 7, 2**23])
def test_blocks_of_any_size_give_what_loops_give(monkeypatch, numbers):
    monkeypatch.setattr(memorisation, "NUMBERS", numbers)
    train, samples = sets()
    share = memorised(train, samples)
    assert share == by_loops(train, samples) and 0.2 < share < 0.8
    distances, places = nearest(samples, train)
    every = ((samples[:, None] - train) ** 2).sum(2)
    assert np.array_equal(places, every.argmin(1)) and np.allclose(distances, every.min(1))


def test_rotation_shift_and_scale_change_nothing():
    train, samples = sets()
    turn = ortho_group.rvs(4, random_state=0)
    share = memorised(train, samples)
    for scale in (1e-6, 1e6):
        assert memorised((train @ turn + 3) * scale, (samples @ turn + 3) * scale) == share


def test_copies_of_an_image_that_occurs_twice_count_although_nothing_is_nearer_than_its_twin():
    rng = np.random.default_rng(1)
    train = np.repeat(rng.normal(size=(20, 64)), 2, axis=0)
    train += 1e-7 * rng.normal(size=train.shape)  # as a float32 network sees the same image in two batches
    assert memorised(train, train[:10] + 0.01) == 1
    assert memorised(train, train[:10] + 100) == 0


def test_where_all_training_images_are_one_every_sample_counts():
    assert memorised(np.ones((5, 3)), np.zeros((4, 3))) == 1


def test_exact_copies_count_all_and_independent_draws_as_many_for_model_and_held_out_data():
    rng = np.random.default_rng(2)
    train, held_out, model = (rng.normal(size=(n, 6)) for n in (2000, 1000, 1000))
    assert memorised(train, train[rng.integers(2000, size=1000)]) == 1
    floor, value = memorised(train, held_out), memorised(train, model)
    assert abs(floor - value) < 0.06
    assert not memorises(value, floor, 1000)


def test_a_few_copies_among_many_samples_are_flagged():
    rng = np.random.default_rng(3)
    train, held_out, model = (rng.normal(size=(n, 6)) for n in (2000, 1000, 1000))
    model[:300] = train[:300] + 0.01 * rng.normal(size=(300, 6))
    assert memorises(memorised(train, model), memorised(train, held_out), 1000)


def test_a_difference_counts_only_where_the_intervals_do_not_touch():
    assert memorises(0.5, 0.4, 1000) and not memorises(0.5, 0.4, 100)
    assert not memorises(0.4, 0.4, 10**6) and not memorises(0.1, 0.4, 10**6)
    assert memorises(1.0, 0.4, 100) and not memorises(1.0, 0.4, 2)


def test_independent_data_are_seldom_flagged():
    # Intervals of two independent shares are apart by chance with p = 0.0028 (z = 1.96 * sqrt 2), one half of it above.
    rng = np.random.default_rng(4)
    shares = rng.binomial(400, 0.4, size=(20_000, 2)) / 400
    assert np.mean([memorises(value, floor, 400) for value, floor in shares]) < 0.005


def test_what_cannot_be_measured_is_refused():
    with pytest.raises(UserError, match="at least 2"):
        memorised(np.zeros((1, 3)), np.zeros((4, 3)))
    with pytest.raises(UserError, match="same d"):
        memorised(np.zeros((5, 3)), np.zeros((4, 2)))
    with pytest.raises(UserError, match="NaN"):
        memorised(np.zeros((5, 3)), np.full((4, 3), np.nan))
