"""A column of a table of mixed kinds: what is known of it, as JSON, and the states that a model chooses between.

Raw values (n, columns) are float64: a number as it is (a date in days or seconds), a category's place among `names`,
len(names) for every other category, NaN for a missing number.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal

from aegean.config import Config

ColumnKind = Literal["number", "whole", "date", "category", "constant", "identifier"]
NUMBERS = ("number", "whole", "date")
BINS = 64  # states of a number, about: values that are more frequent than the others have one of their own
LEAST = 1e-3  # share that a state of a number has
PRECISE = 15  # decimals from which on numbers are written with all digits that they have
FULL = 17  # and from which on they are not rounded
EPOCH = datetime(1970, 1, 1)
MISSING = ""  # the name of a missing cell among categories


@dataclass(frozen=True)
class Column(Config):
    """What a table's column holds. Shares are of all rows, also of those without a value.

    names: of categories, the most frequent first; MISSING is one of them
    rare: of categories that share a state
    counts: how often each of `names`, then of `rare`, was seen
    values: of a number, in rising order: all different ones, or points between which lie equal shares of them
    ends: the share of known values up to each of `values`
    exact: whether `values` are all that there are
    missing: share of cells without a value
    decimals: that numbers are written with; dates: of their unit
    form: how dates are written (strptime); the cell of a constant
    dtype: of the column in a DataFrame or .parquet file
    """

    name: str
    kind: ColumnKind
    names: tuple[str, ...] = ()
    rare: tuple[str, ...] = ()
    counts: tuple[int, ...] = ()
    values: tuple[float, ...] = ()
    ends: tuple[float, ...] = ()
    exact: bool = True
    missing: float = 0.0
    decimals: int = 0
    form: str = ""
    dtype: str = ""

    def __post_init__(self) -> None:
        assert len(self.values) == len(self.ends) and list(self.values) == sorted(self.values), f"{self.name}: values"
        assert list(self.ends) == sorted(self.ends) and (not self.ends or (self.ends[0] >= 0 and self.ends[-1] == 1))
        assert len(self.counts) == len(self.names) + len(self.rare), f"{self.name}: counts of other categories"
        assert all(count > 0 for count in self.counts), f"{self.name}: categories that were never seen"
        assert bool(self.values) == (self.kind in NUMBERS), f"{self.name}: a {self.kind} of other values"
        assert 0 <= self.decimals <= 30 and 0 <= self.missing <= 1, self.name

    @property
    def trained(self) -> bool:
        """Constants and identifiers say nothing."""
        return self.kind not in ("constant", "identifier")

    @property
    def width(self) -> int:
        """Values that stand for it in a model: of a number its place and whether it is missing, else one a state."""
        return 2 if self.kind in NUMBERS else len(self.names) + 1

    @property
    def states(self) -> dict[str, Any]:
        """What a decoder chooses between. Of a number the ends of its bins as shares, which of them hold one value
        alone, and the state of a missing one; of categories how many, the last one being all that are rare. `last`:
        whether that state has been seen."""
        if self.kind not in NUMBERS:
            return {"count": len(self.names) + 1, "last": bool(self.rare)}
        edges, single = bins(self)
        return {"edges": edges, "single": single, "last": self.missing > 0}


def trained(table: Sequence[Column]) -> tuple[Column, ...]:
    """The columns that a model sees."""
    return tuple(column for column in table if column.trained)


def width(table: Sequence[Column]) -> int:
    """Values that stand for a row in a model."""
    return sum(column.width for column in trained(table))


def curve(column: Column) -> tuple[list[float], list[float]]:
    """The quantile function as a line through points: shares, values. A frequent value is level, a gap upright."""
    if not column.exact:
        return list(column.ends), list(column.values)
    shares = [share for pair in zip((0.0, *column.ends), column.ends) for share in pair]
    return shares, [value for value in column.values for _ in range(2)]


def bins(column: Column) -> tuple[list[float], list[bool]]:
    """The ends of a number's bins as shares, from 0 to 1, and which bins hold one value alone. Values of a share above
    1 / BINS have a bin each, and the others about BINS together."""
    runs = _runs(column)
    left = sum(end - begin for begin, end in runs if end - begin < 1 / BINS)
    least = 0.0 if len(runs) <= BINS and column.exact else max(left / BINS, LEAST)
    edges, single = [0.0], []
    for number, (begin, end) in enumerate(runs):
        if end - begin >= least and end > begin:
            if begin > edges[-1]:
                edges.append(begin)
                single.append(False)
            edges.append(end)
            single.append(True)
        elif end - edges[-1] >= least or (number == len(runs) - 1 and end > edges[-1]):
            edges.append(end)
            single.append(False)
    return edges, single


def _runs(column: Column) -> list[tuple[float, float]]:
    """Where each different value of the curve begins and ends, as shares."""
    shares, values = curve(column)
    firsts = [i for i in range(len(values)) if not i or values[i] != values[i - 1]]
    lasts = [*(i - 1 for i in firsts[1:]), len(values) - 1]
    return [(shares[a], shares[b]) for a, b in zip(firsts, lasts)]


def written(column: Column, value: float) -> str:
    """A known number as the column has them."""
    if column.kind == "date":
        step = timedelta(seconds=value) if "%H" in column.form else timedelta(days=value)
        return (EPOCH + step).strftime(column.form)
    return f"{value:.{column.decimals}f}" if column.decimals < PRECISE and abs(value) < 1e15 else repr(float(value))
