"""Texts as they lie in files: a line of a .txt, a cell of a .csv or .tsv, a field of a .jsonl; some with a label."""

from __future__ import annotations

import codecs
import csv
import io
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from aegean.config import UserError, nearest
from aegean.data.read.unread import LONGEST, what_else
from aegean.surface import option, say

LABELS = ("label", "labels", "class", "classes", "target", "y")  # in capitals, too
FIELD = "text"  # of a .jsonl, where none is named
CELL = 1 << 30  # characters at most; longer than any file
MARKS = {
    codecs.BOM_UTF32_LE: "utf-32",
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
    codecs.BOM_UTF8: "utf-8-sig",
}
Row = tuple[str, str | None]  # a text, and its label


class Bad(ValueError):
    """A line that is no text; says why."""


class Lines(NamedTuple):
    """What a file holds."""

    texts: list[str]
    labels: list[str] | None  # one each; None where there are none
    blank: int  # lines without a text, left out
    bad: list[str]  # lines that cannot be read, and why


def read_lines(path: Path, data: bytes, column: str, skip_bad: bool) -> Lines:
    """The texts of a file. UserError: it is no text, has no such column, or a line is bad and `skip_bad` does not
    leave it out."""
    ending, texts, labels, bad, blank = path.suffix.lower(), list[str](), list[str | None](), list[str](), 0
    for number, row in rows_of(path, decoded(path, data, skip_bad, bad), ending, column):
        if isinstance(row, Bad):
            if not skip_bad:
                raise UserError(f"{path}: line {number} {row}; mend it, or leave it out: {option('skip_bad')}.")
            bad.append(f"line {number} {row}")
        elif row[0].strip():
            texts.append(row[0])
            labels.append(row[1])
        else:
            blank += 1
    given = [label for label in labels if label is not None]
    if given and len(given) < len(labels):
        say(f"{path.name}: {len(labels) - len(given)} of {len(labels)} texts have no label, so no classes are taken")
    return Lines(texts, given if given and len(given) == len(labels) else None, blank, bad)


def decoded(path: Path, data: bytes, skip_bad: bool, bad: list[str]) -> str:
    """A file as text. UserError: it is none; the first byte that is no UTF-8 is named by line and place."""
    coding = next((name for mark, name in MARKS.items() if data.startswith(mark)), "utf-8")
    what = what_else(data[: 2 * LONGEST], ()) if data else "an empty file"
    if coding == "utf-8" and (b"\0" in data[:4096] or (what and not data.startswith((b"<", b"P7")))):
        raise UserError(f"{path} is no text but {what or 'binary data'}; give a file of lines in UTF-8.")
    try:
        return data.decode(coding)
    except UnicodeDecodeError as error:
        if not coding.startswith("utf-8"):
            raise UserError(f"{path} is not readable as {coding.upper()} ({error.reason}); save it as UTF-8.") from None
        if skip_bad:
            return _readable(data, bad)
        number, place = data.count(b"\n", 0, error.start) + 1, error.start - data.rfind(b"\n", 0, error.start)
        raise UserError(
            f"{path}: line {number}, byte {place} (0x{data[error.start]:02x}) is no UTF-8; save the file as UTF-8, or "
            f"leave such lines out: {option('skip_bad')}."
        ) from None


def _readable(data: bytes, bad: list[str]) -> str:
    """The lines that are UTF-8; the others become empty and are counted as bad."""
    found = []
    for number, line in enumerate(data.removeprefix(codecs.BOM_UTF8).split(b"\n"), 1):
        try:
            found.append(line.decode())
        except UnicodeDecodeError:
            found.append("")
            bad.append(f"line {number} is no UTF-8")
    return "\n".join(found)


def rows_of(path: Path, text: str, ending: str, column: str) -> Iterator[tuple[int, Row | Bad]]:
    """Texts and labels, by line or row number."""
    if ending in (".csv", ".tsv"):
        yield from _cells(path, text, "\t" if ending == ".tsv" else "", column)
        return
    whole = re.split(r"\r\n|\n|\r", text)
    lines = enumerate(whole if whole[-1] else whole[:-1], 1)  # a break at the end begins no line
    if ending != ".jsonl":
        yield from ((number, (line, None)) for number, line in lines)
        return
    for number, line in lines:
        yield number, _object(line, column) if line.strip() else ("", None)


def _object(line: str, field: str) -> Row | Bad:
    """A line of a .jsonl: an object with the field, or where no field is named also a text alone."""
    try:
        value = json.loads(line)
    except (ValueError, RecursionError):
        return Bad("is no JSON: expected one object a line")
    if isinstance(value, str) and not field:
        return _whole(value, None)
    if not isinstance(value, dict):
        return Bad(f"holds {_named(value)}, not an object")
    name = field or FIELD
    if name not in value:
        fix = "" if field else "; name another one, as in data.jsonl:FIELD"
        return Bad(f"has no field {name!r}.{nearest(name, map(str, value))[:200].rstrip('.')}{fix}")
    if not isinstance(value[name], str):
        return Bad(f"has {_named(value[name])} in the field {name!r}, not a text")
    labels = [key for key in value if key.lower() in LABELS and key != name]
    label = value[labels[0]] if len(labels) == 1 else None
    return _whole(value[name], str(label) if isinstance(label, str | int) else None)


def _whole(text: str, label: str | None) -> Row | Bad:
    """JSON may hold halves of characters, which UTF-8 does not."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return Bad("holds half of a character (a lone surrogate)")
    return text, label


def _named(value: Any) -> str:
    kinds = {dict: "an object", list: "a list", bool: "true or false", type(None): "null", str: "a text"}
    return kinds.get(type(value), f"a number ({str(value)[:20]})")


def _cells(path: Path, text: str, separator: str, column: str) -> Iterator[tuple[int, Row | Bad]]:
    """Cells of a column, by its name in the first row; a whole number counts columns of a table without names."""
    limit = csv.field_size_limit(CELL)
    try:
        first = re.sub(r'"[^"]*"', "", text[: 1 << 20].split("\n", 1)[0])
        mark = separator or next((mark for mark in "\t;,|" if mark in first), ",")
        rows = csv.reader(io.StringIO(text, newline=""), delimiter=mark)
        head = [cell.strip() for cell in next(rows, [])]
        place, label = _places(path, head, column)
        if column not in head:
            rows = csv.reader(io.StringIO(text, newline=""), delimiter=mark)
        for row in rows:
            if not row:
                yield rows.line_num, ("", None)
            elif len(row) <= max(place, label if label is not None else 0):
                yield rows.line_num, Bad(f"has {len(row)} cells, expected {len(head)}")
            else:
                yield rows.line_num, (row[place], None if label is None else row[label].strip())
    except csv.Error as error:
        raise UserError(f"{path} is not a readable table ({error}).") from None
    finally:
        csv.field_size_limit(limit)


def _places(path: Path, head: list[str], column: str) -> tuple[int, int | None]:
    """Where the texts and, if there are any, the labels are."""
    if column in head:
        labels = [n for n, name in enumerate(head) if name.lower() in LABELS and name != column]
        if len(labels) > 1:
            names = ", ".join(head[n] for n in labels)
            raise UserError(f"{path}: columns {names} could each be the classes; rename all but one.")
        return head.index(column), labels[0] if labels else None
    if column.isdecimal() and 1 <= int(column) <= len(head):
        return int(column) - 1, None
    raise UserError(f"{path} has no column {column!r}.{nearest(column, head[:50])}")
