"""Figures as inline SVG: sharp on any screen, and in the colours of the page, light or dark."""

from __future__ import annotations

import io
import math
import re
import warnings
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from markupsafe import Markup

from aegean.data.info import DataInfo
from aegean.report.runs import Entry
from aegean.report.tables import compact, duration

# Okabe and Ito's colours, told apart by colour-blind readers. On the page they are the variables --c0 ... --c5.
COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9")
MARKERS = {"o": "●", "s": "■", "^": "▲", "D": "◆", "v": "▼", "P": "✚", "X": "✖"}
INK, FAINT = "#111213", "#b1b2b3"  # become --ink and --faint


class Curve(NamedTuple):
    """One run's numbers along its training. colour: the number of its row."""

    colour: int
    x: list[float]
    y: list[float]
    line: list[float]  # what a perfect prior would reach; NaN where there is none
    phases: list[float]  # where each later phase begins
    handed_over: list[int]  # which points are of what a phase began with


def marker(row: int) -> str:
    """The matplotlib marker of a row of the table; `MARKERS` has the sign that looks like it."""
    return list(MARKERS)[row % len(MARKERS)]


def learning_curves(groups: Sequence[Sequence[Entry]], metrics: Sequence[tuple[str, str]]) -> list[dict[str, Any]]:
    """Figures of metrics (name, words) over images and over seconds, where some run has them.

    Each is a dict: title, key, svg.
    """
    figures = []
    for metric, words in metrics:
        scores = [score for group in groups for entry in group for _, _, score in entry.points(metric)]
        if not scores:
            continue
        for axis, label, words_x in ((0, "images", compact), (1, "seconds", duration)):
            curves = [c for row, group in enumerate(groups) for c in _curves(row, group, metric, axis)]
            figures.append(
                {
                    "title": f"{words} over {label}",
                    "key": scores[0]["key"],
                    "svg": _plot(curves, scores[0]["floor"], metric, label, words_x, f"{words} over {label}"),
                }
            )
    return figures


def _curves(row: int, group: Sequence[Entry], metric: str, axis: int) -> list[Curve]:
    found = []
    for seed, entry in enumerate(group):
        phases = [float(phase[1 + axis]) for phase in entry.phases()[1:]]
        points = list(entry.points(metric))
        if points:
            x = [float(seconds if axis else images) for images, seconds, _ in points]
            scores = [score for _, _, score in points]
            y, line = ([float(score.get(what, math.nan)) for score in scores] for what in ("value", "line"))
            handed_over = [number for number, score in enumerate(scores) if score["hand_over"]]
            found.append(Curve(row, x, y, line, phases if seed == 0 else [], handed_over))
    return found


def _plot(curves: Sequence[Curve], floor: float | None, metric: str, x_label: str, words_x: Any, title: str) -> Markup:
    from matplotlib.figure import Figure
    from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullFormatter

    figure = Figure(figsize=(5, 3.2), layout="constrained")
    axes = figure.subplots()
    for curve in curves:
        colour = COLOURS[curve.colour % len(COLOURS)]
        axes.plot(curve.x, curve.y, color=colour, marker=marker(curve.colour), markersize=4, linewidth=1.6)
        axes.plot(curve.x, curve.line, color=colour, linestyle="-.", linewidth=1)
        rings = ([values[i] for i in curve.handed_over] for values in (curve.x, curve.y))
        axes.plot(*rings, "o", color=colour, markersize=10, fillstyle="none")
    lowest = min(value for curve in curves for value in (*curve.y, *curve.line) if value == value)
    if floor is not None and (floor > 0 or metric == "coverage"):
        axes.axhline(floor, color=INK, linestyle=(0, (5, 3)), linewidth=1)
        right = axes.get_yaxis_transform()  # x in parts of the figure, y in the data's numbers
        axes.text(0.99, floor, "real data", transform=right, ha="right", va="bottom", color=INK, fontsize=9)
    if metric == "coverage":
        axes.set_ylim(0, 1.08)
    elif lowest > 0:
        axes.set_yscale("log")
        axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        axes.yaxis.set_minor_formatter(NullFormatter())
    axes.set_xlim(left=0)
    axes.xaxis.set_major_locator(MaxNLocator(5, steps=[1, 2, 5, 10] if x_label == "images" else [1, 1.5, 2, 3, 6, 10]))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: words_x(value) if value else "0"))
    axes.set_xlabel(f"{x_label} in training")
    for curve in curves:
        for place in curve.phases:
            axes.axvline(place, color=COLOURS[curve.colour % len(COLOURS)], linestyle=":", linewidth=1.2)
    plain_axes(axes)
    return svg(figure, title)


def clouds(real: np.ndarray, made: np.ndarray | None, row: int, info: DataInfo, title: str) -> Markup:
    """Raw rows (n, columns) in the plane of the first two columns: held-out ones faint, made ones above them.

    One column: two histograms. Every figure of a report has the same limits, those of the held-out rows.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(3.4, 3.2), layout="constrained")
    axes = figure.subplots()
    low, high = real.min(0), real.max(0)
    margin = 0.15 * np.maximum(high - low, 1e-9)
    parts = [(real, INK if made is None else FAINT)]
    if made is not None:
        parts.append((made, COLOURS[row % len(COLOURS)]))
    for rows, colour in parts:
        if real.shape[1] > 1:
            axes.plot(rows[:, 0], rows[:, 1], ".", color=colour, markersize=3)
        else:
            axes.hist(rows[:, 0], bins=40, range=(low[0], high[0]), histtype="step", color=colour)
    axes.set_xlim(low[0] - margin[0], high[0] + margin[0])
    names = info.columns or ("column 1", "column 2")
    axes.set_xlabel(names[0], parse_math=False)
    if real.shape[1] > 1:
        axes.set_ylim(low[1] - margin[1], high[1] + margin[1])
        axes.set_ylabel(names[1], parse_math=False)
    plain_axes(axes)
    return svg(figure, title)


def plain_axes(axes: Any) -> None:
    """Thin axes, no box."""
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(True, axis="y", color=FAINT, linewidth=0.4)
    axes.set_axisbelow(True)
    axes.spines[["left", "bottom"]].set_color(FAINT)
    axes.tick_params(colors=INK, which="both", color=FAINT, labelsize=9)
    axes.xaxis.label.set_color(INK)
    axes.yaxis.label.set_color(INK)


def svg(figure: Any, title: str) -> Markup:
    """A figure as an <svg> element without outside references, its colours those of the page's variables."""
    import matplotlib

    out = io.StringIO()
    with matplotlib.rc_context({"svg.fonttype": "none", "svg.hashsalt": title}), warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph .* missing")
        figure.savefig(
            out, format="svg", transparent=True, metadata=dict.fromkeys(("Date", "Creator", "Format", "Type"))
        )
    text = out.getvalue()
    text = text[text.index("<svg") :]
    box = re.search(r'viewBox="([\d. ]+)"', text)
    assert box
    text = re.sub(r"<svg[^>]*>", f'<svg viewBox="{box[1]}" role="img" aria-label="{title}">', text, count=1)
    text = re.sub(r"<metadata>.*?</metadata>", "", text, flags=re.DOTALL)
    text = re.sub(r'<g id="[^"]*"', "<g", text).replace("xlink:href", "href")
    for number_, colour in enumerate(COLOURS):
        text = text.replace(colour, f"var(--c{number_})")
    return Markup(text.replace(INK, "var(--ink)").replace(FAINT, "var(--faint)"))
