"""Tables of numbers in .csv files, with or without a header; one column may hold classes."""

from __future__ import annotations

import array
import csv
import itertools
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from aegean.config import UserError
from aegean.data.read.files import Files, plain_name
from aegean.data.read.source import Source, Want, array_part, class_indices, class_names
from aegean.surface import say

LABELS = ("label", "labels", "class", "classes", "target", "y")  # in capitals, too
INDICES = ("", "index", "unnamed: 0")  # a column of these names that only counts the rows
MISSING = ("", "?", "na", "n/a", "nan", "null", "none", "-")  # cells without a value: they make no header
AHEAD = 20  # rows that are looked at before the first is taken for a header of numbers
SIZE_LIMIT = 1 << 30
LABEL_LENGTH = 200


def read_table(files: Files, want: Want) -> Source:
    """A .csv of numbers, separated by commas, semicolons or tabs -> rows (columns,), float32."""
    path = files.path
    if files.entries[0].size > SIZE_LIMIT:
        raise UserError(f"{path} is larger than {SIZE_LIMIT >> 30} GiB; save such a table as .npy.")
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            first = file.readline(1 << 20)
            separator = next((mark for mark in "\t;," if mark in first), ",")
            file.seek(0)
            rows = ((number, row) for number, row in enumerate(csv.reader(file, delimiter=separator), 1) if row)
            return _read(path, rows)
    except UnicodeDecodeError as error:
        raise UserError(f"{path} is not UTF-8 text ({error.reason}); save it as UTF-8.") from None
    except csv.Error as error:
        raise UserError(f"{path} is not a readable table ({error}).") from None


def _read(path: Path, rows: Iterator[tuple[int, list[str]]]) -> Source:
    number, first = next(rows, (0, []))
    if not first:
        raise UserError(f"{path} is empty; expected rows of numbers.")
    ahead = list(itertools.islice(rows, AHEAD))
    header = _is_header(first) or _counts(first, [row for _, row in ahead])
    rows = itertools.chain([] if header else [(number, first)], ahead, rows)
    names = [cell.strip() for cell in first] if header else [f"column {n}" for n in range(1, len(first) + 1)]
    if header and not _is_header(first):
        say(f"{path.name}: the first row, {names[0]} to {names[-1]}, names the columns; it is taken as a header")
    if header and ahead and len(ahead[0][1]) == len(names) + 1:  # as R writes the names of rows
        names.insert(0, "")
    label = _label_column(path, names)
    cells: list[str] = []  # of the label column
    count, values = 0, array.array("d")
    for number, row in rows:
        if len(row) != len(names):
            raise UserError(f"{path}: row {number} has {len(row)} cells, expected {len(names)}.")
        count += 1
        if label is not None:
            cells.append(_label(path, number, row[label].strip()))
        values.extend(_value(path, number, names[i], cell) for i, cell in enumerate(row) if i != label)
    columns = [name for i, name in enumerate(names) if i != label]
    table = np.array(values).reshape(count, len(columns))
    classes = np.array([])
    if label is not None and cells:
        found = _classes_or_numbers(cells)
        if found.dtype.kind == "f":
            say(f"{path.name}: column {names[label]!r} holds fractions; taken as a number, not as classes")
            table, columns, label = np.insert(table, label, found, axis=1), names, None
        else:
            classes = class_names(found, str(path))
            say(f"{path.name}: column {names[label]!r} gives {len(classes)} classes")
    if columns and columns[0].lower() in INDICES and (columns[0] == "" or _is_index(table[:, 0])):
        say(f"{path.name}: the first column, {columns[0]!r}, is taken as a row number and left out")
        table, columns = table[:, 1:], columns[1:]
    if not columns or not count:
        raise UserError(f"{path} has no {'rows' if columns else 'columns'} of numbers.")
    labels = class_indices(found, classes, str(path)) if label is not None else None
    dtype = "float32" if _fits(table) else "float64"
    return Source(
        str(path),
        plain_name(path),
        "table",
        (len(columns),),
        dtype,
        array_part(table.astype(dtype), labels),
        classes=tuple(map(str, classes)),
        columns=tuple(columns),
        standardise=True,
    )


