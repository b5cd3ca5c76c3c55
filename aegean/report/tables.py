"""From runs to the numbers of a report: rows, medians and spreads over seeds, budgets. Plain JSON values."""

from __future__ import annotations

import json
import re
import statistics
from collections.abc import Callable, Sequence
from typing import Any

from aegean.config import to_json
from aegean.report.meanings import METRICS, metric_of
from aegean.report.runs import Entry

SAME = 0.01  # relative difference up to which budgets count as equal: phases end with whole batches


def table(entries: Sequence[Entry]) -> dict[str, Any]:
    """The machine-readable report: data, metrics with floors, one row for each recipe and its settings."""
    info = entries[0].plan.info
    rows = [row(label, group) for label, group in grouped(entries).items()]
    return {
        "format": 1,
        "data": {
            "name": info.name,
            "spec": entries[0].plan.data.spec,
            "kind": info.kind,
            "shape": list(info.shape),
            "count": info.count,
            "test_count": info.test_count,
            "classes": list(info.classes),
            "fingerprint": info.fingerprint,
        },
        "metrics": metrics(entries),
        "rows": rows,
        "budget": budget(rows),
    }


def grouped(entries: Sequence[Entry]) -> dict[str, list[Entry]]:
    """Runs that differ in nothing but the seed, sorted by it, under a label that tells the groups apart."""
    groups: dict[str, list[Entry]] = {}
    for entry in sorted(entries, key=lambda e: e.plan.run.seed):
        key, copy = _sameness(entry), 0
        while any(e.plan.run.seed == entry.plan.run.seed for e in groups.get(f"{copy} {key}", ())):
            copy += 1  # the same seed again: no second draw of chance, so a row of its own
        groups.setdefault(f"{copy} {key}", []).append(entry)
    order = {id(entry): number for number, entry in enumerate(entries)}
    found = sorted(groups.values(), key=lambda group: min(order[id(e)] for e in group))
    names = [_names(group[0]) for group in found]
    return {_first_own(own, names): group for own, group in zip(names, found)}


def _first_own(own: tuple[str, ...], names: Sequence[tuple[str, ...]]) -> str:
    """The shortest of a group's names that no other group has."""
    return next(name for i, name in enumerate(own) if [other[i] for other in names].count(name) == 1)


def _sameness(entry: Entry) -> str:
    """Everything asked for but the seed."""
    plan = entry.plan
    budget = ["minutes", plan.minutes] if plan.minutes else ["images", plan.images]
    inherited = [plan.inherited.get(name) for name in ("recipe", "images")]
    return json.dumps([plan.recipe, to_json(plan.settings), budget, inherited], sort_keys=True)


def _names(entry: Entry) -> tuple[str, str, str]:
    """From the shortest to the one that is surely its own: recipe, with settings, with the folder."""
    settings = ", ".join(f"{name}={plain(value)}" for name, value in entry.plan.settings.items())
    recipe = entry.plan.recipe
    return recipe, f"{recipe} ({settings})" if settings else recipe, f"{recipe} ({entry.path})"


def plain(value: Any) -> str:
    """A setting as `--set` takes it."""
    if isinstance(value, bool):
        return str(value).lower()
    return ",".join(map(str, value)) if isinstance(value, (list, tuple)) else str(value)


def metrics(entries: Sequence[Entry]) -> list[dict[str, Any]]:
    """Every key that some run has, in the order of METRICS, with its floor."""
    found: dict[str, dict[str, Any]] = {}
    for entry in entries:
        for key, score in entry.scores.items():
            metric = metric_of(key)
            about = {"name": metric.name, "of": metric.of, "meaning": metric.meaning}
            scale = {"better": score["better"], "floor": score["floor"], "blurred": score.get("blurred")}
            found.setdefault(key, {"key": key, "metric": key.split("@")[0], **about, **scale})
    order = list(METRICS)

    def place(metric: dict[str, Any]) -> tuple[int, Any]:
        return order.index(metric["metric"]) if metric["metric"] in order else len(order), _numbered(metric["key"])

    return sorted(found.values(), key=place)


def _numbered(key: str) -> list[Any]:
    """For a sorting in which level 2 comes before level 10."""
    return [int(part) if part.isdigit() else part for part in re.split(r"(\d+)", key)]


def spread(values: Sequence[float]) -> dict[str, Any]:
    """Median, smallest and largest of one number a seed."""
    return {"median": statistics.median(values), "min": min(values), "max": max(values), "values": list(values)}


def row(label: str, group: Sequence[Entry]) -> dict[str, Any]:
    """One line of the table: runs of one recipe with the same settings, over their seeds."""
    first = group[0]
    machines = dict.fromkeys(machine(entry) for entry in group)
    return {
        "label": label,
        "recipe": first.plan.recipe,
        "settings": to_json(first.plan.settings),
        "seeds": [entry.plan.run.seed for entry in group],
        "runs": [str(entry.path) for entry in group],
        "scores": spreads([entry.scores for entry in group]),
        "line": spreads([entry.scores for entry in group], "line"),
        "hand_over": hand_over(group),
        "adversarial": "D" in first.parameters,
        "damage": to_json(damage.args) if (damage := first.plan.run.nets.get("damage")) else {},
        "images": spread([entry.images for entry in group]),
        "inherited_images": int(first.plan.inherited.get("images", 0)),
        "inherited_seconds": first.inherited_seconds,
        "inherited_from": first.plan.inherited.get("recipe", ""),
        "minutes": first.plan.minutes,
        "seconds": spread([entry.seconds for entry in group]),
        "memory": max(entry.memory for entry in group),
        "parameters": sum(first.parameters.values()),
        "generator_parameters": first.parameters.get("G", 0),
        "machine": "; ".join(machines),
        "finished": all(entry.finished for entry in group),
    }


