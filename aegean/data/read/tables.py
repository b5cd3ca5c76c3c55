"""Tables of numbers in .csv files, with or without a header; one column may hold classes."""

from __future__ import annotations

import array
import codecs
import csv
import itertools
import re
from collections.abc import Iterator
from pathlib import Path
from typing import IO

import numpy as np

from aegean.config import UserError
from aegean.data.read.files import Files, plain_name
from aegean.data.read.source import Source, Want, array_part, class_indices, class_names, fits_float32
from aegean.data.read.unread import LONGEST, what_else
from aegean.surface import say

LABELS = ("label", "labels", "class", "classes", "target", "y")  # in capitals, too
INDICES = ("", "index", "idx", "id", "row", "nr", "no", "#")  # names of columns that only count the rows
MISSING = ("", "?", "na", "n/a", "nan", "null", "none", "-")  # cells without a value: they make no header
AHEAD = 20  # rows that are looked at before the first is taken for a header of numbers
SIZE_LIMIT = 1 << 30
MARKS = {
    codecs.BOM_UTF32_LE: "utf-32",
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}
EXACT = 2**53  # up to which floats hold every whole number
LABEL_LENGTH = 200

Rows = Iterator[tuple[int, list[str]]]  # their numbers, and cells


def read_table(files: Files, want: Want) -> Source:
    """A .csv of numbers, separated by commas, semicolons or tabs -> rows (columns,), float32."""
    path = files.path
    if files.entries[0].size > SIZE_LIMIT:
        raise UserError(f"{path} is larger than {SIZE_LIMIT >> 30} GiB; save such a table as .npy.")
    with path.open("rb") as file:
        head = file.read(LONGEST)
    coding = next((name for mark, name in MARKS.items() if head.startswith(mark)), "utf-8-sig")
    if coding == "utf-8-sig" and (b"\0" in head or head.lstrip().startswith(b"<")):
        what = what_else(head, ()) or "bytes that are no text"
        raise UserError(f"{path} is no table but {what}; save the table as UTF-8 text.")
    try:
        with path.open(newline="", encoding=coding) as file:
            separator = _separator(file)
            rows = ((number, row) for number, row in enumerate(csv.reader(file, delimiter=separator), 1) if row)
            return _read(path, _decimal_points(path, _without_comments(path, rows), separator))
    except UnicodeError as error:
        raise UserError(f"{path} is not UTF-8 text ({getattr(error, 'reason', error)}); save it as UTF-8.") from None
    except csv.Error as error:
        raise UserError(f"{path} is not a readable table ({error}).") from None


def _separator(file: IO[str]) -> str:
    """What separates the cells, by the first line: as Excel names it (`sep=;`), else a mark outside quotes. The file is
    left where the table begins."""
    first = file.readline(1 << 20)
    if told := re.fullmatch(r'"?sep=(.)"?\s*', first, re.I):
        return told[1]
    file.seek(0)
    bare = re.sub(r'"[^"]*"', "", first)
    return next((mark for mark in "\t;,|" if mark in bare), ",")


def _without_comments(path: Path, rows: Rows) -> Rows:
    """The rows below leading lines that begin with #. The last of those is the header, as np.savetxt writes it, if it
    names as many columns as the next row has."""
    comments = 0
    last: tuple[int, list[str]] = (0, [])
    for number, row in rows:
        if not row[0].startswith("#") or (row[0].strip() == "#" and len(row) > 1):
            if last[1] and len(last[1]) == len(row):
                comments -= 1
                yield last
            yield number, row
            break
        last = number, [row[0].lstrip("# "), *row[1:]]
        comments += 1
    if comments:
        say(f"{path.name}: {comments} comments above the table are left out")
    yield from rows


def _decimal_points(path: Path, rows: Rows, separator: str) -> Rows:
    """Numbers with a decimal comma, as much of Europe writes them between semicolons, with a point instead."""
    ahead = list(itertools.islice(rows, AHEAD + 1))
    cells = [cell.strip() for _, row in ahead for cell in row]
    found = [cell for cell in cells if re.fullmatch(r"[+-]?\d*,\d+(e[+-]?\d+)?", cell, re.I)]
    rows = itertools.chain(ahead, rows)
    if separator == "," or not found or any("." in cell and _number(cell) is not None for cell in cells):
        return rows
    if all(re.fullmatch(r"[+-]?[1-9]\d{0,2},\d{3}", cell) for cell in found):
        raise UserError(f"{path}: {found[0]!r} may be a fraction or thousands; write numbers without commas.")
    say(f"{path.name}: numbers are written with a decimal comma, such as {found[0]}")
    return ((number, [cell.replace(",", ".") for cell in row]) for number, row in rows)


def _read(path: Path, rows: Rows) -> Source:
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
    names = _different(path, names)
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
    table, columns = _without_index(path, table, columns)
    if (abs(table) > EXACT).any():
        say(f"{path.name}: whole numbers above 2^53 lose their last digits")
    if not columns or not count:
        raise UserError(f"{path} has no {'rows' if columns else 'columns'} of numbers.")
    labels = class_indices(found, classes, str(path)) if label is not None else None
    dtype = "float32" if fits_float32(table) else "float64"
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

    Its numbers rise in equal steps, at least three of them, or rise or fall anyhow, at least six, and no row after it
    does so; or they are 0, 1, ... above rows of fractions.
    """
    above = cells[0].strip() if cells else ""  # the names of rows, or a column of text
    cells = cells[1:] if above.lower() not in MISSING[1:] and _number(above) is None else cells
    numbers = [_number(cell) for cell in cells]
    if len(cells) < 2 or not following or any(n is None for n in numbers):
        return False
    if [cell.strip() for cell in cells] == [str(i) for i in range(len(cells))]:
        return any("." in cell for row in following for cell in row) or (len(cells) > 2 and not _any_steps(following))
    return _steps(cells) and not _any_steps(following)


def _steps(cells: list[str]) -> bool:
    """Whether the numbers of a row rise in equal steps, or rise or fall in any where there are many."""
    numbers = [_number(cell) for cell in cells]
    if len(numbers) < 3 or any(n is None for n in numbers):
        return False
    steps = np.diff(np.array(numbers, np.float64))
    even = steps[0] > 0 and np.allclose(steps, steps[0], rtol=1e-3, atol=0)
    return bool(even or (len(steps) > 4 and ((steps > 0).all() or (steps < 0).all())))


def _any_steps(rows: list[list[str]]) -> bool:
    return any(_steps(row) for row in rows)


def _different(path: Path, names: list[str]) -> list[str]:
    """The names of the columns, a number added where one comes again."""
    found: list[str] = []
    for name in names:
        again = 1
        while name and (f"{name}.{again}" if again > 1 else name) in found:
            again += 1
        found.append(f"{name}.{again}" if again > 1 else name)
    if changed := [name for name, old in zip(found, names) if name != old]:
        say(f"{path.name}: several columns have the same name; the later ones are called {', '.join(changed[:8])}")
    return found


def _without_index(path: Path, table: np.ndarray, columns: list[str]) -> tuple[np.ndarray, list[str]]:
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
