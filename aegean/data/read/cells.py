"""Cells of text -> raw rows of described columns, block by block."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice

import numpy as np

from aegean.config import UserError
from aegean.data.column import MISSING, NUMBERS, Column, trained
from aegean.data.read.describe import LETTERS, NOTHING, Choice, finite, parse_date
from aegean.surface import be, plural, say

BLOCK = 20_000  # rows
SAMPLED = 100_000  # rows that a table is described by


def sample(rows: Iterable[Sequence[str]], seed: int = 0) -> tuple[list[Sequence[str]], int]:
    """Rows of a table in their order, all of them or a random SAMPLED, and how many there are (Vitter 1985, R)."""
    kept: list[tuple[int, Sequence[str]]] = []
    random, count = np.random.default_rng(seed), 0
    for count, row in enumerate(rows, 1):
        if count <= SAMPLED:
            kept.append((count, row))
        elif (place := int(random.integers(count))) < SAMPLED:
            kept[place] = count, row
    return [row for _, row in sorted(kept, key=lambda one: one[0])], count


class Reading:
    """Turns cells into raw values, and counts what it could not take as it stands.

    table: all described columns. names: of the columns that the cells have, in their order.
    UserError: one is missing.
    """

    def __init__(self, origin: str, table: Sequence[Column], names: Sequence[str], choice: Choice = NOTHING):
        self.origin, self.columns, self.choice = origin, trained(table), choice
        if missing := [column.name for column in self.columns if column.name not in names]:
            raise UserError(f"{origin} lacks the columns {', '.join(missing[:8])} that this model was trained on.")
        self.places = [list(names).index(column.name) for column in self.columns]
        self.codes = [{name: code for code, name in enumerate(column.names)} for column in self.columns]
        self.strange: Counter[str] = Counter()  # cells that are no number or date
        self.new: Counter[str] = Counter()  # cells of categories that are not known
        self.rare = [set(column.rare) for column in self.columns]

    def blocks(self, rows: Iterable[Sequence[str]]) -> Iterator[np.ndarray]:
        """Raw rows (n, columns) float64, of BLOCK rows each."""
        rows = iter(rows)
        while block := list(islice(rows, BLOCK)):
            cells = list(zip(*block))
            yield np.stack([self._column(i, cells[place]) for i, place in enumerate(self.places)], 1)

    def _column(self, i: int, cells: Sequence[str]) -> np.ndarray:
        column, gap, different = self.columns[i], self.choice.gap, {cell: cell.strip() for cell in set(cells)}
        if column.kind in NUMBERS:
            values = {cell: number(column, text) for cell, text in different.items()}
            strange = {cell for cell, value in values.items() if value is None and not gap(different[cell])}
            self.strange[column.name] += sum(cell in strange for cell in cells) if strange else 0
            known = {cell: np.nan if value is None else value for cell, value in values.items()}
            return np.array([known[cell] for cell in cells])
        codes, rest = self.codes[i], len(column.names)
        places = {cell: codes.get(MISSING if gap(text) else text[:LETTERS], rest) for cell, text in different.items()}
        texts = (different[cell] for cell, code in places.items() if code == rest)
        self.new[column.name] += len({text[:LETTERS] for text in texts if not gap(text)} - self.rare[i])
        return np.array([places[cell] for cell in cells], np.float64)

    def say(self, known: bool) -> None:
        """What could not be taken as it stands. known: the columns are those of a model."""
        for name, count in self.strange.items():
            if count:
                cells = f"{plural(count, 'cell')} of column {name!r} {be(count)}"
                say(f"{self.origin}: {cells} of another kind, taken as missing")
        for name, count in self.new.items() if known else ():
            if count:
                say(f"{self.origin}: column {name!r} holds categories that were not seen in training, taken as rare")


def number(column: Column, cell: str) -> float | None:
    return parse_date(cell, column.form) if column.kind == "date" else finite(cell)