def _classes_or_numbers(cells: list[str]) -> np.ndarray:
    """A label column (n,): int64 where all are whole numbers, float64 where all are numbers, else text."""
    numbers = [_number(cell) for cell in cells]
    if any(n is None or not abs(n) < 2**53 for n in numbers):
        return np.array(cells)
    values = np.array(numbers, np.float64)
    return values if (values != np.rint(values)).any() else values.astype(np.int64)


def _label_column(path: Path, names: list[str]) -> int | None:
    found = [i for i, name in enumerate(names) if name.lower() in LABELS]
    if len(found) > 1:
        raise UserError(f"{path}: columns {[names[i] for i in found]} could each be the classes; rename all but one.")
    return found[0] if found else None


def _is_header(cells: list[str]) -> bool:
    """Some cell is text, and no other looks like a measurement (plain counts may name columns)."""
    cells = [cell.strip() for cell in cells]
    numeric = [cell for cell in cells if _number(cell) is not None]
    text = [cell for cell in cells if _number(cell) is None and cell.lower() not in MISSING]
    return bool(text) and all(cell.isdecimal() for cell in numeric)


def _counts(cells: list[str], following: list[list[str]]) -> bool:
    """Whether a row of numbers names columns, as pandas and instruments write them: 0, 1, 2, ..., years, wavelengths.

    Its numbers rise in equal steps, at least three of them, and no row after it does so; or they are 0, 1, ... above
    rows of fractions.
    """
    cells = cells[1:] if cells and not cells[0].strip() else cells  # above the names of rows
    numbers = [_number(cell) for cell in cells]
    if len(cells) < 2 or not following or any(n is None for n in numbers):
        return False
    if [cell.strip() for cell in cells] == [str(i) for i in range(len(cells))]:
        return any("." in cell for row in following for cell in row) or (len(cells) > 2 and not _rising(following))
    return len(cells) > 2 and _rises(cells) and not _rising(following)


def _rises(cells: list[str]) -> bool:
    """Whether the numbers of a row rise in equal steps."""
    numbers = [_number(cell) for cell in cells]
    if len(numbers) < 3 or any(n is None for n in numbers):
        return False
    steps = np.diff(np.array(numbers, np.float64))
    return bool(steps[0] > 0 and np.allclose(steps, steps[0], rtol=1e-3, atol=0))


def _rising(rows: list[list[str]]) -> bool:
    return any(_rises(row) for row in rows)


def _is_index(values: np.ndarray) -> bool:
    """Whether a column counts the rows, from 0 or 1."""
    return len(values) > 1 and values[0] in (0, 1) and bool((np.diff(values) == 1).all())


def _fits(table: np.ndarray) -> bool:
    """Whether float32 tells the values of each column apart, to a thousandth of their spread: time stamps it does
    not."""
    lost = np.abs(table - table.astype(np.float32)).max(0)
    return bool((lost <= 1e-3 * table.std(0)).all() or (table == table.astype(np.float32)).all())


def _label(path: Path, row: int, cell: str) -> str:
    if not 0 < len(cell) <= LABEL_LENGTH:
        raise UserError(f"{path}: row {row} has a class name of {len(cell)} letters; expected 1 to {LABEL_LENGTH}.")
    return cell


def _number(cell: str) -> float | None:
    try:
        return None if "_" in cell else float(cell)
    except ValueError:
        return None


def _value(path: Path, row: int, column: str, cell: str) -> float:
    value = _number(cell)
    if value is None or not abs(value) < 3.4e38:
        what = "is empty" if not cell.strip() else f"holds {cell[:40]!r}"
        raise UserError(f"{path}: row {row}, column {column!r} {what}; expected a finite number.")
    return value
