"""What a hierarchy is worth: stacks, ladders and scales against flat models of the same size and the same images.

    python benchmarks/levels.py --task digits [--seeds K] [--images N] [--quick] [--pictures FOLDER]
    python benchmarks/levels.py --task mnist|stacked --data MNIST-FOLDER --device cuda
    python benchmarks/levels.py --task cifar --data CIFAR-FOLDER --device cuda

1. `stacked_gan` against the flat `gan` with as many parameters in all its networks and as many images in all, the
encoder's included; the encoder sees no labels and is not the metric's network. 2. What redrawing a level changes: the
share of samples that stay of their class, and the variance between draws, in parts of the data's. 3. Linear probes of
the levels, and of a flat `vae` as large as encoder, bottleneck and decoder together. 4. The stack without its entropy
term. 5. The strategies: their costs and distances, and when one reaches what `joint` ends with. 6. A ladder without its
guard. Seconds are of training; on a CPU those of the processor, whoever else works there. Memory is told where an
accelerator counts it. `stacked` is Stacked MNIST: three digits as the colours of a picture, without labels. `--rows`
plays the rows alone whose name holds a word. The last line is JSON.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from common import arguments, finish, median, note, rounded, show
from study import passes, play, scores_of, trainer_of
from tasks import single_digits, triples
from torch import Tensor

from aegean.config import Net
from aegean.data import DataInfo, Dataset, open_data
from aegean.data.io.show import as_pictures, tiles
from aegean.machine import peak, reset_peak
from aegean.metrics.features import FeatureNetwork, feature_network
from aegean.metrics.probes import Probes
from aegean.metrics.protocol import Evaluator
from aegean.model import Model
from aegean.recipes import configure
from aegean.training.schedule import Run

Classify = Callable[[Tensor], np.ndarray]  # samples (n, *shape) -> classes (n,)
POINTS = 8  # scores along the way
REDRAWN = 1_000  # samples whose levels are redrawn
WIDTHS = range(4, 200, 2)  # that a flat model may have
DRAWS = 8  # of each level, of which the variance is taken
PLAYERS = ("E", "bottleneck", "G")


@dataclass(frozen=True)
class Task:
    """data: a SPEC, where it needs no folder. images: of all phases together. settings: of every model."""

    data: str
    images: int
    seeds: int
    settings: dict[str, Any] = field(default_factory=dict)


TASKS = {
    "digits": Task("digits", 40_000, 5),
    "mnist": Task("", 3_000_000, 3, {"batch": 256}),
    "stacked": Task("", 6_000_000, 3, {"batch": 256}),
    "cifar": Task("", 10_000_000, 3, {"batch": 256, "width": 64}),
}

STACKS: dict[str, tuple[str, dict[str, Any]]] = {
    "stack, joint": ("stacked_gan", {"training": "joint"}),
    "stack, independent_then_joint": ("stacked_gan", {"training": "independent_then_joint"}),
    "stack, independent": ("stacked_gan", {"training": "independent"}),
    "stack, coarse_to_fine": ("stacked_gan", {"training": "coarse_to_fine"}),
    "stack without entropy": ("stacked_gan", {"entropy": 0}),
}
OTHERS: dict[str, tuple[str, dict[str, Any]]] = {
    "ladder": ("hierarchical_vae", {}),
    "ladder, coarse_to_fine": ("hierarchical_vae", {"training": "coarse_to_fine"}),
    "ladder without guard": ("hierarchical_vae", {"free": 0, "warmup": 0}),
    "scales": ("multiscale_gan", {}),
    "scales, coarse_to_fine": ("multiscale_gan", {"training": "coarse_to_fine"}),
}


# data


def channels(network: FeatureNetwork) -> tuple[FeatureNetwork, Classify]:
    """A network of one digit on each channel of a triple: features side by side; one of 1,000 classes."""

    def embed(x: Tensor) -> np.ndarray:
        return np.concatenate([network(part) for part in single_digits(x)], 1)

    def classify(x: Tensor) -> np.ndarray:
        found = [classes(network)(part) for part in single_digits(x)]
        return found[0] + 10 * found[1] + 100 * found[2]

    return FeatureNetwork(f"{network.key}-x3", embed), classify


def classes(network: FeatureNetwork) -> Classify:
    def classify(x: Tensor) -> np.ndarray:
        found = network.predict(x)
        assert found is not None
        return found.argmax(1)

    return classify


def opened(task: str, spec: str) -> tuple[Dataset, FeatureNetwork, Classify]:
    """Data, the network that they are measured in, and what tells their classes."""
    dataset = open_data(spec)
    network = feature_network(dataset)
    if task != "stacked":
        return dataset, network, classes(network)
    return triples(dataset, 100_000, 10_000), *channels(network)


# sizes


def parameters(nets: dict[str, Net], names: tuple[str, ...] = ()) -> int:
    """Of some networks of a run, or of all."""
    with torch.device("meta"):
        return sum(
            p.numel() for name, spec in nets.items() if name in (names or nets) for p in spec.build().parameters()
        )


def matched(
    recipe: str, info: DataInfo, settings: dict[str, Any], widths: range, size: int, names: tuple[str, ...] = ()
) -> Run:
    """The run whose networks have the number of parameters nearest to `size`, by its width."""
    runs = [configure(recipe, info, {**settings, "width": width}) for width in widths]
    return min(runs, key=lambda run: abs(parameters(run.nets, names) - size))


# one run


def played(
    run: Run, dataset: Dataset, device: torch.device, score: Evaluator, points: int
) -> tuple[Model, dict[str, Any]]:
    """Train to the end: the model, its scores, its costs, and {images, seconds, fd} at so many even places."""
    reset_peak(device)
    trainer = trainer_of(run, dataset, device)
    silent: dict[str, float] = {}
    along: list[dict[str, float]] = []

    def look(began: bool, seconds: float) -> None:
        silent.update({k.split("/")[1]: v for k, v in trainer.means().items() if "LevelRate" in k})
        if not trainer.done and "sample" in trainer.model().can() and "G" in trainer.phase.trains:
            along.append({"images": trainer.images, "seconds": seconds, **scores_of(score, trainer.model())})

    clock = time.process_time if device.type == "cpu" else time.perf_counter  # others may work beside us
    seconds = play(trainer, lambda began: not began and passes(trainer, points), look, clock)
    model = trainer.model()
    found = {
        **scores_of(score, model),
        "seconds": seconds,
        **({} if device.type == "cpu" else {"memory": peak(device)}),
        "parameters": sum(p.numel() for net in trainer.nets.values() for p in net.parameters()),
        "rates": silent,
    }
    return model, {**found, "along": [*along, {"images": run.images, "seconds": seconds, **scores_of(score, model)}]}


def control(model: Model, classify: Classify, variance: float, count: int) -> list[dict[str, float]]:
    """For each level, from 0: the share of `count` samples whose class stays when it is redrawn, and the variance of
    its draws in parts of the data's."""
    found = []
    before = judged(model, classify, model.sample(count, seed=1))
    for level in range(model.depth):
        draws = [model.redraw(level, count, 1, again) for again in range(DRAWS)]
        kept = float(np.mean([(judged(model, classify, x) == before).mean() for x in draws[1:3]]))
        spread = float(torch.stack(draws).var(0).mean()) / variance
        found.append({"kept": kept, "variance": spread})
    return found


