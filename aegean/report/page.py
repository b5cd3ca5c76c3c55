"""The report as one HTML page: everything it shows stands in it."""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from markupsafe import Markup

from aegean import __version__
from aegean.data import Dataset, kinds
from aegean.model import Model
from aegean.recipes import RECIPES
from aegean.recipes.registry import options
from aegean.report import tables
from aegean.report.curves import COLOURS, MARKERS, learning_curves, marker
from aegean.report.gallery import Gallery
from aegean.report.kinds import kind_of
from aegean.report.ranking import distance
from aegean.report.runs import Entry
from aegean.report.steps import train_command
from aegean.training.history import handed_over

if TYPE_CHECKING:
    import jinja2

CURVES = (
    ("coverage", "Coverage"),
    ("fd", "Fréchet distance"),
    ("mse", "Squared error of reconstructions"),
    ("mel", "Mel distance of reconstructions"),
)
WIDE = 10  # metrics beside each other
ARROWS = {"higher": "↑", "lower": "↓", "nearest": "≈"}


def templates(*folders: Path) -> jinja2.Environment:
    """The HTML templates in some folders."""
    import jinja2

    return jinja2.Environment(
        loader=jinja2.FileSystemLoader(folders),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
    )


def render(report: dict[str, Any], groups: Sequence[Sequence[Entry]], dataset: Dataset) -> str:
    """The page of `report` (see `tables.table`), whose rows are these groups of runs."""
    environment = templates(Path(__file__).parent)
    words = (tables.number, tables.whole, tables.compact, tables.duration, tables.size)
    environment.filters |= {function.__name__: function for function in words}
    figures = learning_curves(groups, CURVES)
    return environment.get_template("page.html").render(
        report=report,
        title=f"{', '.join(row['label'] for row in report['rows'])} on {report['data']['name']}",
        shape=kinds.kind_of(dataset.info).describe(dataset.info),
        overlaid=kind_of(dataset.info).overlaid,
        several_seeds=any(len(row["seeds"]) > 1 for row in report["rows"]),
        signs=[
            Markup(f'<span class="sign" style="color:var(--c{i % len(COLOURS)})">{MARKERS[marker(i)]}</span>')
            for i in range(len(groups))
        ],
        score_tables=score_tables(report),
        arrows=ARROWS,
        shown=panels(report, groups, dataset),
        figures=figures,
        phases=[[(name, images) for name, images, _ in group[0].phases()][1:] for group in groups],
        recipes=[about(group) for group in groups],
        version=__version__,
    )


def plain_cell(scores: dict[str, dict[str, Any]], metric: dict[str, Any]) -> dict[str, Any]:
    """A score: the median, and the range over seeds. One of another number of samples says so."""
    stem, _, count = metric["key"].rpartition(":")
    key = next((key for key in (metric["key"], *scores) if key in scores and key.rpartition(":")[0] == stem), None)
    if key is None:
        return {"text": "-", "range": "", "best": False}
    score = scores[key]
    words = [f"{tables.number(score['min'])} to {tables.number(score['max'])}"] if len(score["values"]) > 1 else []
    if not key.endswith(f":{count}"):
        words.append(f"of {key.rpartition(':')[2]} samples")
    return {"text": tables.number(score["median"]), "range": ", ".join(words), "best": False}


def cell(row: dict[str, Any], metric: dict[str, Any], report: dict[str, Any]) -> dict[str, Any]:
    """One score of the table, and whether it is the best of its column."""
    score = row["scores"].get(metric["key"])
    if score is None:
        return plain_cell({}, metric)
    column = [r["scores"][metric["key"]]["median"] for r in report["rows"] if metric["key"] in r["scores"]]
    best = min(column, key=lambda value: distance(metric, value))
    wins = len(column) > 1 and distance(metric, score["median"]) == distance(metric, best)
    return {**plain_cell(row["scores"], metric), "best": wins}


