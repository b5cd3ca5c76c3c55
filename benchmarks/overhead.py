"""What does the package cost beside the arithmetic? `aegean.train` against a bare loop, and a trainer against pythae's.

Bare: the same networks, batch and precision in a loop as a careful engineer writes it (plain.py, `careful`: bytes on
the device, channels last, fused Adam, no synchronisation). Paired runs of so many steps, taking turns. What is timed
of `aegean.train` is every step as the loop takes it, with its clock, guards, log lines, TensorBoard and progress bar;
evaluations and the states saved beside them are not, nor are the first steps of each run, in which a compiled step is
made. `ratio` is the bare loop's seconds through ours, the median over pairs: above 1 we are faster.

pythae: its own BaseTrainer on its own MNIST networks, an epoch of random data at a time, against the same networks in
a `Trainer`, taking turns in one process (beside_pythae.py). pythae is installed into an environment of its own
beneath the cache folder, which takes everything else, torch above all, from the present one.
"""

from __future__ import annotations

import io
import json
import os
import subprocess
import sysconfig
import tempfile
import time
import venv
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, redirect_stderr
from pathlib import Path
from typing import Any, NamedTuple
from unittest.mock import patch

import numpy as np
import torch
from common import Found, arguments, compared, finish, note, random_images, show
from plain import loop

import aegean
from aegean.data import open_data
from aegean.data.sets.dataset import DataOptions
from aegean.machine import cache_folder
from aegean.recipes import configure
from aegean.training.loop import LINES, Loop
from aegean.training.schedule import Run
from aegean.training.trainer import Trainer
from aegean.training.watchers import Saving

ROOT = Path(__file__).resolve().parent.parent
PYTHAE = "pythae==0.1.2"
CPU = torch.device("cpu")


class Case(NamedTuple):
    """A recipe with its settings, on digits or on noise of a shape; steps timed, and steps before them."""

    recipe: str
    settings: dict[str, Any]
    shape: tuple[int, ...] | None
    steps: int
    first: int
    engines: tuple[str, ...]


BOTH = ("eager", "compiled")
CASES = {
    "gan 8x8": Case("gan", {}, None, 40, 10, BOTH),
    "vae 8x8": Case("vae", {}, None, 120, 10, BOTH),
    "vae 64x64": Case("vae", {"width": 64, "batch": 8}, (3, 64, 64), 6, 2, ("eager",)),
}
QUICK = {"vae 8x8": Case("vae", {"width": 4, "batch": 8}, None, 5, 2, ("eager",))}


def main() -> None:
    parser = arguments("aegean.train against a bare loop, and its trainer against pythae's, on a CPU.")
    parser.add_argument("--no-pythae", action="store_true", help="leave pythae out; nothing is downloaded")
    options = parser.parse_args()
    rounds = 1 if options.quick else 5
    cases = {}
    with tempfile.TemporaryDirectory() as folder:
        for name, case in (QUICK if options.quick else CASES).items():
            cases[name] = against_bare(case, rounds, Path(folder))
            table(f"aegean.train, {name}", cases[name])
    pythae = None if options.no_pythae else against_pythae(options.quick)
    if pythae:
        table("pythae's VAE for MNIST", pythae)
    finish("overhead", CPU, cases=cases, pythae=pythae)


def table(title: str, found: Found) -> None:
    show(title, ("", "img_s", "ratio"), [(name, *values.values()) for name, values in found.items()])


# against a bare loop


def against_bare(case: Case, pairs: int, folder: Path) -> Found:
    """The bare loop and aegean.train, eager and compiled."""
    spec = "digits"
    if case.shape:
        spec = str(folder / "noise.npy")
        np.save(spec, random_images(case.shape, 400)[1])
    dataset = open_data(DataOptions(spec))
    run = configure(case.recipe, dataset.info, case.settings)
    seconds: dict[str, list[float]] = {name: [] for name in ("bare", *case.engines)}
    for _ in range(pairs):
        seconds["bare"].append(bare_seconds(run, np.array(dataset.train), case))
        for name in case.engines:
            seconds[name].append(our_seconds(run, spec, case, name, Path(tempfile.mkdtemp(dir=folder)) / "run"))
    return compared(seconds, run.batch * case.steps)


