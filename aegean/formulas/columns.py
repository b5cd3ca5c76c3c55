"""How alike two tables are: their columns, pairs of these, and what boosted trees learn from one about the other.

Rows are (n, columns) float64: numbers, NaN where one is missing, and codes of categories.
"""

from __future__ import annotations

from itertools import combinations
from typing import Any

import numpy as np

BINS = 20  # of a number beside another column
PAIRS = 2_000  # of columns that are compared, at most
ROUNDS = 100  # of boosted trees
CELLS = 500_000  # that they learn from, at most


def shapes(real: np.ndarray, fake: np.ndarray, categories: np.ndarray) -> np.ndarray:
    """1 - the distance of each column's two distributions (columns,): Kolmogorov and Smirnov's of numbers, the total
    variation of categories; a missing number lies below all others."""
    found = []
    for a, b, category in zip(real.T, fake.T, categories):
        found.append(1 - (variation(a, b) if category else kolmogorov(lowest(a), lowest(b))))
    return np.array(found)


def lowest(x: np.ndarray) -> np.ndarray:
    """Missing numbers as the least of all."""
    return np.where(np.isnan(x), -np.inf, x)


def kolmogorov(a: np.ndarray, b: np.ndarray) -> float:
    """The largest difference of the two shares (n,), (m,) that lie at or below a number."""
    at = np.unique(np.concatenate((a, b)))
    shares = [np.searchsorted(np.sort(x), at, "right") / len(x) for x in (a, b)]
    return float(abs(shares[0] - shares[1]).max())


def variation(a: np.ndarray, b: np.ndarray) -> float:
    """Half the sum of the differences between the shares of each value among a (n,) and b (m,)."""
    values, place = np.unique(np.concatenate((a, b)), return_inverse=True)
    counts = [np.bincount(part, minlength=len(values)) / len(part) for part in (place[: len(a)], place[len(a) :])]
    return float(abs(counts[0] - counts[1]).sum() / 2)


def trends(real: np.ndarray, fake: np.ndarray, categories: np.ndarray, seed: int = 0) -> dict[tuple[int, int], float]:
    """1 - the total variation between the joint distributions of pairs of columns, numbers in bins of equal shares of
    the real ones; of very many columns some pairs."""
    codes = [binned(a, b, category) for a, b, category in zip(real.T, fake.T, categories)]
    pairs = list(combinations(range(len(codes)), 2))
    if len(pairs) > PAIRS:
        pairs = [pairs[i] for i in np.random.default_rng(seed).choice(len(pairs), PAIRS, replace=False)]
    found = {}
    for i, j in pairs:
        base = 1 + max(part.max() for part in codes[j])
        found[i, j] = 1 - variation(codes[i][0] * base + codes[j][0], codes[i][1] * base + codes[j][1])
    return found


def binned(real: np.ndarray, fake: np.ndarray, category: bool) -> tuple[np.ndarray, np.ndarray]:
    """Whole numbers from 0 that stand for the values of a column."""
    if category:
        return real.astype(np.int64), fake.astype(np.int64)
    known = real[~np.isnan(real)]
    ends = np.unique(np.quantile(known, np.linspace(0, 1, BINS + 1)[1:-1])) if len(known) else np.zeros(0)
    return tuple(np.where(np.isnan(x), 0, 1 + np.searchsorted(ends, x)) for x in (real, fake))  # type: ignore[return-value]


def independent(rows: np.ndarray, seed: int = 0) -> np.ndarray:
    """The rows with each column shuffled on its own: every column is right, and nothing else."""
    return np.random.default_rng(seed).permuted(rows, axis=0)


def taught(train: np.ndarray, test: np.ndarray, target: int, categories: np.ndarray, seed: int = 0) -> float:
    """How well boosted trees that learn a column from rows `train` know it in rows `test`: the area under the curve of
    a category against the rest, weighted by their shares; of a number the variance that is explained, at least 0."""
    rest = np.arange(train.shape[1]) != target
    known = [some(rows[~np.isnan(rows[:, target])], seed) for rows in (train, test)]
    (x, y), (x_test, y_test) = ((rows[:, rest], rows[:, target]) for rows in known)
    if len(y) < 2 or len(y_test) < 2:
        return 0.0
    if not categories[target]:
        guess = trees("regressor", categories[rest], seed).fit(x, y).predict(x_test)
        return float(max(0.0, 1 - ((y_test - guess) ** 2).mean() / max(y_test.var(), 1e-30)))
    if len(np.unique(y)) < 2:
        return 0.5
    rounds = max(ROUNDS // 5, ROUNDS * 2 // len(np.unique(y)))  # each of which grows a tree a class
    return weighted_auc(trees("classifier", categories[rest], seed, rounds).fit(x, y), x_test, y_test)


def weighted_auc(model: Any, x: np.ndarray, y: np.ndarray) -> float:
    """The mean area under the curve of each class against the others, weighted by how often it is in y (n,)."""
    from sklearn.metrics import roc_auc_score

    shares = model.predict_proba(x)
    places = {value: place for place, value in enumerate(model.classes_)}
    areas, weights = [], []
    for value, count in zip(*np.unique(y, return_counts=True)):
        if count < len(y):
            guess = shares[:, places[value]] if value in places else np.zeros(len(y))
            areas.append(roc_auc_score(y == value, guess))
            weights.append(count)
    return float(np.average(areas, weights=weights)) if areas else 0.5


def alike(real: np.ndarray, fake: np.ndarray, categories: np.ndarray, seed: int = 0) -> float:
    """The share of rows that boosted trees cannot tell from real ones: 2 - 2 AUC of trees that learn on one half of
    both tables, on the other half; 1 where they guess, 0 where they always know."""
    from sklearn.metrics import roc_auc_score

    real, fake = some(real, seed), some(fake, seed)
    rows, labels = np.concatenate((real, fake)), np.r_[np.zeros(len(real)), np.ones(len(fake))]
    order = np.random.default_rng(seed).permutation(len(rows))
    halves = order[::2], order[1::2]
    areas = []
    for learnt, tested in (halves, halves[::-1]):
        model = trees("classifier", categories, seed).fit(rows[learnt], labels[learnt])
        areas.append(roc_auc_score(labels[tested], model.predict_proba(rows[tested])[:, 1]))
    return float(min(1.0, 2 - 2 * np.mean(areas)))


def some(rows: np.ndarray, seed: int) -> np.ndarray:
    """Rows of CELLS cells at most, chosen at random."""
    most = max(2, CELLS // rows.shape[1])
    return rows if len(rows) <= most else rows[np.random.default_rng(seed).permutation(len(rows))[:most]]


def trees(kind: str, categories: np.ndarray, seed: int, rounds: int = ROUNDS) -> Any:
    """Boosted trees that know which columns are categories."""
    from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor

    cls = HistGradientBoostingRegressor if kind == "regressor" else HistGradientBoostingClassifier
    return cls(max_iter=min(rounds, ROUNDS), categorical_features=categories, early_stopping=False, random_state=seed)
