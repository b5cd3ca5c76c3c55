"""What the cells of a table tell of it: whether its first row names the columns, and which columns count the rows."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from aegean.surface import say

INDICES = ("", "index", "idx", "id", "row", "nr", "no", "#")  # names of columns that only count the rows
LABELS = ("label", "labels", "class", "classes", "target", "y")  # in capitals, too
MISSING = ("", "?", "na", "n/a", "nan", "null", "none", "-")  # cells without a value: they make no header


def as_number(cell: str) -> float | None:
    try:
        return None if "_" in cell else float(cell)
    except ValueError:
        return None


def is_header(cells: list[str]) -> bool:
    """Some cell is text, and no other looks like a measurement (plain counts may name columns)."""
    cells = [cell.strip() for cell in cells]
    numeric = [cell for cell in cells if as_number(cell) is not None]
    text = [cell for cell in cells if as_number(cell) is None and cell.lower() not in MISSING]
    return bool(text) and all(cell.isdecimal() for cell in numeric)


def recurs(cells: list[str], following: list[list[str]]) -> bool:
    """Whether some text of a row comes again below itself, and a number stands above numbers: a row of data, in a table
    without a header."""
    below = [row for row in following if len(row) == len(cells)]
    numeric = [i for i, cell in enumerate(cells) if as_number(cell) is not None]
    text = [i for i, cell in enumerate(cells) if as_number(cell) is None and cell.strip().lower() not in MISSING]
    numbers = any(all(as_number(row[i]) is not None for row in below) for i in numeric)
    return numbers and any(cells[i] == row[i] for i in text for row in below)


def counts(cells: list[str], following: list[list[str]]) -> bool:
    """Whether a row of numbers names columns, as pandas and instruments write them: 0, 1, 2, ..., years, wavelengths.

    Its numbers rise in equal steps, at least three of them, or rise or fall anyhow, at least six, and no row after it
    does so; or they are 0, 1, ... above rows of fractions.
    """
    above = cells[0].strip() if cells else ""  # the names of rows, or a column of text
    cells = cells[1:] if above.lower() not in MISSING[1:] and as_number(above) is None else cells
    numbers = [as_number(cell) for cell in cells]
    if len(cells) < 2 or not following or any(n is None for n in numbers):
        return False
    if [cell.strip() for cell in cells] == [str(i) for i in range(len(cells))]:
        return any("." in cell for row in following for cell in row) or (len(cells) > 2 and not _any_steps(following))
    return _steps(cells) and not _any_steps(following)


def _steps(cells: list[str]) -> bool:
    """Whether the numbers of a row rise in equal steps, or rise or fall in any where there are many."""
    numbers = [as_number(cell) for cell in cells]
    if len(numbers) < 3 or any(n is None for n in numbers):
        return False
    steps = np.diff(np.array(numbers, np.float64))
    even = steps[0] > 0 and np.allclose(steps, steps[0], rtol=1e-3, atol=0)
    return bool(even or (len(steps) > 4 and ((steps > 0).all() or (steps < 0).all())))


def _any_steps(rows: list[list[str]]) -> bool:
    return any(_steps(row) for row in rows)


def without_index(path: Path, table: np.ndarray, columns: list[str]) -> tuple[np.ndarray, list[str]]:
    """The table without columns of row numbers. A column of another name that counts the rows is spoken of."""
    taken = []
    for i, name in enumerate(columns):
        known = name.lower() in INDICES or name.lower().startswith("unnamed: ")
        if known and ((name == "" and i == 0) or _is_index(table[:, i])):
            say(f"{path.name}: the column {name!r} is taken as a row number and left out")
            continue
        if known or _is_index(table[:, i]):
            say(f"{path.name}: the column {name!r} looks like a row number, and is trained on; remove it if it is one")
        taken.append(i)
    return table[:, taken], [columns[i] for i in taken]


def _is_index(values: np.ndarray) -> bool:
    """Whether a column counts the rows, from 0 or 1."""
    return len(values) > 1 and values[0] in (0, 1) and bool((np.diff(values) == 1).all())
