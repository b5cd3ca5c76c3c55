"""Synthetic rows of a table: how alike they are to real ones, how fast they are drawn, what an adversary adds.

    python benchmarks/tables.py --data TABLE.csv [--seconds 600] [--seeds K] [--recipes vae,ae_to_gan,gan]
        [--set NAME=VALUE ...] [--scoring] [--save FOLDER]

Each recipe trains for so many seconds of one processor, of which each phase takes its share. Then as many rows as there
are training rows are drawn and compared with these (shape, trend, alike) as published numbers are; boosted trees learn
the target column from them and are tested on held-out rows (auc or r2). Beside them stand held-out rows in the place of
samples (real), and training rows with each column shuffled on its own (independent). `--scoring` measures rows a minute
of drawing and scoring, and memory from 30,000 to 3,000,000 rows, instead. The last line is JSON.
"""

from __future__ import annotations

import argparse
import resource
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from common import arguments, finish, note, rounded, show
from study import CPU, paces, play, trainer_of

from aegean.data import open_data
from aegean.data.column import NUMBERS, trained
from aegean.data.sets.dataset import Dataset
from aegean.formulas import columns as formulas
from aegean.metrics.columns import target
from aegean.model import Model
from aegean.recipes import configure
from aegean.recipes import options as options_of

SMALL: dict[str, Any] = {"width": 2, "batch": 64}
ROWS = 20_000  # drawn at a time


def made(folder: Path) -> Path:
    """A table of mixed columns for --quick."""
    random = np.random.default_rng(0)
    kind = random.integers(0, 3, 400)
    lines = [f"{'abc'[k]},{k + random.normal():.2f},{random.integers(0, 9)}" for k in kind]
    (folder / "made.csv").write_text("\n".join(["kind,number,whole", *lines]) + "\n")
    return folder / "made.csv"


def drawn(model: Model, count: int, seed: int = 0) -> Iterator[np.ndarray]:
    """Raw rows, some at a time."""
    for start in range(0, count, ROWS):
        yield model.info.restore(model.sample(min(ROWS, count - start), seed, start=start))


class Measure:
    """Scores of raw rows beside those of a data set."""

    def __init__(self, dataset: Dataset):
        self.columns = trained(dataset.info.table)
        self.categories = np.array([column.kind not in NUMBERS for column in self.columns])
        self.train, self.test = np.array(dataset.train), np.array(dataset.test)
        self.target = target(self.columns)
        self.known = "auc" if self.categories[self.target] else "r2"

    def __call__(self, rows: np.ndarray, seed: int = 0) -> dict[str, float]:
        real = self.train[np.random.default_rng(seed).permutation(len(self.train))[: len(rows)]]
        pairs = formulas.trends(self.train, rows, self.categories, seed)
        return {
            "shape": float(formulas.shapes(self.train, rows, self.categories).mean()),
            "trend": float(np.mean(list(pairs.values()))),
            self.known: formulas.taught(rows, self.test, self.target, self.categories, seed),
            "alike": formulas.alike(real, rows, self.categories, seed),
        }

    def marks(self) -> dict[str, dict[str, float]]:
        """Of held-out rows, which the target is learnt in training rows for, and of independent columns."""
        real = self(self.test)
        real[self.known] = formulas.taught(self.train, self.test, self.target, self.categories)
        return {"real": real, "independent": self(formulas.independent(self.train))}


def fitted(recipe: str, dataset: Dataset, settings: dict[str, Any], seconds: float, seed: int) -> tuple[Model, float]:
    """A model of so many seconds of the processor, and those it took."""
    known = {name: value for name, value in settings.items() if name in options_of(recipe)}
    run = configure(recipe, dataset.info, known).replace(seed=seed)
    pace = paces(trainer_of(run, dataset))
    whole = sum(phase.images * each for phase, each in zip(run.schedule, pace))
    run = run.with_images(max(run.batch * len(run.schedule), round(run.images * seconds / whole)))
    trainer = trainer_of(run, dataset)
    spent = play(trainer, clock=time.process_time)
    note(f"{recipe}, seed {seed}: {run.images:,} rows in {spent:.0f} s of the processor")
    return trainer.model(), spent