def judged(model: Model, classify: Classify, x: Tensor) -> np.ndarray:
    return classify(model.info.normalise(model.info.restore(x)))


# several


class Bench:
    """The runs of a task, each played once for each seed."""

    def __init__(self, asked: argparse.Namespace):
        self.task, self.device = TASKS[asked.task], torch.device(asked.device)
        self.images = 640 if asked.quick else asked.images or self.task.images
        self.seeds = 1 if asked.quick else asked.seeds or self.task.seeds
        self.points, self.redrawn, self.widths = (2, 50, WIDTHS[:3]) if asked.quick else (POINTS, REDRAWN, WIDTHS)
        spec = asked.data or self.task.data
        if not spec:
            raise SystemExit(f"--task {asked.task} needs --data FOLDER")
        self.dataset, network, self.classify = opened(asked.task, spec)
        self.score = Evaluator(self.dataset, network, 100 if asked.quick else 10_000)
        self.floor = {name: self.score.reference.floor[name] for name in ("fd", "coverage")}
        self.variance = float(self.score.test.var(0).mean())
        labelled = self.dataset.train_labels is not None
        self.probes = Probes(self.dataset, self.score.test, self.score.labels) if labelled else None  # type: ignore[arg-type]
        self.found: dict[str, dict[str, Any]] = {}
        self.models: dict[str, Model] = {}

    def configure(self, recipe: str, settings: dict[str, Any]) -> Run:
        return configure(recipe, self.dataset.info, {**self.task.settings, **settings})

    def add(self, name: str, run: Run, seeds: int) -> None:
        """Play a run with some seeds."""
        results = []
        for seed in range(seeds):
            run = run.replace(seed=seed).with_images(self.images)
            model, result = played(run, self.dataset, self.device, self.score, self.points)
            if model.depth > 1 and "sample" in model.can():
                result["levels"] = control(model, self.classify, self.variance, self.redrawn)
            if self.probes and "levels" in model.can():
                result["probes"] = self.probes(model)
            self.models.setdefault(name, model)
            note(f"{name}, seed {seed}: { {k: v for k, v in result.items() if k != 'along'} }")
            results.append(result)
        self.found[name] = merged(results)


def merged(values: list[Any]) -> Any:
    """The same tree of numbers from several seeds: its medians, rounded."""
    if isinstance(values[0], dict):
        return {key: merged([value[key] for value in values]) for key in values[0]}
    if isinstance(values[0], list):
        return [merged(list(row)) for row in zip(*values)]
    return rounded(median(values))


