"""From cells of text to described columns: what kind each is, its missing cells, its numbers, dates or categories."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

import numpy as np

from aegean.config import UserError
from aegean.data.column import EPOCH, FULL, MISSING, Column, ColumnKind, written
from aegean.data.read.columns import INDICES, as_number
from aegean.surface import option, say

GAPS = ("", "?", "na", "n/a", "nan", "null", "none", "<na>", "nat")  # cells without a value, in any case
KINDS = ("number", "whole", "category", "date", "identifier")  # that may be chosen
MOST_NAMES = 100  # categories with a state of their own
MOST_RARE = 400  # others whose names are kept
SHARED = 40_000  # values or names of all columns together: descriptions are JSON in the model file
FEWEST = 20  # of each in any case
EXACT = 2**53  # up to which floats hold every whole number
LETTERS = 200  # of a category
MOST_VALUES = 1000  # different numbers that are kept, each with its share
POINTS = 513  # of a number with more
SAID = 100  # columns that are spoken of
NEARLY = 0.95  # share of a column's cells that make it one of numbers or dates
MIXED = 0.5  # and of one that is not, above which it is said
DIFFERENT = 0.9  # share of different texts, above which they are no categories,
MANY = 100  # and how many at least
DATES = (
    "%Y-%m-%d", "%Y/%m/%d", "%d.%m.%Y", "%m/%d/%Y", "%d/%m/%Y", "%Y-%m-%d %H:%M:%S", "%Y-%m-%dT%H:%M:%S",
    "%Y-%m-%d %H:%M", "%Y-%m-%d %H:%M:%S.%f", "%Y-%m-%dT%H:%M:%S.%f", "%d.%m.%Y %H:%M", "%m/%d/%Y %H:%M",
    "%d/%m/%Y %H:%M",
)  # fmt: skip
SIGNS = re.compile(r"[$€£¥%,\s]")  # around and within numbers for people
IDENTIFIER = re.compile(r"(^|[_\W])(id|uuid|guid|key|index|nr)$|[a-z]I[dD]$", re.I)


class Choice(NamedTuple):
    """What a user says of the columns. kinds: of some by name; missing: cells that hold no value, besides GAPS; only,
    without: those that are wanted, and not."""

    kinds: Mapping[str, ColumnKind] = {}
    missing: Collection[str] = ()
    only: Collection[str] = ()
    without: Collection[str] = ()

    def gap(self, cell: str) -> bool:
        return cell.lower() in GAPS or cell in self.missing


NOTHING = Choice()


def describe(names: Sequence[str], rows: Sequence[Sequence[str]], choice: Choice = NOTHING) -> tuple[Column, ...]:
    """Columns from their names and the rows of a table, or from many rows of it."""
    cells = list(zip(*rows)) if rows else [()] * len(names)
    most = max(FEWEST, SHARED // max(1, len(names)))
    return tuple(column(name, [cell.strip() for cell in part], choice, most) for name, part in zip(names, cells))


def column(name: str, cells: Sequence[str], choice: Choice = NOTHING, most: int = SHARED) -> Column:
    """One column from its cells, with `most` values or names at most. UserError: they are not of the kind that was
    chosen."""
    known = [cell for cell in cells if not choice.gap(cell)]
    missing = 1 - len(known) / len(cells) if cells else 0.0
    chosen = choice.kinds.get(name)
    different = Counter(known)
    if not known or (len(different) == 1 and not missing and not chosen):
        return Column(name, "constant", form=known[0] if known else MISSING)
    if chosen == "identifier" or (not name and not chosen and len(different) == len(cells)):
        return Column(name, "identifier")
    if chosen in (None, "number", "whole") and (found := numbers(name, known, missing, chosen, most)):
        return found
    if chosen in (None, "date") and (found := dates(name, known, missing, most)):
        return found
    if chosen not in (None, "category"):
        raise UserError(f"column {name!r} is said to be a {chosen}, and holds {next(iter(different))[:40]!r}.")
    share = sum(finite(cell) is not None for cell in known) / len(known)
    if not chosen and MIXED <= share < NEARLY:
        fix = f"{option('kind', f'{name}=number')} takes the others for missing"
        say(f"column {name!r}: {share:.0%} of its cells are numbers, too few to be a column of numbers; {fix}")
    if not chosen and all(finite(SIGNS.sub("", cell)) is not None and SIGNS.search(cell) for cell in known):
        say(f"column {name!r}: cells such as {known[0][:40]!r} are no numbers; write them without signs and commas")
    if not chosen and len(different) > max(MANY, DIFFERENT * len(known)):
        return Column(name, "identifier")
    if max(map(len, different)) > LETTERS:
        say(f"column {name!r}: texts longer than {LETTERS} letters are cut")
        different = Counter(cell[:LETTERS] for cell in known)
    if missing:
        different[MISSING] = len(cells) - len(known)
    return categories(name, different, most)


def categories(name: str, different: Counter[str], most: int) -> Column:
    """A column of categories, from how often each was seen; of equal ones by name, so that the order of rows is no
    matter. A missing cell has a state of its own in any case."""
    ranked = sorted(different.items(), key=lambda item: (-item[1], item[0]))
    kept = min(MOST_NAMES, most)
    place = next((i for i, (cell, _) in enumerate(ranked) if cell == MISSING), 0)
    if place >= kept:
        ranked.insert(kept - 1, ranked.pop(place))
    ranked = ranked[: min(MOST_NAMES + MOST_RARE, most)]
    names = tuple(cell for cell, _ in ranked)
    counts = tuple(count for _, count in ranked)
    return Column(name, "category", names=names[:kept], rare=names[kept:], counts=counts)


def numbers(name: str, known: Sequence[str], missing: float, chosen: str | None, most: int) -> Column | None:
    """A column of numbers, if nearly all cells are some; whole ones that count the rows or are called id are none."""
    values = [value for cell in known if (value := finite(cell)) is not None]
    if len(values) < (1 if chosen else NEARLY * len(known)):
        return None
    if not chosen and any(re.fullmatch(r"0\d+", cell) for cell in known):  # codes, such as those of the post
        return None
    array = np.array(values)
    whole = bool((array == np.rint(array)).all() and not any("." in cell or "e" in cell.lower() for cell in known))
    if whole and not chosen and not missing and is_identifier(name, array):
        return Column(name, "identifier")
    if whole and abs(array).max() > EXACT:
        say(f"column {name!r}: whole numbers above 2^53 lose their last digits")
    missing += (1 - missing) * (1 - len(values) / len(known))
    places = 0 if whole or chosen == "whole" else max(map(decimals, known))
    kind: ColumnKind = "whole" if places == 0 and (whole or chosen == "whole") else "number"
    return measured(name, kind, array, missing, most, places)


def measured(
    name: str, kind: ColumnKind, values: np.ndarray, missing: float, most: int, decimals: int = 0, form: str = ""
) -> Column:
    """A column of numbers from those that were seen (n,): all with their shares, or points between equal shares.

    name, kind, missing, decimals, form: of the column
    most: values or points, at most
    """
    different, counts = np.unique(values, return_counts=True)
    exact = len(different) <= min(MOST_VALUES, most)
    if exact:
        ends = np.cumsum(counts) / len(values)
        ends[-1] = 1.0
    else:
        ends = np.linspace(0, 1, min(POINTS, most))
        different = np.sort(np.quantile(values, ends))
    kept = tuple(different.tolist()), tuple(ends.tolist())
    return Column(name, kind, values=kept[0], ends=kept[1], exact=exact, missing=missing, decimals=decimals, form=form)


def is_identifier(name: str, values: np.ndarray) -> bool:
    """Whether whole numbers (n,), all different, are called an identifier or count the rows."""
    if len(values) < 2 or len(np.unique(values)) < len(values):
        return False
    called = name.lower() in INDICES or name.lower().startswith("unnamed: ") or bool(IDENTIFIER.search(name))
    return called or bool(len(values) > MANY and (np.diff(values) == 1).all())


def finite(cell: str) -> float | None:
    value = as_number(cell)
    return value if value is not None and math.isfinite(value) else None


def decimals(cell: str) -> int:
    """How many decimals a number is written with; of one with an exponent all that matter."""
    whole, _, rest = cell.lower().partition(".")
    digits, _, power = rest.partition("e")
    if not power and "e" in whole:
        power = whole.partition("e")[2]
    return min(FULL, max(0, len(digits) - (int(power) if re.fullmatch(r"[+-]?\d{1,3}", power) else 0)))


def dates(name: str, known: Sequence[str], missing: float, most: int) -> Column | None:
    """A column of dates, if nearly all cells are written in one of the known forms."""
    for form in DATES:
        if sum(parse_date(cell, form) is not None for cell in known[:20]) < NEARLY * len(known[:20]):
            continue
        found = [value for cell in known if (value := parse_date(cell, form)) is not None]
        if len(found) >= NEARLY * len(known):
            missing += (1 - missing) * (1 - len(found) / len(known))
            return measured(name, "date", np.array(found), missing, most, 6 if "%f" in form else 0, form)
    return None


def parse_date(cell: str, form: str) -> float | None:
    """Days since 1970, or seconds where the form has a time; None: it is written otherwise."""
    try:
        passed = datetime.strptime(cell, form) - EPOCH
    except ValueError:
        return None
    return passed.total_seconds() if "%H" in form else float(passed.days)


def say_columns(name: str, table: Sequence[Column]) -> None:
    """One table of what was found."""
    lines = [(column.name, column.kind, remark(column)) for column in table]
    wide = [max(len(line[i]) for line in lines) for i in range(2)]
    text = "\n".join(f"  {a:<{wide[0]}}  {b:<{wide[1]}}  {c}".rstrip() for a, b, c in lines[:SAID])
    text += f"\n  and {len(lines) - SAID} more" if len(lines) > SAID else ""
    how = f"{option('columns')}, {option('kind')} and {option('missing')}"
    say(f"{name}: columns found (others are chosen with {how}):\n{text}")


def remark(column: Column) -> str:
    """What is said of a column beside its kind."""
    if column.kind == "constant":
        return f"always {column.form!r}" if column.form else "always empty"
    if column.kind == "identifier":
        return "left out"
    if column.kind == "category":
        total = sum(column.counts)
        words = f"{len(column.names) - (MISSING in column.names)} of them"
        if column.rare:
            words += f", {sum(column.counts[len(column.names) :]) / total:.1%} of cells are rarer ones, pooled"
        gaps = column.counts[column.names.index(MISSING)] / total if MISSING in column.names else 0.0
    else:
        words, gaps = f"{written(column, column.values[0])} to {written(column, column.values[-1])}", column.missing
    return words + (f", {gaps:.1%} missing" if gaps else "")
