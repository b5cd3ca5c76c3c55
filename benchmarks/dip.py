"""Does the adversary lose what was handed over? Coverage from the hand-over on, for every cure of the dip.

    python benchmarks/dip.py --task digits|mnist|cifar [--data FOLDER] [--seeds K] [--cures "NAME; NAME"]
        [--device cuda]

The first evaluation is of what was handed over, before the adversary has moved anything; 50 more follow, evenly spaced,
of the generator's raw weights and of their average. A cure holds where coverage never falls by more than 2 % of the
first. Counts below 2,000 held-out samples are shown with the 95 % interval of a coverage. Table: medians over the
seeds; "lowest" is the worst of all evaluations, in per cent of the first. The last line is JSON, with all curves.
"""

from __future__ import annotations

import argparse
from typing import Any

import torch
from common import arguments, finish, median, note, rounded, show
from study import play, raw_model
from tasks import TASKS, Scorer
from transfer import QUICK, SMALL, Bench, chosen, make_run

from aegean.formulas.neighbours import share_interval
from aegean.training.trainer import Trainer

EVALUATIONS = 50
CURES: dict[str, dict[str, Any]] = {
    "default": {},
    "nothing": {"anchor": 0.0, "warmup": 0.0},
    "no warm-up": {"warmup": 0.0},
    "no anchor": {"anchor": 0.0},
    "anchor annealed": {"anneal": 0.05},
    "ramp": {"ramp": 0.3},
    "reconstructions as fakes": {"recon": True},
    "latent reconstruction": {"invert": 1.0},
    "distilled": {"distil": 12.0},
    "projected": {"discriminator": "project"},
    "projected, pixels seen": {"discriminator": "project", "pixels": True},
}


def followed(trainer: Trainer, score: Scorer, times: int) -> dict[str, list[dict[str, float]]]:
    """Scores of the raw and of the averaged weights: at the hand-over, then so many times."""
    found: dict[str, list[dict[str, float]]] = {"average": [], "raw": []}

    def due(began: bool) -> bool:
        both = {"D", "G"} <= set(trainer.phase.trains)
        return both and trainer.seen >= trainer.phase.images * len(found["raw"]) / times

    def look(began: bool, seconds: float) -> None:
        found["average"].append(score(trainer.model()))
        found["raw"].append(score(raw_model(trainer)))

    play(trainer, due, look)
    return found


def lowest(curve: list[dict[str, float]]) -> float:
    """The lowest coverage, in per cent of the first."""
    return 100 * min(point["coverage"] for point in curve) / curve[0]["coverage"]


def row(name: str, curves: list[dict[str, list[dict[str, float]]]], count: int) -> list[Any]:
    first = median(curve["raw"][0]["coverage"] for curve in curves) or 0.0
    low, high = share_interval(first, count)
    return [
        name,
        rounded(first, 3),
        f"{low:.3f} to {high:.3f}",
        *(rounded(median(lowest(curve[kind]) for curve in curves)) for kind in ("raw", "average")),
        rounded(min(lowest(curve["average"]) for curve in curves)),
        *(rounded(median(curve["average"][place]["fd"] for curve in curves), 3) for place in (0, -1)),
        rounded(median(curve["average"][-1]["coverage"] for curve in curves), 3),
    ]


def main() -> None:
    parser = arguments(__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("--task", choices=("digits", "mnist", "cifar"), default="digits")
    parser.add_argument("--data", help="folder of the data (mnist: its four files; cifar: its batches)")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--cures", default="; ".join(CURES), help="separated by ;")
    parser.add_argument("--images", type=int, help="of all phases together (default: the task's)")
    parser.add_argument("--compile", choices=("auto", "on", "off"), default="auto")
    parser.add_argument("--device", default="cpu")
    asked = parser.parse_args()
    task, device = TASKS[asked.task], torch.device(asked.device)
    seeds, images = (1, QUICK) if asked.quick else (asked.seeds, asked.images or task.images)
    dataset = task.open(asked.data)
    score, _ = task.scorer(asked.data, dataset)
    bench, count = Bench(task, dataset, score, device, asked.compile), len(dataset.test)
    found = {}
    for name in chosen(asked.cures, CURES):
        run = make_run(task, dataset, "all edges", images, **{**(SMALL if asked.quick else {}), **CURES[name]})
        times = 2 if asked.quick else EVALUATIONS
        found[name] = [followed(bench.trainer(run, seed), score, times) for seed in range(seeds)]
        note(" ".join(map(str, row(name, found[name], count))))
    headings = ["", "handed over", "95 %", "lowest, raw %", "lowest, average %", "worst seed %", "fd first", "fd last",
                "coverage last"]  # fmt: skip
    show(
        f"Coverage after the hand-over, {task.images:,} images", headings, [row(n, c, count) for n, c in found.items()]
    )
    finish("dip", device, task=asked.task, images=images, held_out=count, found=found)


if __name__ == "__main__":
    main()
