"""How fast is a training step beside a plain PyTorch loop, and beside pythae's trainer? On one core.

    python benchmarks/overhead.py [--compile] [--precision float32] [--quick]

Steps of the GAN and the VAE with their default settings, in the precision that this processor chooses or the one given,
on noise of three sizes, and of the size of photographs with the batch that few of them have. The variants of a row take
turns in one process. A ratio is the other's seconds of the processor through aegean's, the median over rounds: above 1
aegean is faster. Beside `plain` and `careful`: the same networks, losses and batch in a loop as people write it, with
gradient penalties at all samples, and as a careful engineer does (plain.py), both in float32. Beside `pythae`: its
trainer on its own networks for pictures of this size, against the same networks in a `Trainer` (beside_pythae.py); left
out where pythae is not installed (`pip install pythae==0.1.2`).
"""

from __future__ import annotations

import argparse
import gc
import importlib.util
import time
from typing import NamedTuple

import torch
from common import (
    BUDGET,
    FOREVER,
    Step,
    alternate,
    arguments,
    feed_of,
    line,
    median,
    median_ratio,
    note,
    random_images,
    results,
    rounded,
    shared,
)
from plain import loop

from aegean.recipes import configure
from aegean.training.engine import PRECISIONS, choose_engine
from aegean.training.trainer import Trainer

CPU = torch.device("cpu")
OTHERS = ("plain", "careful", "pythae")


class Case(NamedTuple):
    """A recipe on pictures of a shape; a batch, and how many of them are an epoch of pythae's."""

    recipe: str
    shape: tuple[int, ...]
    batch: int
    steps: int


CASES = {
    f"{recipe} {shape[1]}x{shape[2]}, batch {batch}": Case(recipe, shape, batch, steps)
    for shape, batch, steps in (((1, 28, 28), 64, 1), ((3, 32, 32), 64, 1), ((3, 64, 64), 64, 1), ((3, 64, 64), 16, 2))
    for recipe in ("gan", "vae")
}
QUICK = {"vae 28x28, batch 8": Case("vae", (1, 28, 28), 8, 1)}


def main() -> None:
    parser = arguments(__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("--compile", action="store_true", help="aegean's step compiled; takes minutes more")
    parser.add_argument("--precision", default="auto", choices=PRECISIONS)
    options = parser.parse_args()
    torch.set_num_threads(1)
    pythae = importlib.util.find_spec("pythae") is not None
    if not pythae:
        note("pythae is not installed: its column stays empty")
    compile = "on" if options.compile else "off"
    seconds, budget = (0.0, 0.0) if options.quick else (0.5, (4 if options.compile else 1) * BUDGET)
    with results("overhead", CPU, budget, compiled=options.compile, pythae=pythae, cases={}) as found:
        line("", "precision", "aegean img/s", *(f"aegean/{other}" for other in OTHERS))
        for name, case, until in shared(QUICK if options.quick else CASES, budget):
            row = measure(case, options.precision, compile, pythae, seconds, until)
            line(name, *row.values())
            found["cases"][name] = row
            gc.collect()


def measure(
    case: Case, precision: str, compile: str, pythae: bool, seconds: float, until: float
) -> dict[str, float | str | None]:
    """The precision and images a second of aegean's step, and its speed as a multiple of each other one."""
    info, raw = random_images(case.shape, 20 * case.batch)
    run = configure(case.recipe, info, {"batch": case.batch, "images": FOREVER})
    engine = choose_engine(run, CPU, precision, compile, 1)
    steps: dict[str, Step] = {
        "plain": loop(run, raw, CPU, careful=False),
        "careful": loop(run, raw, CPU, careful=True),
        "aegean": Trainer(run, info, feed_of(info, raw, CPU), CPU, engine).step,
    }
    if pythae and case.recipe == "vae":
        from beside_pythae import epochs

        steps |= epochs(case.shape, case.batch, case.steps, engine)
    *_, times = alternate(steps, CPU, seconds, until, warm=1, clock=time.process_time)
    step = median(times["aegean"])
    found: dict[str, float | str | None] = {"precision": engine.precision}
    found |= {"img_s": rounded(case.batch / step) if step else None}
    for other in OTHERS:
        ours = "aegean, pythae's" if other == "pythae" else "aegean"
        found[other] = rounded(median_ratio(times.get(other), times.get(ours)), 3)
    return found


if __name__ == "__main__":
    main()