def spreads(scores: Sequence[dict[str, dict[str, Any]]], what: str = "value") -> dict[str, dict[str, Any]]:
    """The value, or another mark, of every key that some run has."""
    keys = dict.fromkeys(key for of_run in scores for key, score in of_run.items() if what in score)
    return {key: spread([of_run[key][what] for of_run in scores if what in of_run.get(key, {})]) for key in keys}


def hand_over(group: Sequence[Entry]) -> dict[str, Any] | None:
    """What was handed over, before anything moved it, and the same scores at the end: while training, fewer samples are
    compared than in the final evaluation. None where nothing was."""
    lines = [line for entry in group if (line := entry.hand_over())]
    if not lines:
        return None
    scores = [line["scores"] for line in lines]
    return {
        "phase": lines[0]["phase"],
        "images": spread([line["images"] for line in lines]),
        "scores": spreads(scores),
        "line": spreads(scores, "line"),
        "ended": spreads([entry.ended() for entry in group if entry.hand_over()]),
    }


def machine(entry: Entry) -> str:
    facts = entry.plan.machine
    threads = facts.get("threads", 0)
    processor = f"{facts.get('processor', '')}, {threads} thread{'s' * (threads != 1)}"
    return str(facts.get("accelerator") or processor).strip(", ")


def budget(rows: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Whether the rows had the same images and seconds, as numbers and in words."""
    images, seconds = ([row[what]["median"] for row in rows] for what in ("images", "seconds"))
    equal = max(images) - min(images) <= SAME * max(images)
    words = [_images_words(rows, equal), *(_inherited_words(row) for row in rows if row["inherited_images"])]
    minutes = {row["minutes"] for row in rows}
    if len(minutes) == 1 and (given := minutes.pop()):
        words.append(f"Each was given {given:g} minute{'s' * (given != 1)}, turned into images by a short trial.")
    words.append(f"Training took {_from_to(rows, 'seconds', duration)}, evaluations not counted.")
    if len({row["machine"] for row in rows}) > 1:
        words.append("The machines differ, so seconds do not compare.")
    return {
        "equal_images": equal,
        "images": [min(images), max(images)],
        "seconds": [min(seconds), max(seconds)],
        "words": words,
    }


def _images_words(rows: Sequence[dict[str, Any]], equal: bool) -> str:
    if equal:
        total = whole(max(row["images"]["median"] for row in rows))
        who = "Equal budgets: every run" if len(rows) > 1 else "The run"
        return f"{who} saw {total} images, all phases counted."
    return (
        f"Budgets are not equal: the runs saw {_from_to(rows, 'images', whole)} images. "
        "Compare them in the curves, at equal images or equal seconds."
    )


def _inherited_words(row: dict[str, Any]) -> str:
    return (
        f"{row['label']} began with the networks of a trained {row['inherited_from']}; their "
        f"{whole(row['inherited_images'])} images and {duration(row['inherited_seconds'])} are counted in."
    )


def _from_to(rows: Sequence[dict[str, Any]], what: str, words: Callable[[float], str]) -> str:
    """'from 3 (gan) to 5 (vae)', or the one number."""
    least, most = (end(rows, key=lambda row: row[what]["median"]) for end in (min, max))
    texts = [words(row[what]["median"]) for row in (least, most)]
    if texts[0] == texts[1]:
        return texts[0]
    return f"from {texts[0]} ({least['label']}) to {texts[1]} ({most['label']})"


# numbers for people


def whole(value: float) -> str:
    """30016 -> "30,016"."""
    return f"{value:,.0f}"


def compact(value: float) -> str:
    """30016 -> "30k", 1500000 -> "1.5M"."""
    for size, letter in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if value >= size:
            return f"{value / size:.3g}{letter}"
    return f"{value:g}"


def duration(seconds: float) -> str:
    """75 -> "1 min 15 s"."""
    if round(seconds, 1) < 60:
        return f"{seconds:.3g} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes} min"
    return f"{minutes} min {rest} s" if rest else f"{minutes} min"


def size(count: int) -> str:
    """1500000000 -> "1.5 GB"; "-" where nobody counted."""
    return f"{count / 1e9:.2g} GB" if count >= 1e9 else f"{count / 1e6:.0f} MB" if count else "-"


def number(value: float | None) -> str:
    """Three significant digits; "-" where there is none."""
    if value is None or value != value:
        return "-"
    if abs(value) >= 1000 or value == int(value):
        return whole(value)
    return f"{value:#.3g}".rstrip(".") if abs(value) >= 1e-3 else f"{value:.1e}"
