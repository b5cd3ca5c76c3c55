"""Scores of codes whose factors are known: perfect, doubled, turned and random ones."""

import numpy as np
import pytest

from aegean.formulas.disentanglement import factor_score, mutual_information, mutual_information_gap

FACTORS = np.stack(np.meshgrid(np.arange(3), np.arange(8), np.arange(16), indexing="ij"), -1).reshape(-1, 3)
FACTORS = np.tile(FACTORS, (10, 1))  # 3,840 samples
RNG = np.random.default_rng(0)
PERFECT = FACTORS / [2, 7, 15] + 0.001 * RNG.standard_normal(FACTORS.shape)
RANDOM = RNG.standard_normal((len(FACTORS), 6))


def turned(codes, angle):
    """The second and third number mixed by a rotation."""
    c, s = np.cos(angle), np.sin(angle)
    return codes @ np.array([[1, 0, 0], [0, c, -s], [0, s, c]])


def test_mutual_information_by_hand():
    a = np.array([0, 0, 1, 1, 2, 2, 3, 3])
    assert mutual_information(a, a) == pytest.approx(2)  # four values: two bits
    assert mutual_information(a, a // 2) == pytest.approx(1)
    assert mutual_information(a, np.array([0, 1] * 4)) == pytest.approx(0)


def test_a_number_for_each_factor_scores_one():
    for codes in (PERFECT, -3 * PERFECT[:, [2, 0, 1]] + 5):
        assert mutual_information_gap(codes, FACTORS) == pytest.approx(1, abs=0.02)
        assert factor_score(codes, FACTORS) == 1


def test_random_codes_score_nothing_and_chance():
    assert mutual_information_gap(RANDOM, FACTORS) < 0.01
    assert factor_score(RANDOM, FACTORS) == pytest.approx(1 / 3, abs=0.08)


def test_a_turned_code_scores_less():
    straight, slanted = (turned(PERFECT, angle) for angle in (np.pi / 20, np.pi / 4))
    found = [mutual_information_gap(codes, FACTORS) for codes in (PERFECT, straight, slanted)]
    assert found[0] > found[1] > found[2] and found[2] < 0.5
    assert factor_score(slanted, FACTORS) < factor_score(PERFECT, FACTORS) - 0.1


def test_a_factor_that_two_numbers_tell_has_no_gap():
    codes = np.concatenate((PERFECT, PERFECT[:, :1]), 1)
    assert mutual_information_gap(codes, FACTORS) == pytest.approx(2 / 3, abs=0.02)
    assert factor_score(codes, FACTORS) == 1  # which does not see it


def test_one_number_alone_has_the_whole_gap():
    assert mutual_information_gap(PERFECT[:, :1], FACTORS[:, :1]) == pytest.approx(1, abs=0.01)


def test_silent_numbers_have_no_vote():
    """A number that hardly moves but is exactly constant while the first factor is held would win its vote."""
    silent = 1e-6 * FACTORS[:, :1]
    codes, rates = np.concatenate((RANDOM[:, :3], silent, silent[:, :0]), 1), np.array([1.0, 1.0, 1.0, 0.01])
    assert factor_score(codes, FACTORS) > 0.55
    assert factor_score(codes, FACTORS, rates) == pytest.approx(1 / 3, abs=0.08)
    nothing = np.zeros((len(FACTORS), 2))
    assert factor_score(nothing, FACTORS) == pytest.approx(1 / 3, abs=0.08)
    assert mutual_information_gap(nothing, FACTORS) == 0