def score_tables(report: dict[str, Any]) -> list[dict[str, Any]]:
    """One table for each thing that is measured (samples, reconstructions, ...), of at most WIDE columns, so that none
    is wider than a page: its name, its metrics, and the rows that have some of them."""
    parts: list[tuple[str, list[dict[str, Any]]]] = []
    for metric in report["metrics"]:
        if not parts or parts[-1][0] != metric["of"] or len(parts[-1][1]) == WIDE:
            parts.append((metric["of"], []))
        parts[-1][1].append(metric)
    return [{"of": of, "metrics": part, "rows": list(table_rows(report, part))} for of, part in parts]


def table_rows(report: dict[str, Any], metrics: Sequence[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """Each row by number, with its cells; below it what belongs to it: {number, label, cells, below}."""
    for number, row in enumerate(report["rows"]):
        if any(metric["key"] in row["scores"] for metric in metrics):
            cells = [cell(row, metric, report) for metric in metrics]
            yield {"number": number, "label": row["label"], "cells": cells, "below": False}
        for label, scores in parts(row):
            cells = [plain_cell(scores, metric) for metric in metrics]
            if any(one["text"] != "-" for one in cells):
                yield {"number": number, "label": label, "cells": cells, "below": True}


def parts(row: dict[str, Any]) -> Iterator[tuple[str, dict[str, dict[str, Any]]]]:
    """What stands below a row: its line, and what was handed over, with its line."""
    yield "its perfect prior (line)", row["line"]
    if begun := row["hand_over"]:
        yield f"hand-over ({begun['phase']}, {tables.compact(begun['images']['median'])} images)", begun["scores"]
        yield "the hand-over's perfect prior (line)", begun["line"]


def panels(report: dict[str, Any], groups: Sequence[Sequence[Entry]], dataset: Dataset) -> dict[str, Any]:
    """Pictures: held-out data, each row's samples and reconstructions (those of its first seed)."""
    gallery = Gallery(dataset)
    samples: list[dict[str, Any]] = []
    reconstructions: list[dict[str, Any]] = []
    redrawn: list[dict[str, Any]] = []
    added: list[dict[str, Any]] = []
    made: list[dict[str, Any]] = []
    ways: list[dict[str, Any]] = []
    silent = []
    for number, (row, group) in enumerate(zip(report["rows"], groups)):
        model = Model.load(group[0].path)
        for verb, make, panel in (
            ("sample", gallery.samples, samples),
            ("reconstruct", gallery.reconstructions, reconstructions),
        ):
            if verb in model.can():
                panel.append({"row": number, "html": make(model, number, row["label"])})
                more, levels = (gallery.redrawn, redrawn) if verb == "sample" else (gallery.added, added)
                if model.depth > 1:
                    levels.append({"row": number, "levels": more(model, number, row["label"])})
        for verb, strips in (("restore", gallery.restorations), ("translate", gallery.translations)):
            if verb in model.can():
                made.append({"row": number, "strips": strips(model, number, row["label"])})
        if {"encode", "decode"} <= set(model.can()) and (ladders := gallery.ways(model, number, row["label"])):
            ways.append({"row": number, "strips": ladders})
        if "decode" in model.can() and "sample" not in model.can():
            silent.append(row["label"])
    return {
        "held_out": gallery.held_out(),
        "originals": gallery.originals(),
        "samples": samples,
        "reconstructions": reconstructions,
        "redrawn": redrawn,
        "added": added,
        "made": made,
        "ways": ways,
        "silent": silent,
    }


def about(group: Sequence[Entry]) -> dict[str, Any]:
    """A recipe in words: its documentation, its options with those that were set, the command of each run."""
    plan = group[0].plan
    known = options(plan.recipe) if plan.recipe in RECIPES else {}
    values = {**{name: option.default for name, option in known.items() if name != "images"}, **plan.settings}
    return {
        "text": inspect.getdoc(RECIPES[plan.recipe]) if known else "",
        "settings": [(name, tables.plain(value) or "none", name in plan.settings) for name, value in values.items()],
        "phases": [(phase.name, phase.images) for phase in plan.run.schedule],
        "handed_over": handed_over(plan.run, plan.inherited.get("nets", ())),
        "networks": group[0].parameters,
        "commands": [train_command(entry) for entry in group],
    }
