"""What rows of mixed columns are compared by: their columns, pairs of columns, and boosted trees."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from aegean.data.column import NUMBERS, Column, trained
from aegean.formulas import columns as formulas

TARGETS = ("label", "labels", "class", "classes", "target", "y", "income", "salary", "outcome", "result")
FEW = 20  # categories of a column that is to be foretold


class ColumnReference:
    """What rows are compared with: the floor that training rows reach, and what those rows score whose columns are
    shuffled each on its own (`independent`); a metric near its floor there does not see how columns belong together.

    table: all columns
    real, train: raw held-out and training rows (n, columns)
    seed: of shuffles and trees
    trees: also what boosted trees learn; they take longer than all else
    """

    def __init__(self, table: Sequence[Column], real: np.ndarray, train: np.ndarray, seed: int = 0, trees: bool = True):
        self.columns, self.real, self.seed, self.trees = trained(table), real, seed, trees
        self.categories = np.array([column.kind not in NUMBERS for column in self.columns])
        self.target = target(self.columns)
        self.floor = self.scores(train)
        self.independent = self.scores(formulas.independent(train, seed))

    def __call__(self, fake: np.ndarray) -> dict[str, tuple[float, float]]:
        """(score, floor) of raw samples (n, columns), by metric and what it was measured on."""
        return {name: (value, self.floor[name]) for name, value in self.scores(fake).items()}

    def scores(self, fake: np.ndarray) -> dict[str, float]:
        real, categories, seed = self.real, self.categories, self.seed
        found = {"shape@columns": float(formulas.shapes(real, fake, categories).mean())}
        if len(categories) > 1:
            found["trend@pairs"] = float(np.mean(list(formulas.trends(real, fake, categories, seed).values())))
        if not self.trees:
            return found
        if len(categories) > 1:
            name = "auc" if categories[self.target] else "r2"
            known = formulas.taught(fake, real, self.target, categories, seed)
            found[f"{name}@{self.columns[self.target].name}"] = known
        found["alike@trees"] = formulas.alike(real, fake, categories, seed)
        return found


def target(columns: Sequence[Column]) -> int:
    """The column that others are to foretell: one that is called so, else the last of few categories, else the last."""
    named = [i for i, column in enumerate(columns) if column.name.lower() in TARGETS]
    few = [i for i, column in enumerate(columns) if column.kind not in NUMBERS and len(column.names) <= FEW]
    return [len(columns) - 1, *few, *named][-1]
