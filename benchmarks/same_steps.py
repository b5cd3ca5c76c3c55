"""Is a compiled step, on a GPU captured as a CUDA graph, the same step as the eager one? Every recipe at smoke size.

    python benchmarks/same_steps.py [--device cuda] [--recipes gan,vae] [--seconds 170] [--quick]

A recipe is trained on digits for a few steps in each of its phases, eager and compiled, in float32 without TF32, with
input gradients in the form that the device takes. `difference` is the greatest between the losses and gradient norms
of the two, as a share of the eager one's; it may be at most TOLERANCE, or what LOOSE says. Recipes are compared in
processes side by side; those that the seconds do not suffice for are named, and count as failed. The last line is JSON.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import time
from functools import partial
from typing import Any

import torch
from common import BUDGET, arguments, line, note, results, rounded
from study import trainer_of

from aegean.data import open_data
from aegean.machine import cores
from aegean.recipes import RECIPES, smoke
from aegean.surface import noted
from aegean.training.engine import Engine

STEPS = 6  # of each phase: the fourth is captured
TOLERANCE = 1e-2
LOOSE = {"projected_gan": 0.1}  # few units decide there, and a sample at a kink falls on either side by rounding
FIRST = ("gan", "vae", "ae_to_gan", "vq_gan", "ae", "codec")  # in order of worth; then the others


def main() -> None:
    parser = arguments(__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("--device", default="cpu", choices=("cpu", "cuda"))
    parser.add_argument("--recipes", help="separated by commas (default: all)")
    parser.add_argument("--seconds", type=float, default=BUDGET, help=f"in all (default {BUDGET:.0f})")
    parser.add_argument("--processes", type=int, help="side by side (default: 1, on a GPU one a core)")
    asked = parser.parse_args()
    names = asked.recipes.split(",") if asked.recipes else [*FIRST, *(name for name in RECIPES if name not in FIRST)]
    processes = asked.processes or (1 if asked.device == "cpu" else cores())
    backend = "aot_eager" if asked.quick else "inductor"
    end = time.monotonic() + asked.seconds
    open_data("digits")  # prepared once, before others look for it
    os.environ.update(TORCHINDUCTOR_COMPILE_THREADS="1", OMP_NUM_THREADS="1")  # the processes are enough
    one = partial(compare, device=torch.device(asked.device), backend=backend)
    with results("same_steps", torch.device(asked.device), asked.seconds, backend=backend, recipes={}) as found:
        line("", "difference", "programs", "seconds", "agrees")
        with multiprocessing.get_context("spawn").Pool(min(processes, len(names))) as pool:
            rows = pool.imap_unordered(one, names)
            for _ in names:
                try:
                    name, row = rows.next(max(0.0, end - time.monotonic()))
                except multiprocessing.TimeoutError:
                    break
                found["recipes"][name] = row
                line(name, *(row[key] for key in ("difference", "programs", "seconds", "agrees")))
        found["unreached"] = [name for name in names if name not in found["recipes"]]
    wrong = [name for name, row in found["recipes"].items() if row["agrees"] != "yes"]
    failed = {"differ or fail": wrong, "not reached in time": found["unreached"]}
    if any(failed.values()):
        raise SystemExit("; ".join(f"{what}: {', '.join(names)}" for what, names in failed.items() if names))


def compare(name: str, device: torch.device, backend: str) -> tuple[str, dict[str, Any]]:
    """A recipe's row of the table; what went wrong in words."""
    start = time.monotonic()
    try:
        torch.backends.cudnn.allow_tf32 = False
        with noted():
            eager, _ = losses(name, device, "")
            found, programs = losses(name, device, backend)
        difference = max(abs(found[key] - eager[key]) / max(abs(eager[key]), 1e-3) for key in eager)
        allowed = LOOSE.get(name, TOLERANCE)
        row = {"difference": rounded(difference, 2), "programs": programs}
        row["agrees"] = "yes" if difference <= allowed else f"no, > {allowed}"  # not a number is no agreement
    except Exception as error:
        note(f"{name}: {error!r}"[:1000])
        row = {"difference": None, "programs": None, "agrees": type(error).__name__}
    return name, {**row, "seconds": round(time.monotonic() - start, 1)}


def losses(name: str, device: torch.device, backend: str) -> tuple[dict[str, float], int]:
    """Losses and gradient norms by step and name, and how many programs were compiled, on a GPU captured.

    AssertionError: an update was left out, or a program was not compiled or not captured.
    """
    dataset = open_data("digits")
    run = smoke(name, dataset.info, 1)
    phases = tuple(phase.replace(images=STEPS * run.batch) for phase in run.schedule)
    trainer = trainer_of(run.replace(schedule=phases), dataset, device, Engine(backend=backend))
    found: dict[str, float] = {}
    programs = 0
    for began in trainer:
        if began:
            continue
        found |= {f"{trainer.images}: {label}": value for label, value in trainer.means().items()}
        assert trainer.blame() is None, trainer.blame()
        if backend and trainer.phase_ended:
            made = trainer.current.programs.values()
            assert all(program.compiled is not None for program in made), "a step is not compiled"
            assert device.type != "cuda" or all(hasattr(program, "graph") for program in made), "a step is not captured"
            programs += len(made)
    return found, programs


if __name__ == "__main__":
    main()
