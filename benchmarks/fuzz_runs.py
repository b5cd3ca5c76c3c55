"""Mutated run folders: every one is read, or refused in words; never a traceback, much memory or a long wait.

    python benchmarks/fuzz_runs.py --count 10000

The files of a small finished run (config.json, the state's header and bytes, metrics.jsonl, evaluation.json) are
changed: values of other types and sizes, keys lost and added, parts swapped, other classes named, flipped bits, cuts,
noise, deep nests, links and pipes in the places of files. Then `info` describes the folder, and the run is resumed, for
two steps at most. Each may take `SECONDS`, and `LIMIT` bytes of memory.
"""

from __future__ import annotations

import argparse
import contextlib
import copy
import io
import json
import os
import resource
import shutil
import struct
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np

import aegean
from aegean.cli import main as command
from aegean.cli.faults import PLACES
from aegean.machine import peak, reset_peak
from aegean.surface import muted
from aegean.training.guard import Fault
from aegean.training.loop import Interrupted
from aegean.training.trainer import Trainer

SECONDS = 10.0
LIMIT = 2 << 30  # bytes of the process
IMAGES = 8 * 20  # the raised budget of a mutant
STEPS = 2  # that a mutant may train
FILES = ("config.json", "state/last.safetensors", "metrics.jsonl", "evaluation.json")
CLASSES = ("Settings", "Run", "Phase", "Turn", "Net", "Ramp", "Fit", "Edge", "Term", "DataInfo", "Engine", "Rate", "os")
VALUES: tuple[Any, ...] = (
    *(None, True, False, 0, -1, -5, 1, 2, 7, 10**6, 10**9, 10**12, 2**63, 10**30, 10**400),
    *(0.0, -0.5, 0.5, 1e-300, 1e300, float("nan"), float("inf"), "", "x", "evil", "../../x", "\x1b[31m", "9" * 400),
    *([], [1], [[]], ["x"], {}, {"a": 1}, {"type": "x"}, [0] * 1000, "cpu", "cuda", "mapping", "inductor"),
)

Json = Any
Mutation = Callable[[np.random.Generator, Path], None]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--count", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--quick", action="store_true", help="a hundred of them")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        print(json.dumps(fuzz(made(Path(folder) / "good"), 100 if asked.quick else asked.count, asked.seed)))


def made(path: Path) -> Path:
    """A small finished run."""
    settings = {"width": 4, "latent": 2, "batch": 8}
    aegean.train("ae_to_gan", "digits", path, images=8 * 12, evaluations=1, settings=settings, device="cpu")
    return path


def fuzz(good: Path, count: int, seed: int = 0) -> dict[str, Any]:
    """Try `count` mutants of a good run; what became of them, by mutation; `faults`: those that ended in a
    traceback, took too long or too much memory."""
    found: Counter[str] = Counter()
    faults: list[str] = []
    slowest, largest, start = 0.0, 0, time.monotonic()
    names = list(MUTATIONS)
    with tempfile.TemporaryDirectory() as place, few_steps(), muted():
        for number in range(count):
            rng, name, run = np.random.default_rng((seed, number)), names[number % len(names)], Path(place) / "run"
            shutil.copytree(good, run, symlinks=True)
            MUTATIONS[name](rng, run)
            outcome, seconds, memory = attempt(run)
            slow, large = seconds > SECONDS, memory > LIMIT
            if slow or large or outcome.startswith("fault"):
                faults.append(f"mutant {number} of seed {seed} ({name}): {outcome}, {seconds:.1f} s, {memory:,} bytes")
            found[f"{name}: {outcome}"] += 1
            slowest, largest = max(slowest, seconds), max(largest, memory)
            shutil.rmtree(run)
    return {
        "mutants": count,
        "faults": faults,
        "refused": sum(n for name, n in found.items() if name.endswith("refused")),
        "slowest_s": round(slowest, 2),
        "largest_bytes": largest,
        "seconds": round(time.monotonic() - start, 1),
        "outcomes": dict(sorted(found.items())),
    }


@contextlib.contextmanager
def few_steps() -> Iterator[None]:
    """Training stops after some steps, and finished runs are evaluated in no time."""
    step = Trainer.step

    def counted(trainer: Trainer) -> None:
        trainer.taken = getattr(trainer, "taken", 0) + 1  # type: ignore[attr-defined]
        if trainer.taken > STEPS:  # type: ignore[attr-defined]
            raise Interrupted
        step(trainer)

    with patch.object(Trainer, "step", counted), patch("aegean.metrics.protocol.Evaluator.__call__", lambda *_: {}):
        yield


def attempt(run: Path) -> tuple[str, float, int]:
    """What became of a folder: "read", "refused" or "fault: ..."; seconds of the processor, bytes at the most."""
    import torch

    cpu, start = torch.device("cpu"), time.process_time()
    reset_peak(cpu)
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()) as said:
        try:
            status = command(["info", str(run)])
            outcome = {0: "read", 2: "refused"}.get(status, f"fault: info, status {status}: {said.getvalue()[-500:]}")
            outcome = outcome if outcome.startswith("fault") else resumed(run, outcome)
        except BaseException as error:
            outcome = f"fault: {error!r}"
    return outcome, time.process_time() - start, peak(cpu)


