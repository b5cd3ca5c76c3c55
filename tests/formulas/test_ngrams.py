"""The language model of n-grams against calculations by hand."""

import numpy as np
import pytest

from aegean.formulas.ngrams import END, START, KneserNey, length_distance, self_bleu


def test_a_bigram_model_by_hand():
    """Texts a b, a b, a c with a, b, c = 1, 2, 3 and 5 tokens in all.

    Bigrams: (s a) 3, (a b) 2, (a c) 1, (b e) 2, (c e) 1; n1 = 2, n2 = 2, so D = 2 / 6. Below: different tokens before
    a 1, b 1, c 1, e 2; n1 = 3, n2 = 1, so D = 3 / 5; p(b) = (1 - 3/5)/5 + 3/5 * 4/5 * 1/5.
    """
    model = KneserNey([[1, 2], [1, 2], [1, 3]], 2, 5)
    assert model.discounts == [pytest.approx(3 / 5), pytest.approx(1 / 3)]
    lower = (1 - 3 / 5) / 5 + 3 / 5 * 4 / 5 / 5
    assert model.probability((1,), 2) == pytest.approx((2 - 1 / 3) / 3 + 1 / 3 * 2 / 3 * lower)
    assert model.probability((4,), 2) == pytest.approx(lower)  # a history never seen
    first = (3 - 1 / 3) / 3 + 1 / 3 / 3 * lower
    last = (2 - 1 / 3) / 2 + 1 / 3 / 2 * ((2 - 3 / 5) / 5 + 3 / 5 * 4 / 5 / 5)
    found = model.perplexity([[1, 2]])
    assert found == pytest.approx((first * model.probability((1,), 2) * last) ** (-1 / 3))


@pytest.mark.parametrize("order", [1, 2, 3, 5])
def test_probabilities_sum_to_one(order):
    rng = np.random.default_rng(0)
    model = KneserNey([rng.integers(1, 6, rng.integers(1, 9)).tolist() for _ in range(40)], order, 7)
    for _ in range(20):
        history = tuple(rng.integers(START, 7, order - 1).tolist())
        assert sum(model.probability(history, token) for token in range(7)) == pytest.approx(1)


def test_draws_follow_the_probabilities():
    rng = np.random.default_rng(0)
    model = KneserNey([[1, 2], [1, 2], [1, 3], [2]], 3, 5)
    drawn = [model.draw(rng, 6) for _ in range(4000)]
    share = np.mean([text[:1] == [1] for text in drawn])
    assert share == pytest.approx(model.probability((START, START), 1), abs=0.03)
    assert not any(END in text for text in drawn) and max(map(len, drawn)) <= 6


def test_texts_that_are_alike_have_a_high_self_bleu():
    rng = np.random.default_rng(0)
    different = [rng.integers(1, 1000, 8).tolist() for _ in range(50)]
    assert self_bleu([[1, 2, 3, 4, 5]] * 5) == pytest.approx(1) and self_bleu(different) < 0.3
    assert self_bleu([[], [1]]) == 1.0


def test_length_distance():
    assert length_distance([[1], [1, 2]], [[3, 4], [5]]) == 0 and length_distance([[1]], [[1, 2]]) == 1
