"""Tables in .csv files, with or without a header."""

from __future__ import annotations

import array
import codecs
import contextlib
import csv
import itertools
import re
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import IO

import numpy as np

from aegean.config import UserError
from aegean.data.read.columns import LABELS, as_number, counts, is_header, recurs, without_index
from aegean.data.read.files import Files, distinct, plain_name
from aegean.data.read.mixed import Rows, read_mixed
from aegean.data.read.source import Source, Want, array_part, class_labels, fits_float32
from aegean.data.read.unread import LONGEST, what_else
from aegean.surface import plural, say

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
COMMA = re.compile(r"[+-]?\d*,\d+(e[+-]?\d+)?", re.I)  # a number with a decimal comma


def read_table(files: Files, want: Want) -> Source:
    """A .csv, separated by commas, semicolons or tabs -> rows of described columns; of numbers (columns,) float32 where
    their range is known, as that of a model from before columns were described."""
    path = files.path
    if want.table or not want.ranged:
        return read_mixed(path, plain_name(path), partial(opened, path), want)
    with opened(path) as (names, rows):
        return _numbers(path, names, rows)


@contextlib.contextmanager
def opened(path: Path) -> Iterator[tuple[list[str], Rows]]:
    """The names of the columns of a .csv or .tsv, and its rows. UserError: it is none."""
    if path.stat().st_size > SIZE_LIMIT:
        raise UserError(f"{path} is larger than {SIZE_LIMIT >> 30} GiB; save such a table as .npy or .parquet.")
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
            yield _named(path, _decimal_points(path, _without_comments(path, rows), separator))
    except UnicodeError as error:
        raise UserError(f"{path} is not UTF-8 text ({getattr(error, 'reason', error)}); save it as UTF-8.") from None
    except csv.Error as error:
        hint = "; is a quote left open?" if "larger" in str(error) else ""
        raise UserError(f"{path} is not a readable table ({error}){hint}.") from None


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
    found = [cell for cell in cells if COMMA.fullmatch(cell)]
    rows = itertools.chain(ahead, rows)
    if separator == "," or not found or any("." in cell and as_number(cell) is not None for cell in cells):
        return rows
    if all(re.fullmatch(r"[+-]?[1-9]\d{0,2},\d{3}", cell) for cell in found):
        raise UserError(f"{path}: {found[0]!r} may be a fraction or thousands; write numbers without commas.")
    say(f"{path.name}: numbers are written with a decimal comma, such as {found[0]}")
    return (
        (number, [cell.replace(",", ".") if COMMA.fullmatch(cell.strip()) else cell for cell in row])
        for number, row in rows
    )


def _named(path: Path, rows: Rows) -> tuple[list[str], Rows]:
    """The names of the columns, and the rows below them."""
    number, first = next(rows, (0, []))
    if not first:
        raise UserError(f"{path} is empty; expected rows of numbers.")
    ahead = list(itertools.islice(rows, AHEAD))
    below = [row for _, row in ahead]
    header = (is_header(first) and not recurs(first, below)) or counts(first, below)
    rows = itertools.chain([] if header else [(number, first)], ahead, rows)
    names = [cell.strip() for cell in first] if header else [f"column {n}" for n in range(1, len(first) + 1)]
    if header and not is_header(first):
        say(f"{path.name}: the first row, {names[0]} to {names[-1]}, names the columns; it is taken as a header")
    if header and ahead and len(ahead[0][1]) == len(names) + 1:  # as R writes the names of rows
        names.insert(0, "")
    unique = distinct(names, ".")
    if changed := [new for new, old in zip(unique, names) if new != old]:
        say(f"{path.name}: several columns have the same name; the later ones are called {', '.join(changed[:8])}")
    return unique, _whole(path, len(unique), rows)


def _whole(path: Path, count: int, rows: Rows) -> Rows:
    """The rows, all of so many cells."""
    for number, row in rows:
        if len(row) != count:
            raise UserError(f"{path}: row {number} has {plural(len(row), 'cell')}, expected {count}.")
        yield number, row


def _numbers(path: Path, names: list[str], rows: Rows) -> Source:
    """A table of numbers, one column of which may hold classes. UserError: another holds something else."""
    label = _label_column(path, names)
    cells: list[str] = []  # of the label column
    count, values = 0, array.array("d")
    for number, row in rows:
        count += 1
        if label is not None:
            cells.append(_label(path, number, row[label].strip()))
        values.extend(_value(path, number, names[i], cell) for i, cell in enumerate(row) if i != label)
    columns = [name for i, name in enumerate(names) if i != label]
    table = np.array(values).reshape(count, len(columns))
    classes: tuple[str, ...] = ()
    labels = None
    if label is not None and cells:
        found = _classes_or_numbers(cells)
        if found.dtype.kind == "f":
            say(f"{path.name}: column {names[label]!r} holds fractions; taken as a number, not as classes")
            table, columns = np.insert(table, label, found, axis=1), names
        else:
            classes, labels, _ = class_labels(found, str(path))
            say(f"{path.name}: column {names[label]!r} gives {len(classes)} classes")
    table, columns = without_index(path, table, columns)
    if (abs(table) > EXACT).any():
        say(f"{path.name}: whole numbers above 2^53 lose their last digits")
    if not columns or not count:
        raise UserError(f"{path} has no {'rows' if columns else 'columns'} of numbers.")
    dtype = "float32" if fits_float32(table) else "float64"
    return Source(
        str(path),
        plain_name(path),
        "table",
        (len(columns),),
        dtype,
        array_part(table.astype(dtype), labels),
        classes=classes,
        columns=tuple(columns),
        standardise=True,
    )


def _classes_or_numbers(cells: list[str]) -> np.ndarray:
    """A label column (n,): int64 where all are whole numbers, float64 where all are numbers, else text."""
    numbers = [as_number(cell) for cell in cells]
    if any(n is None or not abs(n) < 2**53 for n in numbers):
        return np.array(cells)
    values = np.array(numbers, np.float64)
    return values if (values != np.rint(values)).any() else values.astype(np.int64)


def _label_column(path: Path, names: list[str]) -> int | None:
    found = [i for i, name in enumerate(names) if name.lower() in LABELS]
    if len(found) > 1:
        raise UserError(f"{path}: columns {[names[i] for i in found]} could each be the classes; rename all but one.")
    return found[0] if found else None


def _label(path: Path, row: int, cell: str) -> str:
    if not 0 < len(cell) <= LABEL_LENGTH:
        raise UserError(f"{path}: row {row} has a class name of {len(cell)} letters; expected 1 to {LABEL_LENGTH}.")
    return cell


def _value(path: Path, row: int, column: str, cell: str) -> float:
    value = as_number(cell)
    if value is None or not abs(value) < 3.4e38:
        what = "is empty" if not cell.strip() else f"holds {cell[:40]!r}"
        raise UserError(f"{path}: row {row}, column {column!r} {what}; expected a finite number.")
    return value
