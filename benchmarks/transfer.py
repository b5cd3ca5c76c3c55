"""What an autoencoder hands over to a GAN: scratch against each edge alone and all together, at equal total cost.

    python benchmarks/transfer.py --task textures|photos|digits|grid|ring|stacked|mnist|cifar [--data FOLDER]
        [--seeds K] [--fraction 0.1] [--discriminator quarter] [--variants "NAME; NAME"] [--images N | --seconds S]
        [--device cuda]

The autoencoder's cost counts: a GAN from scratch trains for as many images, or on a GPU for as many seconds. Edges: the
decoder becomes the generator with the reconstruction as its anchor ("decoder alone": with one Gaussian as the prior),
the encoder begins, is shared by or projected for the discriminator, the mixture fitted to the latents becomes the
prior. "handed over" is what is drawn before the adversary has moved anything; "teacher" the autoencoder with the whole
budget, as it samples by itself and with a fitted mixture. Tables: the scores at the end, their median over the seeds
and the worst; medians along the way, over images and over seconds of training; pictures into --out. The last line is
JSON.

`--discriminator quarter`: encoder and discriminator of half the generator's widths. `--fraction`: of the training data.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import torch
from common import arguments, finish, median, note, rounded, show
from study import clock_of, paces, passes, play, trainer_of
from tasks import LINE, TASKS, Direction, Scorer, Scores, Task, fraction

from aegean.data import Dataset, kinds
from aegean.recipes import RECIPES, configure
from aegean.recipes.registry import options
from aegean.training.engine import Engine, choose_engine
from aegean.training.probe import Pace, filling
from aegean.training.schedule import Fit, Phase, Run
from aegean.training.trainer import Trainer

NEW = {"generator": "new", "prior": "normal", "anchor": 0.0}
VARIANTS: dict[str, tuple[str, dict[str, Any]]] = {
    "scratch": ("gan", {}),
    "teacher": ("teacher", {}),
    "teacher, mixture": ("teacher", {"mixture": True}),
    "decoder alone": ("ae_to_gan", {"discriminator": "new", "prior": "gaussian"}),
    "encoder alone": ("ae_to_gan", {**NEW}),
    "prior alone": ("ae_to_gan", {**NEW, "discriminator": "new", "prior": "mixture"}),
    "encoder shared": ("ae_to_gan", {"discriminator": "share"}),
    "encoder projected": ("ae_to_gan", {"discriminator": "project"}),
    "all edges": ("ae_to_gan", {}),
}
MAIN = ("scratch", "teacher", "teacher, mixture", "all edges")  # of the others at most EDGE_SEEDS seeds
EDGE_SEEDS = 3
HANDED = "handed over"
POINTS = 8  # scores along the way
KINDS = ("median", "worst")
QUICK, SMALL = 512, {"width": 8, "batch": 32}  # images and settings


def make_run(task: Task, dataset: Dataset, variant: str, images: int, narrow: bool = False, **more: Any) -> Run:
    """A variant's run on so many images, its networks and schedule; `more`: settings that go before all others."""
    recipe, edges = VARIANTS.get(variant, (variant, {}))
    fresh = recipe != "ae_to_gan" or edges.get("generator") == "new"
    asked = {**task.settings, **(task.gan if fresh else task.transfer), **edges, **more, "images": images}
    recipe = task.teacher if recipe == "teacher" else recipe
    known = options(recipe)
    asked = {name: value for name, value in asked.items() if name in known}
    run = configure(recipe, dataset.info, asked)
    if narrow:
        width = next(spec.args["widths"][0] for spec in run.nets.values() if "widths" in spec.args)
        wide, run = run, configure(recipe, dataset.info, {**asked, "width": width // 2})
        run = run.replace(nets={name: wide.nets[name] if name == "G" else spec for name, spec in run.nets.items()})
    if edges.get("mixture"):
        run = with_mixture(task, dataset, run)
    return run.with_images(images)


def with_mixture(task: Task, dataset: Dataset, run: Run) -> Run:
    """An autoencoder's run, ending with a mixture fitted to its latents: by an edge, whose phase moves nothing."""
    mixture = configure("ae_to_gan", dataset.info, {"latent": run.nets["G"].args["latent"]}).nets["prior"]
    (phase,) = run.schedule
    turns = tuple(turn.replace(lr=0.0) for turn in phase.turns)
    last = Phase("prior", run.batch, turns, (Fit(),), averages=phase.averages)
    return run.replace(nets={**run.nets, "prior": mixture}, schedule=(phase, last))


def curve(trainer: Trainer, score: Scorer) -> list[dict[str, Any]]:
    """Train to the end; {images, seconds, place, scores} at the hand-over (place 0), at POINTS even places, and at the
    end. Only what samples is scored, and only once its generator is handed over or moves. Seconds are those of
    training, edges and compiling; on a CPU those of the processor."""
    found: list[dict[str, Any]] = []

    def due(began: bool) -> bool:
        return {"D", "G"} <= set(trainer.phase.trains) and (began or passes(trainer, POINTS))

    def look(began: bool, seconds: float) -> None:
        place = 0 if began else round(trainer.images * POINTS / trainer.run.images)
        scores = score(trainer.model()) if "prior" in trainer.nets else {}
        found.append({"images": trainer.images, "seconds": seconds, "place": place, **scores})

    play(trainer, due, look, clock_of(trainer.device))
    return found


class Bench:
    """A task on a device: what is the same for every variant and seed."""

    def __init__(self, task: Task, dataset: Dataset, score: Scorer, device: torch.device, compile: str):
        self.task, self.dataset, self.score, self.device, self.compile = task, dataset, score, device, compile

    def trainer(self, run: Run, seed: int, engine: Engine | None = None) -> Trainer:
        engine = engine or choose_engine(run, self.device, "auto", self.compile, 1)
        return trainer_of(run.replace(seed=seed), self.dataset, self.device, engine)

    def filling(self, seconds: float, of: Callable[[int], Run], images: int) -> Run:
        """The run that trains in so many seconds; `of`: the run of so many images, such as `images`."""
        return filling(seconds, of, Pace(paces(self.trainer(of(images), 0)), 0.0))

    def play(self, run: Run, seed: int, picture: Path | None) -> list[dict[str, Any]]:
        trainer = self.trainer(run, seed)
        points = curve(trainer, self.score)
        if picture and "prior" in trainer.nets:
            picture.parent.mkdir(parents=True, exist_ok=True)
            drawn = trainer.model().sample(64, seed=1)
            picture.write_bytes(kinds.show({"": self.dataset.info.restore(drawn)}, self.dataset.info))
        return points


def worst(values: Iterable[float], better: Direction) -> float:
    if better == "nearest":
        return max(values, key=lambda value: abs(value - 1))
    return min(values) if better == "higher" else max(values)


def over_seeds(points: list[dict[str, Any]], better: dict[str, Direction]) -> dict[str, Any]:
    """One point of several seeds' curves: medians, and the worst and all values of each score."""
    scores = {
        name: {
            "median": rounded(median(point[name] for point in points)),
            "worst": rounded(worst((point[name] for point in points), direction)),
            "seeds": [rounded(point[name]) for point in points],
        }
        for name, direction in better.items()
        if name in points[0]
    }
    if LINE in points[0]:
        scores[LINE] = rounded(median(point[LINE] for point in points))
    return {**points[0], "seconds": rounded(median(point["seconds"] for point in points)), **scores}


def table(found: dict[str, list[dict[str, Any]]], floor: Scores, better: dict[str, Direction]) -> None:
    """The last points; the floor; what the teacher hands over."""
    last = {name: points[-1] for name, points in found.items() if set(better) <= set(points[-1])}
    if "all edges" in found:
        last[HANDED] = found["all edges"][0]
    rows = [
        [name, point["images"], point["seconds"], *(point[score][kind] for score in better for kind in KINDS)]
        for name, point in last.items()
    ]
    if "all edges" in found and LINE in (first := found["all edges"][0]):
        rows.append(["line: its perfect prior", None, None, first[LINE], *[None] * (2 * len(better) - 1)])
    rows.append(["floor: real data", None, None, *(v for score in better for v in (rounded(floor[score]), None))])
    headings = ["", "images", "seconds", *(f"{score}, {kind}" for score in better for kind in KINDS)]
    show("Scores at the end", headings, rows)


def along(found: dict[str, list[dict[str, Any]]], better: dict[str, Direction]) -> None:
    """Medians of every score, and of the seconds of training, by the share of the budget."""
    for score in (*better, "seconds"):
        rows = []
        for name, points in found.items():
            at = {p["place"]: p[score] if score == "seconds" else p[score]["median"] for p in points if score in p}
            rows.append([name, *(at.get(place) for place in range(1, POINTS + 1))])
        show(f"{score} along the way", ["", *(f"{place}/{POINTS}" for place in range(1, POINTS + 1))], rows)


def seconds_to(points: list[dict[str, Any]], target: float) -> float | None:
    """Seconds until the Fréchet distance is first as low as the target."""
    return next((p["seconds"] for p in points if "fd" in p and p["fd"]["median"] <= target), None)


def main() -> None:
    parser = arguments(__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("--task", choices=TASKS, default="digits")
    parser.add_argument("--data", help="folder of the data (stacked, mnist: MNIST's four files; cifar: its batches)")
    parser.add_argument("--seeds", type=int, default=5, help=f"(default 5; of each edge alone at most {EDGE_SEEDS})")
    parser.add_argument("--fraction", type=float, default=1.0, help="share of the training data")
    parser.add_argument("--discriminator", choices=("whole", "quarter"), default="whole")
    parser.add_argument("--variants", default=";".join(VARIANTS), help="of these, or any recipe, separated by ;")
    parser.add_argument("--images", type=int, help="of all phases together (default: the task's)")
    parser.add_argument("--seconds", type=float, help="instead of images (default on a GPU: the task's)")
    parser.add_argument("--compile", choices=("auto", "on", "off"), default="auto")
    parser.add_argument("--out", type=Path, help="a folder for pictures of samples")
    parser.add_argument("--device", default="cpu")
    asked = parser.parse_args()
    task, device = TASKS[asked.task], torch.device(asked.device)
    if device.type != "cpu":
        task = replace(task, settings=task.settings | task.large)
    seconds = asked.seconds or (task.seconds if device.type != "cpu" and not asked.images else 0)
    seeds, images = (1, QUICK) if asked.quick else (asked.seeds, asked.images or task.images)
    dataset = fraction(task.open(asked.data), asked.fraction)
    score, floor = task.scorer(asked.data, dataset)
    bench = Bench(task, dataset, score, device, asked.compile)
    found: dict[str, list[dict[str, Any]]] = {}
    for name in chosen(asked.variants, (*VARIANTS, *RECIPES)):
        of = partial(
            make_run, task, dataset, name, narrow=asked.discriminator == "quarter", **(SMALL if asked.quick else {})
        )
        run = bench.filling(seconds, of, images) if seconds else of(images)
        curves = []
        for seed in range(seeds if name in MAIN else min(seeds, EDGE_SEEDS)):
            picture = asked.out / f"{asked.task}-{name.replace(', ', '-').replace(' ', '-')}.png" if asked.out else None
            curves.append(bench.play(run, seed, picture if seed == 0 else None))
            note(f"{name}, seed {seed}: {curves[-1][-1]}")
        found[name] = [over_seeds(points, task.better) for points in zip(*curves)]
    table(found, floor, task.better)
    along(found, task.better)
    speed = {}
    if "fd" in task.better and "scratch" in found:
        best = min(point["fd"]["median"] for point in found["scratch"])
        speed = {name: rounded(seconds_to(points, best)) for name, points in found.items()}
        show("Seconds to scratch's best Fréchet distance", ["", "seconds"], [[k, v] for k, v in speed.items()])
    finish(
        "transfer", device, task=asked.task, fraction=asked.fraction, discriminator=asked.discriminator, images=images,
        seconds=seconds or None, floor=floor, found=found, seconds_to_best=speed,
    )  # fmt: skip


def chosen(names: str, known: Iterable[str]) -> list[str]:
    """What was asked for: names separated by semicolons."""
    wanted = [name.strip() for name in names.split(";")]
    if unknown := [name for name in wanted if name not in known]:
        raise SystemExit(f"There is no {unknown[0]!r}; there are: {'; '.join(known)}.")
    return wanted


if __name__ == "__main__":
    main()
