"""What an autoencoder hands over to a GAN: scratch against each edge alone and all together, at equal total images.

    python benchmarks/transfer.py --task grid|ring|digits [--seeds K] [--images N] [--device cpu] [--quick]

The teacher's images count: a GAN from scratch trains with all of them. The edges are `decoder` (the decoder becomes
the generator, with a reconstruction anchor; its prior is one Gaussian with the latents' mean and covariance),
`encoder` (the encoder becomes the discriminator's backbone) and `prior` (the mixture fitted to the latents); "handed
over" is what the teacher itself draws with all edges, before the adversary moves anything. What an edge does not give
is what a GAN from scratch has. Tables: the final scores, their median over the seeds and the worst; the medians along
the way, over images and over the seconds of training. The last line is JSON.

A new task is an entry of TASKS.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Literal

import numpy as np
import torch
from common import arguments, finish, median, note, rounded, show

from aegean.config import Net, net
from aegean.data import Dataset, open_data
from aegean.data.loader import Feed
from aegean.formulas.modes import point_modes
from aegean.latent import NormalPrior
from aegean.metrics.features import feature_network
from aegean.metrics.protocol import Evaluator
from aegean.model import Model
from aegean.recipes import configure
from aegean.training.schedule import Copy, Fit, Run
from aegean.training.trainer import Trainer

Scores = dict[str, float]
Scorer = Callable[[Model], Scores]
Direction = Literal["higher", "lower"]
EDGES = ("decoder", "encoder", "prior")
VARIANTS: dict[str, tuple[str, ...]] = {
    "scratch": (),
    "decoder alone": ("decoder",),
    "encoder alone": ("encoder",),
    "prior alone": ("prior",),
    "all edges": EDGES,
}
HANDED = "handed over"
POINTS = 8  # scores along the way
KINDS = ("median", "worst")
QUICK = 4_096  # images
EDGE_SEEDS = 3  # at most, of each edge alone
DRAWN = 2_500  # samples in the plane: PacGAN's protocol
SEEN: dict[str, Direction] = {"fd": "lower", "coverage": "higher"}  # what is measured of pictures


@dataclass(frozen=True)
class Task:
    """What is compared on some data, with which settings, and by what.

    images: of all phases together, the teacher's share of them first. autoencoder: the teacher's recipe and settings.
    gan: settings of every GAN. transfer: those of one whose generator is handed over; scratch: those of the others.
    scorer: data -> the scores of a model, and the floor, what real data reach.
    """

    data: str
    images: int
    teacher: float
    scorer: Callable[[Dataset], tuple[Scorer, Scores]]
    better: dict[str, Direction]
    autoencoder: tuple[str, dict[str, Any]]
    gan: dict[str, Any] = field(default_factory=dict)
    scratch: dict[str, Any] = field(default_factory=dict)
    transfer: dict[str, Any] = field(default_factory=dict)


def plane(centres: np.ndarray, deviation: float, dataset: Dataset) -> tuple[Scorer, Scores]:
    """Modes, their quality and their divergence (nats); the floor is the mean over draws of the test part."""

    def points(raw: np.ndarray) -> Scores:
        found = point_modes(raw, centres, deviation)
        return {"modes": found.covered, "quality": found.quality, "kl": found.kl}

    parts = [points(dataset.test[start : start + DRAWN]) for start in range(0, len(dataset.test) - DRAWN + 1, DRAWN)]
    floor = {name: float(np.mean([part[name] for part in parts])) for name in parts[0]}
    return lambda model: points(model.info.restore(model.sample(DRAWN, seed=1))), floor


def in_features(dataset: Dataset) -> tuple[Scorer, Scores]:
    """Fréchet distance and coverage in the features of a network trained on the data."""
    evaluator = Evaluator(dataset, feature_network(dataset, note))

    def score(model: Model) -> Scores:
        found = {key.split("@")[0]: score.value for key, score in evaluator(model).items()}
        return {name: found[name] for name in SEEN}

    return score, {name: evaluator.floor[name] for name in SEEN}


def around_circle(count: int) -> np.ndarray:
    """(count, 2) even places on the unit circle."""
    angle = 2 * np.pi * np.arange(count) / count
    return np.stack([np.cos(angle), np.sin(angle)], 1)


def square(side: int, step: float) -> np.ndarray:
    """(side^2, 2) places of a square lattice around the origin."""
    line = step * (np.arange(side) - (side - 1) / 2)
    return np.stack(np.meshgrid(line, line), -1).reshape(-1, 2)


ROWS: dict[str, Any] = {
    "teacher": 0.5,
    "better": {"modes": "higher", "quality": "higher", "kl": "lower"},
    "autoencoder": ("ae", {}),
    "gan": {"gamma": 0.01},
    "scratch": {"lr": 1e-3},
    "transfer": {"lr": 1e-4},
}
TASKS = {
    "grid": Task("grid", 100_000, scorer=partial(plane, square(5, 2.0), 0.05), **ROWS),
    "ring": Task("ring", 100_000, scorer=partial(plane, around_circle(8), 0.01), **ROWS),
    "digits": Task(
        "digits",
        50_000,
        teacher=0.3,
        scorer=in_features,
        better=SEEN,
        autoencoder=("vae", {}),
    ),
}


def scratch(task: Task, dataset: Dataset, images: int) -> Run:
    return configure("gan", dataset.info, {**task.gan, **task.scratch, "images": images})


def transfer(task: Task, dataset: Dataset, images: int, edges: tuple[str, ...]) -> Run:
    """The teacher's phase and those of `ae_to_gan`, without the edges that are not named."""
    recipe, settings = task.autoencoder
    taught = configure(recipe, dataset.info, {**settings, "images": round(images * task.teacher)})
    asked = {**task.gan, "teacher": task.teacher, "images": images}
    asked |= task.transfer if "decoder" in edges else {**task.scratch, "anchor": 0}
    student = configure("ae_to_gan", dataset.info, asked, taught.nets)
    nets = dict(student.nets)
    first, *rest = student.schedule
    kept: list[Any] = [Copy("E", "D.backbone")] if "encoder" in edges else []
    if "decoder" not in edges:
        nets["untrained"] = nets["G"]
        kept.append(Copy("untrained", "G"))
    nets["prior"] = prior(nets["prior"], edges)
    if nets["prior"].kind == "MixturePrior":
        kept.append(Fit())
    return student.replace(
        nets=nets,
        schedule=(*taught.schedule, first.replace(edges=tuple(kept)), *rest),
        training_only=(*student.training_only, "untrained"),
    )