def bare_seconds(run: Run, raw: np.ndarray, case: Case) -> float:
    step = loop(run, raw, CPU, careful=True)
    for _ in range(case.first):
        step()
    start = time.perf_counter()
    for _ in range(case.steps):
        step()
    return time.perf_counter() - start


def our_seconds(run: Run, spec: str, case: Case, engine: str, out: Path) -> float:
    """Seconds of the timed steps of one call of aegean.train."""
    said = io.StringIO()
    with ExitStack() as stack:
        stack.enter_context(redirect_stderr(said))
        # What evaluations measure with is not timed, so it need not be trained well.
        stack.enter_context(patch("aegean.metrics.networks.train_steps", lambda count: 3))
        # As many lines as the recipe's own budget would have in so many images.
        images = run.batch * (case.first + case.steps)
        stack.enter_context(patch("aegean.training.loop.LINES", max(1, round(LINES * images / run.images))))
        steps, rests = (stack.enter_context(stopwatch(*at)) for at in ((Trainer, "step"), (Loop, "_after_step")))
        pauses = [stack.enter_context(stopwatch(*at)) for at in ((Loop, "_evaluate"), (Saving, "told"))]
        aegean.train(
            case.recipe,
            spec,
            out,
            images=images,
            settings=case.settings,
            evaluations=1,
            device="cpu",
            precision="float32",
            compile="on" if engine == "compiled" else "off",
        )
    assert engine == "eager" or "cannot be compiled" not in said.getvalue(), said.getvalue()
    assert len(steps) == case.first + case.steps
    start = steps[case.first][0]
    counted = list(zip(steps, rests))[case.first :]
    return sum(rest[1] - step[0] for step, rest in counted) - sum(
        end - begin for pause in pauses for begin, end in pause if begin >= start
    )


@contextmanager
def stopwatch(owner: type, name: str) -> Iterator[list[tuple[float, float]]]:
    """When each call of a method began and ended."""
    times: list[tuple[float, float]] = []
    method = getattr(owner, name)

    def timed(self: Any, *args: Any) -> None:
        begin = time.perf_counter()
        method(self, *args)
        times.append((begin, time.perf_counter()))

    with patch.object(owner, name, timed):
        yield times


# against pythae


def against_pythae(quick: bool) -> Found | None:
    """What beside_pythae.py found, in pythae's environment; None where that cannot be made."""
    python = pythae_environment()
    if python is None:
        return None
    words = [str(python), str(ROOT / "benchmarks" / "beside_pythae.py"), *(["--quick"] if quick else [])]
    done = subprocess.run(
        words, capture_output=True, text=True, check=False, env={**os.environ, "PYTHONPATH": str(ROOT)}
    )
    if done.returncode:
        note(f"pythae could not be measured: {(done.stderr.strip().splitlines() or ['no word'])[-1]}")
        return None
    return json.loads(done.stdout.strip().splitlines()[-1])


def pythae_environment() -> str | None:
    """The interpreter of an environment with pythae, made once; None where it cannot be installed."""
    folder = cache_folder() / "pythae"
    python = folder / "bin" / "python"
    if (folder / "ready").exists():
        return str(python)
    note(f"installing pythae into {folder}")
    venv.create(folder, with_pip=True, clear=True)
    own = Path(sysconfig.get_path("purelib", vars={"base": str(folder), "platbase": str(folder)}))
    (own / "present.pth").write_text(sysconfig.get_path("purelib") + "\n")
    pip = [str(python), "-m", "pip", "install", "--quiet", "--constraint", str(ROOT / "constraints.txt"), PYTHAE]
    done = subprocess.run(pip, capture_output=True, text=True, check=False)
    if done.returncode:
        note(f"pythae cannot be installed here: {(done.stderr.strip().splitlines() or ['no word'])[-1]}")
        return None
    (folder / "ready").touch()
    return str(python)


if __name__ == "__main__":
    main()
