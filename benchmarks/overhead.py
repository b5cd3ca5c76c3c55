"""How fast is a training step beside a plain PyTorch loop, and beside pythae's trainer? On a CPU.

    python benchmarks/overhead.py [--compile] [--quick]

Steps of the GAN and the VAE with their default networks, on noise of three sizes. The variants of a row take turns in
one process. A ratio is the other's seconds through aegean's, the median over rounds: above 1 aegean is faster.
Beside `plain` and `careful`: the same networks, losses and batch in a loop as people write it, and as a careful
engineer does (plain.py). Beside `pythae`: its trainer on its own networks for pictures of this size, against the same
networks in a `Trainer` (beside_pythae.py); left out where pythae is not installed (`pip install pythae==0.1.2`).
"""

from __future__ import annotations

import argparse
import gc
import importlib.util
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
from aegean.training.engine import Engine
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
    f"{recipe} {shape[1]}x{shape[2]}": Case(recipe, shape, batch, steps)
    for shape, batch, steps in (((1, 28, 28), 64, 6), ((3, 32, 32), 32, 2), ((3, 64, 64), 8, 2))
    for recipe in ("gan", "vae")
}
QUICK = {"vae 28x28": Case("vae", (1, 28, 28), 8, 1)}


def main() -> None:
    parser = arguments(__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("--compile", action="store_true", help="aegean's step compiled; takes minutes more")
    options = parser.parse_args()
    pythae = importlib.util.find_spec("pythae") is not None
    if not pythae:
        note("pythae is not installed: its column stays empty")
    backend = "inductor" if options.compile else ""
    seconds, budget = (0.0, 0.0) if options.quick else (1.0, (4 if options.compile else 1) * BUDGET)
    with results("overhead", CPU, budget, compiled=options.compile, pythae=pythae, cases={}) as found:
        line("", "batch", "aegean img/s", *(f"aegean/{other}" for other in OTHERS))
        for name, case, until in shared(QUICK if options.quick else CASES, budget):
            row = measure(case, backend, pythae, seconds, until)
            line(name, case.batch, *row.values())
            found["cases"][name] = row
            gc.collect()


def measure(case: Case, backend: str, pythae: bool, seconds: float, until: float) -> dict[str, float | None]:
    """Images a second of aegean's step, and its speed as a multiple of each other one."""
    info, raw = random_images(case.shape, 20 * case.batch)
    run = configure(case.recipe, info, {"batch": case.batch, "images": FOREVER})
    steps: dict[str, Step] = {
        "plain": loop(run, raw, CPU, careful=False),
        "careful": loop(run, raw, CPU, careful=True),
        "aegean": Trainer(run, info, feed_of(info, raw, CPU), CPU, Engine(backend=backend)).step,
    }
    if pythae and case.recipe == "vae":
        from beside_pythae import epochs

        steps |= epochs(case.shape, case.batch, case.steps, backend)
    *_, times = alternate(steps, CPU, seconds, until, warm=1)
    step = median(times["aegean"])
    found = {"img_s": rounded(case.batch / step) if step else None}
    for other in OTHERS:
        ours = "aegean, pythae's" if other == "pythae" else "aegean"
        found[other] = rounded(median_ratio(times.get(other), times.get(ours)), 3)
    return found


if __name__ == "__main__":
    main()
