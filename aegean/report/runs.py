"""What a report takes from a run's folder: its settings, its log, its scores, its cost."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from aegean.config import UserError
from aegean.data import Dataset
from aegean.data.read.sprites import known_factors
from aegean.metrics.protocol import Evaluator
from aegean.model import Model
from aegean.session.evaluate import COUNTED, make_evaluator, write_scores
from aegean.session.runs import load
from aegean.surface import say
from aegean.training.folder import Folder, score_json
from aegean.training.history import phase_starts
from aegean.training.settings import Settings

PROBES = ("probe@", "mig@")  # keys of scores of encoders
SAME_FLOOR = 1e-3  # relative; floors further apart were measured with another feature network


@dataclass(frozen=True)
class Entry:
    """One run, read. Images and seconds of training count an inherited network's."""

    path: Path
    plan: Settings
    lines: list[dict[str, Any]]  # of metrics.jsonl
    scores: dict[str, dict[str, Any]]  # key -> value, floor, better
    images: int
    seconds: float
    parameters: dict[str, int]  # network -> trained numbers
    memory: int = 0  # bytes at most, 0 where nobody counted
    encodes: bool = False

    @property
    def finished(self) -> bool:
        return self.images >= self.plan.images

    @property
    def inherited_seconds(self) -> float:
        return float(self.plan.inherited.get("seconds", 0))

    def points(self, metric: str) -> Iterator[tuple[int, float, dict[str, Any]]]:
        """(images, seconds, score) of each evaluation during training that has the metric."""
        for line in self.lines:
            for key, score in line.get("scores", {}).items():
                if key.split("@")[0] == metric and math.isfinite(score["value"]):
                    handed_over = bool(line.get("hand_over"))
                    found = {"key": key, **score, "hand_over": handed_over}
                    yield line["images"], line["seconds"] + self.inherited_seconds, found

    def hand_over(self) -> dict[str, Any] | None:
        """The line of the last evaluation of what was handed over, before anything moved it."""
        return next((line for line in reversed(self.lines) if line.get("hand_over")), None)

    def ended(self) -> dict[str, dict[str, Any]]:
        """The scores of the last evaluation while training."""
        return next((line["scores"] for line in reversed(self.lines) if line.get("scores")), {})

    def phases(self) -> list[tuple[str, int, float]]:
        """(name, images, seconds) at the start of each phase; an inherited network's is called "inherited"."""
        return phase_starts(self.lines, self.plan)

    def warnings(self) -> list[tuple[int, str]]:
        """(images, text) of the first warning of each kind in each phase."""
        first: dict[tuple[str, str], tuple[int, str]] = {}
        for line in self.lines:
            if line.get("kind") == "warning":
                first.setdefault((line["warning"], line["phase"]), (line["images"], line["text"]))
        return list(first.values())


def read_plans(paths: Sequence[str | Path]) -> dict[Path, Settings]:
    """The settings of each run. UserError: none, not a run, or runs on different data (they are named)."""
    plans = {Path(path): Folder(path).read() for path in dict.fromkeys(map(str, paths))}
    if not plans:
        raise UserError("There is nothing to compare; give at least one run folder.")
    by_data: dict[str, list[Path]] = {}
    for path, plan in plans.items():
        by_data.setdefault(plan.info.fingerprint, []).append(path)
    if len(by_data) > 1:
        parts = (f"{', '.join(map(str, runs))} on {plans[runs[0]].info.name!r}" for runs in by_data.values())
        raise UserError(f"These runs saw different data, so their scores cannot be compared: {'; '.join(parts)}.")
    return plans


def read_entries(plans: dict[Path, Settings], dataset: Dataset) -> list[Entry]:
    """Runs with their scores, those of their encoders among them; what was not measured in a run's present state is
    measured now, and kept in its evaluation.json."""

    @cache
    def evaluator() -> Evaluator:
        return make_evaluator(dataset, COUNTED)

    def read() -> list[Entry]:
        return [_read(path, plan) for path, plan in plans.items()]

    def evaluated(entries: list[Entry]) -> list[Entry]:
        for entry in entries:
            say(f"evaluating {entry.path}")
            write_scores(Folder(entry.path), evaluator(), load(entry.path), entry.images)
        return read()

    entries = evaluated([entry for entry in read() if not entry.scores])
    if not _same_floors(entries):
        say("these runs were scored with different feature networks; scoring all of them anew")
        entries = evaluated(entries)
    about_encoders = len(dataset.info.classes) > 1 or known_factors(dataset) is not None
    for entry in entries:
        if about_encoders and entry.encodes and not any(key.startswith(PROBES) for key in entry.scores):
            say(f"evaluating the encoder of {entry.path}")
            probed = evaluator().probed(load(entry.path))
            entry.scores.update({key: score_json(score) for key, score in probed.items()})
            Folder(entry.path).write_scores(entry.images, entry.scores)
    return entries


def _read(path: Path, plan: Settings) -> Entry:
    folder = Folder(path)
    model = Model.load(path)
    images = int(model.about.get("images", 0))
    return Entry(
        path,
        plan,
        folder.lines(),
        scores_of(folder, images),
        images,
        float(model.about.get("seconds", 0)),
        {name: sum(p.numel() for p in net.parameters()) for name, net in model.nets.items()},
        int(model.about.get("memory", 0)),
        "levels" in model.can(),
    )


def scores_of(folder: Folder, images: int) -> dict[str, dict[str, Any]]:
    """The kept scores of the model at so many images; empty where there are none of it."""
    try:
        found, scores = folder.evaluation()
    except UserError as error:
        say(f"note: {error}")
        return {}
    return scores if found == images else {}


def _same_floors(entries: list[Entry]) -> bool:
    """One network by name, and one floor of the distance in it."""
    found = [(key, score["floor"]) for entry in entries for key, score in entry.scores.items()]
    networks = {key.split("@")[1] for key, _ in found if key.startswith(("fd@", "rfd@"))}
    floors = [floor for key, floor in found if key.startswith("fd@")]
    return len(networks) <= 1 and (not floors or max(floors) - min(floors) <= SAME_FLOOR * abs(max(floors)))