def reached(along: list[dict[str, float]], fd: float) -> float | None:
    """Seconds until a run's distance is at most `fd`."""
    return next((point["seconds"] for point in along if point["fd"] <= fd), None)


def tables(bench: Bench) -> None:
    found = bench.found
    rows = [
        [
            name,
            f["parameters"],
            f.get("memory", 0) / 1e6 or None,
            f["seconds"],
            f.get("fd"),
            f.get("coverage"),
            f.get("psnr"),
            f.get("bits"),
        ]
        for name, f in found.items()
    ]
    rows.append(["floor: real data", None, None, None, bench.floor["fd"], bench.floor["coverage"], None, None])
    show(f"After {bench.images:,} images", ["", "parameters", "MB", "seconds", "fd", "coverage", "psnr", "bits"], rows)
    rows = [
        [name, i, level["kept"], level["variance"]]
        for name, f in found.items()
        for i, level in enumerate(f.get("levels", []))
    ]
    show("A level redrawn", ["", "level", "class kept", "variance / data's"], rows)
    rows = [[name, where, value] for name, f in found.items() for where, value in f.get("probes", {}).items()]
    if bench.probes:
        rows.append(["floor: raw values", None, rounded(bench.probes.floor)])
    show("Linear probes", ["", "where", "accuracy"], rows)
    rows = [[name, what, bits] for name, f in found.items() for what, bits in f["rates"].items()]
    show("Bits of each level", ["", "", "bits"], rows)
    if joint := found.get("stack, joint"):
        rows = [
            [name, f["seconds"] / joint["seconds"], at and at / joint["seconds"]]
            for name, f in found.items()
            if name.startswith("stack, ")
            for at in [reached(f["along"], joint["fd"])]
        ]
        show("Strategies, in parts of joint's seconds", ["", "all", "until joint's final fd"], rows)


def pictures(bench: Bench, folder: Path) -> None:
    """levels-NAME.png: rows of draws, from the top level down; added-NAME.png: what each level adds."""
    folder.mkdir(parents=True, exist_ok=True)
    info, real = bench.dataset.info, bench.score.test[:12]
    for name, model in bench.models.items():
        plain = name.replace(", ", "-").replace(" ", "-")
        if model.depth == 1:
            continue
        rows = [
            torch.stack([model.redraw(level, 3, 1, again) for again in range(12)], 1).flatten(0, 1)
            for level in reversed(range(model.depth))
        ]
        (folder / f"levels-{plain}.png").write_bytes(sheet(info, torch.cat(rows)))
        if "levels" in model.can():
            tops = [model.reconstruct(real, top=k) for k in range(1, model.depth + 1)]
            (folder / f"added-{plain}.png").write_bytes(sheet(info, torch.cat([real, *tops])))


def sheet(info: DataInfo, x: Tensor) -> bytes:
    return tiles(as_pictures(info.restore(x), info), 12)


def planned(bench: Bench) -> dict[str, tuple[Run, int]]:
    """The rows of the benchmark: what is played, and with how many seeds."""
    stack, ladder = bench.configure("stacked_gan", {}), bench.configure("hierarchical_vae", {})
    flat = partial(matched, info=bench.dataset.info, settings=bench.task.settings, widths=bench.widths)
    fewer = (bench.seeds + 1) // 2
    rows = {"flat gan": (flat("gan", size=parameters(stack.nets)), bench.seeds)}
    rows |= {name: (bench.configure(recipe, more), bench.seeds) for name, (recipe, more) in STACKS.items()}
    rows |= {name: (bench.configure(recipe, more), fewer) for name, (recipe, more) in OTHERS.items()}
    for name, twin in (("stack", stack), ("ladder", ladder)):
        size = parameters(twin.nets, PLAYERS)
        rows[f"flat vae, as large as the {name}"] = flat("vae", size=size, names=PLAYERS), fewer
    return rows


def main() -> None:
    parser = arguments(__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("--task", choices=TASKS, default="digits")
    parser.add_argument("--data", metavar="SPEC", help="where the task's data lie (digits are built in)")
    parser.add_argument("--seeds", type=int, help="of the stacks and the flat gan; half as many of the others")
    parser.add_argument("--images", type=int, help="of all phases together (default: the task's)")
    parser.add_argument("--rows", metavar="WORD", help="only those whose name holds this word")
    parser.add_argument("--pictures", type=Path, metavar="FOLDER", help="where pictures of the first seed are written")
    parser.add_argument("--device", default="cpu")
    asked = parser.parse_args()
    bench = Bench(asked)
    for name, (run, seeds) in planned(bench).items():
        if (asked.rows or "") in name:
            bench.add(name, run, seeds)
    tables(bench)
    if asked.pictures:
        pictures(bench, asked.pictures)
    about = {"task": asked.task, "images": bench.images, "seeds": bench.seeds, "floor": bench.floor}
    finish("levels", bench.device, **about, found=bench.found)


if __name__ == "__main__":
    main()
