"""Conditions on rows: "age>=60", "country=France", "income=" for missing ones."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from aegean.config import UserError, nearest
from aegean.data.column import MISSING, NUMBERS, Column, trained
from aegean.data.read.cells import number
from aegean.surface import option

SIGNS: dict[str, Callable[[Any, Any], Any]] = {
    ">=": operator.ge, "<=": operator.le, "!=": operator.ne, "=": operator.eq, ">": operator.gt, "<": operator.lt,
}  # fmt: skip


class Condition(NamedTuple):
    """place: of a column among those trained; value: raw, NaN for missing numbers."""

    place: int
    sign: str
    value: float

    def __call__(self, raw: np.ndarray) -> np.ndarray:
        """Which raw rows (n, columns) fulfil it."""
        x = raw[:, self.place]
        if np.isnan(self.value):
            return np.isnan(x) == (self.sign == "=")
        return SIGNS[self.sign](x, self.value)  # type: ignore[no-any-return]


def conditions(texts: Sequence[str], table: Sequence[Column]) -> list[Condition]:
    """UserError: no such column or category, a sign that its kind does not have, no value at all."""
    return [condition(text, trained(table)) for text in texts]


def condition(text: str, columns: Sequence[Column]) -> Condition:
    names = sorted((column.name for column in columns), key=len, reverse=True)  # a name may hold a sign
    for name in names:
        rest = text.strip().removeprefix(name)
        found = re.fullmatch(r"\s*(>=|<=|!=|==?|>|<)(.*)", rest, re.DOTALL)
        if found and rest != text.strip():
            place = [column.name for column in columns].index(name)
            return _valued(text, place, columns[place], found[1].replace("==", "="), found[2].strip())
    word = re.split(r"[><=!]", text, maxsplit=1)[0].strip()
    raise UserError(f"{option('where', text)}: expected COLUMN>=VALUE or the like.{nearest(word, names)}")


def _valued(text: str, place: int, column: Column, sign: str, given: str) -> Condition:
    said = option("where", text)
    if column.kind in NUMBERS:
        value = np.nan if given == MISSING else number(column, given)
        if value is None or (given == MISSING and sign not in ("=", "!=")):
            raise UserError(f"{said}: {column.name!r} holds {column.kind}s, and {given!r} is none.")
        return Condition(place, sign, value)
    if sign not in ("=", "!="):
        raise UserError(f"{said}: {column.name!r} holds categories; they are = or != one.")
    if given not in column.names:
        what = "is rare, and rare ones are drawn together" if given in column.rare else "is none of them"
        raise UserError(f"{said}: {given!r} {what}.{nearest(given, [name for name in column.names if name])}")
    return Condition(place, sign, float(column.names.index(given)))
