"""What tables are compared by: equal tables reach the top, shuffled columns fail where pairs matter."""

import numpy as np

from aegean.formulas import columns as formulas

RANDOM = np.random.default_rng(0)
CATEGORIES = np.array([False, True, True])


def rows(n, seed):
    random = np.random.default_rng(seed)
    kind = random.integers(0, 3, n)
    number = kind + 0.3 * random.normal(size=n)
    return np.stack([np.where(random.random(n) < 0.1, np.nan, number), kind, (kind + (random.random(n) < 0.1)) % 3], 1)


def test_equal_tables_are_alike():
    real, same = rows(600, 0), rows(600, 1)
    assert formulas.shapes(real, real, CATEGORIES).min() == 1
    assert min(formulas.trends(real, real, CATEGORIES).values()) == 1
    assert formulas.shapes(real, same, CATEGORIES).min() > 0.95
    assert formulas.alike(real, same, CATEGORIES) > 0.9
    assert formulas.taught(real, same, 2, CATEGORIES) > 0.9


def test_shuffled_columns_fail_where_pairs_matter():
    real = rows(600, 0)
    shuffled = formulas.independent(real)
    assert formulas.shapes(real, shuffled, CATEGORIES).min() == 1
    assert min(formulas.trends(real, shuffled, CATEGORIES).values()) < 0.8
    assert formulas.alike(real, shuffled, CATEGORIES) < 0.4
    assert abs(formulas.taught(shuffled, real, 2, CATEGORIES) - 0.5) < 0.1


def test_numbers_by_hand():
    assert formulas.kolmogorov(np.array([0.0, 1.0]), np.array([2.0, 3.0])) == 1
    assert formulas.variation(np.array([0.0, 0.0, 1.0, 1.0]), np.array([0.0, 1.0, 1.0, 1.0])) == 0.25
    explained = formulas.taught(rows(500, 0), rows(500, 1), 0, CATEGORIES)
    assert 0.7 < explained <= 1