def prior(mixture: Net, edges: tuple[str, ...]) -> Net:
    """The fitted mixture, or what stands in its place: one Gaussian where the decoder knows the latents, N(0, 1) where
    it does not."""
    if "prior" in edges:
        return mixture
    if "decoder" in edges:
        return mixture.replace(args={**mixture.args, "components": 1})
    return net(NormalPrior, latent=mixture.args["latent"], classes=mixture.args["classes"])


def curve(trainer: Trainer, score: Scorer) -> list[dict[str, Any]]:
    """Train to the end; {images, seconds, place, scores} at the hand-over (place 0) and at POINTS even places.

    Only phases that move both players are scored: until then there is nothing to sample from, or it holds still.
    Seconds are those of training and of the edges.
    """
    found: list[dict[str, Any]] = []
    every, seconds, start = trainer.run.images / POINTS, 0.0, time.perf_counter()
    while not trainer.done:
        if entered := trainer.phase_ended:
            trainer.next_phase()
        else:
            trainer.step()
        passed = trainer.images // every > (trainer.images - trainer.run.batch) // every
        if {"D", "G"} <= set(trainer.phase.trains) and (entered or passed):
            trainer.wait()
            seconds += time.perf_counter() - start
            if fault := trainer.blame():
                raise SystemExit(fault)
            place = 0 if entered else int(trainer.images // every)
            found.append({"images": trainer.images, "seconds": seconds, "place": place, **score(trainer.model())})
            start = time.perf_counter()
    return found


def play(run: Run, dataset: Dataset, device: torch.device, seed: int, score: Scorer) -> list[dict[str, Any]]:
    feed = Feed(dataset.info, dataset.train, dataset.train_labels, device, seed)
    return curve(Trainer(run.replace(seed=seed), dataset.info, feed, device), score)


def worst(values: Iterable[float], better: Direction) -> float:
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
    }
    return {**points[0], "seconds": rounded(median(point["seconds"] for point in points)), **scores}


def table(found: dict[str, list[dict[str, Any]]], floor: Scores, better: dict[str, Direction]) -> None:
    """The last points; the floor; what the teacher hands over."""
    last = {**{name: points[-1] for name, points in found.items()}, HANDED: found["all edges"][0]}
    rows = [
        [name, point["images"], point["seconds"], *(point[score][kind] for score in better for kind in KINDS)]
        for name, point in last.items()
    ]
    rows.append(["floor: real data", None, None, *(v for score in better for v in (rounded(floor[score]), None))])
    headings = ["", "images", "seconds", *(f"{score}, {kind}" for score in better for kind in KINDS)]
    show("Scores at the end", headings, rows)


def along(found: dict[str, list[dict[str, Any]]], better: dict[str, Direction]) -> None:
    """Medians of every score, and of the seconds of training, by the images seen."""
    places = range(1, POINTS + 1)
    images = {point["place"]: point["images"] for points in found.values() for point in points if point["place"]}
    for score in (*better, "seconds"):
        rows = []
        for name, points in found.items():
            at = {point["place"]: point[score] if score == "seconds" else point[score]["median"] for point in points}
            rows.append([name, *(at.get(place) for place in places)])
        show(f"{score} after so many images", ["", *(f"{images[place]:,.0f}" for place in places)], rows)


def main() -> None:
    parser = arguments(__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("--task", choices=TASKS, default="grid")
    parser.add_argument("--seeds", type=int, default=10, help=f"(default 10; of each edge alone at most {EDGE_SEEDS})")
    parser.add_argument("--images", type=int, help="of all phases together (default: the task's)")
    parser.add_argument("--device", default="cpu")
    asked = parser.parse_args()
    task, device = TASKS[asked.task], torch.device(asked.device)
    seeds, images = (1, QUICK) if asked.quick else (asked.seeds, asked.images or task.images)
    dataset = open_data(task.data, note)
    score, floor = task.scorer(dataset)
    found = {}
    for name, edges in VARIANTS.items():
        run = (transfer(task, dataset, images, edges) if edges else scratch(task, dataset, images)).with_images(images)
        curves = []
        for seed in range(min(seeds, EDGE_SEEDS) if len(edges) == 1 else seeds):
            curves.append(play(run, dataset, device, seed, score))
            note(f"{name}, seed {seed}: {curves[-1][-1]}")
        found[name] = [over_seeds(points, task.better) for points in zip(*curves)]
    table(found, floor, task.better)
    along(found, task.better)
    finish("transfer", device, task=asked.task, images=images, floor=floor, found=found)


if __name__ == "__main__":
    main()