def quality(asked: argparse.Namespace, dataset: Dataset) -> None:
    measure = Measure(dataset)
    settings = {**(SMALL if asked.quick else {}), **dict(word.split("=", 1) for word in asked.settings)}
    found: dict[str, list[dict[str, float]]] = {name: [marks] for name, marks in measure.marks().items()}
    for name, marks in found.items():
        note(f"{name}: {marks}")
    for recipe in asked.recipes.split(","):
        found[recipe] = []
        for seed in range(asked.seeds):
            model, seconds = fitted(recipe, dataset, settings, 2.0 if asked.quick else asked.seconds, seed)
            if asked.save:
                model.save(asked.save / f"{recipe}-{seed}.safetensors")
            found[recipe].append(measure(np.concatenate(list(drawn(model, len(dataset.train), seed)))))
            found[recipe][-1]["seconds"] = seconds
            note(f"{recipe}, seed {seed}: {found[recipe][-1]}")
    keys = ("shape", "trend", measure.known, "alike", "seconds")
    means = {name: {k: float(np.mean([s[k] for s in scores])) for k in scores[0]} for name, scores in found.items()}
    spreads = {name: {k: float(np.std([s[k] for s in scores])) for k in scores[0]} for name, scores in found.items()}
    show(
        f"{asked.data}, target {measure.columns[measure.target].name}, mean of {asked.seeds} seeds",
        ["", *keys],
        [[name, *(rounded(values.get(key)) for key in keys)] for name, values in means.items()],
    )
    finish("tables", CPU, data=str(asked.data), seconds=asked.seconds, set=settings, means=means, spreads=spreads)


def memory() -> float:
    """The largest share of memory so far, in MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def scoring(asked: argparse.Namespace, dataset: Dataset) -> None:
    """Rows a minute of the processor, and memory."""
    model, _ = fitted("vae", dataset, SMALL if asked.quick else {}, 2.0 if asked.quick else 20.0, 0)
    rows = []
    for count in (300, 3_000) if asked.quick else (30_000, 300_000, 3_000_000):
        begun = time.process_time()
        with tempfile.TemporaryFile("w") as file:
            from aegean.data.io.rows import csv_lines

            for number, raw in enumerate(drawn(model, count)):
                file.write(csv_lines(model.info.table, raw, number * ROWS))
        drawing = time.process_time() - begun
        begun, most = time.process_time(), min(count, 100_000)
        for start in range(0, most, ROWS):
            place = np.arange(start, min(start + ROWS, most)) % len(dataset.train)
            model.score(model.info.normalise(dataset.train[place]))
        rows.append((count, count / drawing * 60, most / (time.process_time() - begun) * 60, memory()))
        note(f"{rows[-1]}")
    show("rows", ["drawn", "drawn a minute", "scored a minute", "MB"], rows)
    names = ("rows", "drawn_a_minute", "scored_a_minute", "megabytes")
    finish("tables", CPU, scoring=[dict(zip(names, map(rounded, row))) for row in rows])


def main() -> None:
    parser = arguments(__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("--data", type=Path, metavar="TABLE.csv")
    parser.add_argument("--recipes", default="vae,ae_to_gan,gan")
    parser.add_argument("--seconds", type=float, default=600.0)
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--set", nargs="*", default=[], metavar="NAME=VALUE", dest="settings")
    parser.add_argument("--scoring", action="store_true")
    parser.add_argument("--save", type=Path, metavar="FOLDER")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        asked.data = asked.data or made(Path(folder))
        dataset = open_data(str(asked.data))
        (scoring if asked.scoring else quality)(asked, dataset)


if __name__ == "__main__":
    main()
