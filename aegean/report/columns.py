"""Shares as bars: of the columns of a table that samples match worst, and of the lengths of texts."""

from __future__ import annotations

from typing import Any

import numpy as np
from markupsafe import Markup

from aegean.data.column import MISSING, NUMBERS, Column, trained, written
from aegean.data.info import DataInfo
from aegean.formulas.columns import shapes
from aegean.report.curves import COLOURS, FAINT, INK, plain_axes, svg

SHOWN = 4  # columns
BARS = 12  # categories, or bins of a number
LETTERS = 12  # of a category's name


def distributions(real: np.ndarray, made: np.ndarray | None, row: int, info: DataInfo, title: str) -> Markup:
    """Raw rows (n, columns): shares of categories and of ranges of numbers, held-out ones grey and made ones beside
    them, of the columns whose shapes are least alike; of held-out rows alone those of the first columns."""
    from matplotlib.figure import Figure

    columns = trained(info.table)
    scores = np.ones(len(columns))
    if made is not None:
        scores = shapes(real, made, np.array([column.kind not in NUMBERS for column in columns]))
    worst = np.argsort(scores, kind="stable")[:SHOWN]
    figure = Figure(figsize=(6.8, 1.9 * -(-len(worst) // 2)), layout="constrained")
    axes = np.atleast_1d(figure.subplots(-(-len(worst) // 2), min(2, len(worst)))).ravel()
    for place, axis in zip(worst, axes):
        names, (ours, theirs) = shares(columns[place], real[:, place], None if made is None else made[:, place])
        bars(axis, ours, theirs, row)
        axis.set_xticks(np.arange(len(names)), names, rotation=60, ha="right", parse_math=False)
        label = columns[place].name + (f" ({scores[place]:.3f})" if made is not None else "")
        axis.set_title(label, fontsize=9, color=INK, parse_math=False)
        plain_axes(axis)
        axis.tick_params(labelsize=7)
    for axis in axes[len(worst) :]:
        axis.remove()
    return svg(figure, title)


def lengths(real: np.ndarray, made: np.ndarray | None, row: int, title: str) -> Markup:
    """Raw texts (n, length): the share of them that has each number of tokens, held-out ones grey and made ones beside
    them."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(6.8, 1.9), layout="constrained")
    axis = figure.subplots()
    ours, theirs = (
        None if x is None else np.bincount((x > 0).sum(1), minlength=x.shape[1] + 1) / len(x) for x in (real, made)
    )
    bars(axis, ours, theirs, row)
    axis.set_title("tokens in a text", fontsize=9, color=INK)
    plain_axes(axis)
    axis.tick_params(labelsize=7)
    return svg(figure, title)


def bars(axis: Any, ours: Any, theirs: Any, row: int) -> None:
    """Shares of held-out data, grey, and of made ones beside them where there are any."""
    at = np.arange(len(ours))
    axis.bar(at - (0.2 if theirs is not None else 0), ours, 0.4, color=INK if theirs is None else FAINT)
    if theirs is not None:
        axis.bar(at + 0.2, theirs, 0.4, color=COLOURS[row % len(COLOURS)])


def shares(column: Column, *parts: np.ndarray | None) -> tuple[list[str], list[Any]]:
    """Names of categories or ranges, and of each of the raw columns (n,) the shares of them."""
    if column.kind in NUMBERS:
        known = parts[0][~np.isnan(parts[0])] if parts[0] is not None else np.zeros(0)
        ends = np.unique(np.quantile(known, np.linspace(0, 1, BARS + 1))) if len(known) else np.zeros(1)
        names = ["missing", *(f"to {short(written(column, value))}" for value in ends)]
        places = [None if x is None else np.where(np.isnan(x), 0, 1 + np.searchsorted(ends, x)) for x in parts]
        count = len(names) + 1
        names = [*names, "more"]
    else:
        names = ["missing" if name == MISSING else short(name) for name in column.names[:BARS]]
        names = [*names, "others"]
        count = len(names)
        places = [None if x is None else np.minimum(x.astype(np.int64), count - 1) for x in parts]
    found = [None if x is None else np.bincount(x, minlength=count)[:count] / len(x) for x in places]
    kept = [i for i in range(count) if any(part is not None and part[i] for part in found)]
    return [names[i] for i in kept], [None if part is None else part[kept] for part in found]


def short(name: str) -> str:
    return name if len(name) <= LETTERS else name[: LETTERS - 1] + "…"