def resumed(run: Path, outcome: str) -> str:
    try:
        aegean.resume(run, images=IMAGES, device="cpu")
    except aegean.UserError:
        return "refused"
    except (Fault, Interrupted):
        return outcome
    except OSError as error:  # the command line says which file, and what is wrong with it
        return "refused" if error.errno in PLACES and error.filename else f"fault: resume, {error!r}"
    except Exception as error:
        return f"fault: resume, {error!r}"
    return outcome


# mutations


def change(value: Json, rng: np.random.Generator, replace: Callable[[Json, np.random.Generator], Json]) -> Json:
    """The JSON value with one place in it replaced."""
    places: list[tuple[Any, Any]] = []

    def walk(part: Json) -> None:
        for key in part if isinstance(part, dict) else range(len(part)) if isinstance(part, list) else ():
            places.append((part, key))
            walk(part[key])

    whole = copy.deepcopy(value)
    walk(whole)
    parent, key = places[int(rng.integers(len(places)))]
    parent[key] = replace(parent[key], rng)
    return whole


def other_value(value: Json, rng: np.random.Generator) -> Json:
    return VALUES[int(rng.integers(len(VALUES)))]


def other_number(value: Json, rng: np.random.Generator) -> Json:
    if not isinstance(value, int | float) or isinstance(value, bool):
        return other_value(value, rng)
    return (value * 1000, -value, value + 1, value / 3, 10**12, str(value), [value], 0)[int(rng.integers(8))]


def other_class(value: Json, rng: np.random.Generator) -> Json:
    name = CLASSES[int(rng.integers(len(CLASSES)))]
    return {**value, "type": name} if isinstance(value, dict) else {"type": name}


def fewer(value: Json, rng: np.random.Generator) -> Json:
    if isinstance(value, dict) and value:
        del value[list(value)[int(rng.integers(len(value)))]]
        return value
    return value[:-1] if isinstance(value, list | str) else None


def deeper(value: Json, rng: np.random.Generator) -> Json:
    for _ in range(int(rng.integers(2, 60))):
        value = [value]
    return value


def in_json(name: str, replace: Callable[[Json, np.random.Generator], Json]) -> Mutation:
    """Replace a place in config.json, evaluation.json, or in a line of metrics.jsonl."""

    def mutate(rng: np.random.Generator, run: Path) -> None:
        file = run / name
        lines = file.read_text().splitlines() if name.endswith("l") else [file.read_text()]
        number = int(rng.integers(len(lines)))
        lines[number] = json.dumps(change(json.loads(lines[number]), rng, replace))
        file.write_text("\n".join(lines) + "\n")

    return mutate


def in_header(replace: Callable[[Json, np.random.Generator], Json]) -> Mutation:
    """Replace a place in what the state says of itself: clock and notes."""

    def mutate(rng: np.random.Generator, run: Path) -> None:
        file = run / "state/last.safetensors"
        data = file.read_bytes()
        (length,) = struct.unpack("<Q", data[:8])
        header = json.loads(data[8 : 8 + length])
        own = json.loads(header["__metadata__"]["aegean"])
        header["__metadata__"]["aegean"] = json.dumps(change(own, rng, replace))
        text = json.dumps(header).encode()
        file.write_bytes(struct.pack("<Q", len(text)) + text + data[8 + length :])

    return mutate


def in_bytes(rng: np.random.Generator, run: Path) -> None:
    """Flip, cut, add or overwrite bytes of a file."""
    file = run / FILES[int(rng.integers(len(FILES)))]
    data = bytearray(file.read_bytes())
    place, kind = int(rng.integers(min(len(data), 3000))), int(rng.integers(5))
    if kind == 0:
        data[place] ^= 1 << int(rng.integers(8))
    elif kind == 1:
        del data[place:]
    elif kind == 2:
        data += rng.bytes(int(rng.integers(1, 100)))
    elif kind == 3:
        data[place : place + 8] = rng.bytes(8)
    else:
        data = bytearray(b"[" * 100_000)
    file.write_bytes(data)


def in_places(rng: np.random.Generator, run: Path) -> None:
    """Something else in the place of a file or folder: nothing, a folder, a link, a pipe, another file."""
    names = (*FILES, "samples", "tensorboard", "state", "model.safetensors", "error.txt")
    place, kind = run / names[int(rng.integers(len(names)))], int(rng.integers(5))
    aside = run.parent / "aside"
    if place.exists():
        shutil.rmtree(aside, ignore_errors=True)
        aside.unlink(missing_ok=True)
        place.rename(aside)
    if kind == 1:
        place.mkdir(parents=True, exist_ok=True)
    elif kind in (2, 3) and place.parent.exists():
        place.symlink_to(run.parent / "elsewhere" if kind == 2 else run / "config.json")
    elif kind == 4 and place.parent.exists():
        os.mkfifo(place)


MUTATIONS: dict[str, Mutation] = {
    **{f"config.json, {f.__name__}": in_json("config.json", f) for f in (other_value, other_number, other_class, fewer,
                                                                         deeper)},
    **{f"the state, {f.__name__}": in_header(f) for f in (other_value, other_number, fewer)},
    **{f"metrics.jsonl, {f.__name__}": in_json("metrics.jsonl", f) for f in (other_value, fewer)},
    **{f"evaluation.json, {f.__name__}": in_json("evaluation.json", f) for f in (other_value, fewer)},
    "bytes": in_bytes,
    "places": in_places,
}  # fmt: skip

if __name__ == "__main__":
    resource.setrlimit(resource.RLIMIT_AS, (16 << 30, 16 << 30))
    main()
