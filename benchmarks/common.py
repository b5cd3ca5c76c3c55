"""What the benchmarks share: random data, budgets of time, timing by turns, a table, the JSON line.

They are scripts, run as `python benchmarks/NAME.py`, so this is imported as `from common import ...`.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import platform
import signal
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, TypeVar

import numpy as np
import torch

from aegean.data.info import DataInfo
from aegean.data.sets.feed import Feed

Step = Callable[[], Any]
Found = dict[str, dict[str, float | None]]  # of each variant, images a second and a ratio
Times = dict[str, list[float] | None]  # of each variant, seconds in every round; None: out of memory
T = TypeVar("T")
FOREVER = 10**12  # images: a budget that no benchmark reaches
BUDGET = 170.0  # seconds that the cases of a benchmark of `make bench` share
SPARE = 65  # seconds more, after which it is interrupted
ENDS = [getattr(signal, name) for name in ("SIGTERM", "SIGALRM") if hasattr(signal, name)]


def arguments(description: str) -> argparse.ArgumentParser:
    """A parser with `--quick`: the least work that still takes every way through the script, for the tests."""
    if not {"OMP_WAIT_POLICY", "GOMP_SPINCOUNT", "KMP_BLOCKTIME"} & os.environ.keys():  # torch came before aegean
        os.execve(
            sys.executable, sys.orig_argv, {"OPENBLAS_THREAD_TIMEOUT": "4", **os.environ, "OMP_WAIT_POLICY": "PASSIVE"}
        )
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--quick", action="store_true", help="seconds instead of minutes; the numbers mean nothing")
    return parser


def training_arguments(description: str, tasks: Iterable[str], default: str) -> argparse.ArgumentParser:
    """A parser for trainings of one of several tasks."""
    parser = arguments(description)
    parser.add_argument("--task", choices=tuple(tasks), default=default)
    parser.add_argument("--data", metavar="FOLDER")
    parser.add_argument("--seconds", type=float, help="of the processor, in one thread (default: the task's)")
    parser.add_argument("--images", type=int, default=0, help="of training, instead of seconds")
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--set", nargs="+", default=[], metavar="NAME=VALUE", dest="settings")
    parser.add_argument("--pictures", metavar="FILE.png")
    return parser


def random_images(shape: tuple[int, ...], count: int, low: float = -1.0) -> tuple[DataInfo, np.ndarray]:
    """Pictures of noise (count, *shape) uint8, and their info: model values in [low, 1]."""
    scale = 255 / (1 - low)
    info = DataInfo("noise", shape, offset=(-low * scale,), scale=(scale,), count=count)
    return info, np.random.default_rng(0).integers(0, 256, (count, *shape), np.uint8)


def feed_of(info: DataInfo, raw: np.ndarray, device: torch.device) -> Feed:
    return Feed(info, raw, None, device, seed=0)


def wait(device: torch.device) -> None:
    """Until the device has done all that was asked of it."""
    if device.type != "cpu":
        torch.accelerator.synchronize(device)


def shared(cases: Mapping[str, T], seconds: float) -> Iterator[tuple[str, T, float]]:
    """Each case with its name and the moment, of `time.monotonic`, at which it should end: an even share of what is
    left of so many seconds. Cases that no time is left for are left out, and stderr names them; with 0 seconds none."""
    end = time.monotonic() + seconds
    for number, (name, case) in enumerate(cases.items()):
        now = time.monotonic()
        if seconds and now >= end:
            note(f"{name}: left out, the {seconds:.0f} s are over")
        else:
            yield name, case, now + max(0.0, end - now) / (len(cases) - number)


def rounds(until: float) -> Iterator[int]:
    """Numbers of rounds from 1: as long as one more, as long as the longest so far, ends by then; at least one."""
    start, longest = time.monotonic(), 0.0
    for number in itertools.count(1):
        yield number
        now = time.monotonic()
        longest, start = max(longest, now - start), now
        if now + longest > until:
            return


def alternate(
    variants: dict[str, Step],
    device: torch.device,
    seconds: float,
    until: float,
    warm: int = 2,
    clock: Callable[[], float] = time.perf_counter,
) -> Iterator[Times]:
    """Seconds that a call of each variant takes, once a round: the variants take turns, so that what else the
    machine does meets all of them alike. Yields what is known after each round, and tells stderr its medians.

    variants: functions without arguments; one that runs out of memory becomes None, and stderr tells so.
    seconds: of a variant's calls in a round, after one untimed call.
    until: the end of the last round, of `time.monotonic`; there is at least one round.
    warm: calls of each variant before the first round.
    clock: what seconds are; `time.process_time` counts those of the processor.
    """
    calls = dict.fromkeys(variants, 0)
    times: Times = {name: [] for name in variants}

    def attempt(name: str, first: bool) -> None:
        step, found = variants[name], times[name]
        if found is None:
            return
        try:
            if first:
                _timed(step, device, warm, clock)
                calls[name] = max(1, round(seconds / _timed(step, device, 1, clock)))
            else:
                _timed(step, device, 1, clock)
                found.append(_timed(step, device, calls[name], clock))
        except torch.OutOfMemoryError:
            note(f"{name}: out of memory")
            times[name] = None
        if device.type == "cuda":
            torch.cuda.empty_cache()

    for name in variants:
        attempt(name, first=True)
    for number in rounds(until):
        for name in variants:
            attempt(name, first=False)
        words = (f"{name} {1000 * np.median(values):.3g}" for name, values in times.items() if values)
        note(f"round {number}, ms: {', '.join(words)}")
        yield times


def _timed(step: Step, device: torch.device, calls: int, clock: Callable[[], float]) -> float:
    """Seconds a call."""
    wait(device)
    start = clock()
    for _ in range(calls):
        step()
    wait(device)
    return (clock() - start) / max(1, calls)


def median(values: Iterable[float] | None) -> float | None:
    return None if values is None else float(np.median(list(values)))


def median_ratio(above: Sequence[float] | None, below: Sequence[float] | None) -> float | None:
    """The median over rounds of above / below; None where one of them is."""
    if above is None or below is None:
        return None
    return median(a / b for a, b in zip(above, below))


def compared(times: Times, images: int) -> Found:
    """Images a second, and the ratio to the first of them, from the seconds that so many images took."""
    first = next(iter(times.values()))
    return {
        name: {"img_s": rounded(images / float(np.median(values))), "ratio": rounded(median_ratio(first, values))}
        for name, values in times.items()
        if values
    }


def rounded(value: float | None, digits: int = 4) -> float | None:
    """To so many significant digits."""
    return None if value is None else float(f"{value:.{digits}g}")


def note(text: str) -> None:
    """A remark for a person, to stderr."""
    print(text, file=sys.stderr, flush=True)


def show(title: str, headings: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """Print a table; None is shown as a dash."""
    cells = [list(headings), *([_cell(value) for value in row] for row in rows)]
    widths = [max(map(len, column)) for column in zip(*cells)]
    print(f"\n{title}")
    for row in cells:
        first, *rest = (cell.ljust(w) if i == 0 else cell.rjust(w) for i, (cell, w) in enumerate(zip(row, widths)))
        print("  ".join((first, *rest)).rstrip(), flush=True)


def line(name: str, *cells: Any) -> None:
    """Print a row of a table that grows while it is measured; its headings are such a row, too."""
    print(f"{name:<28}", *(f"{_cell(cell):>14}" for cell in cells), flush=True)


def _cell(value: Any) -> str:
    if value is None:
        return "-"
    if isinstance(value, float):
        return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"
    return str(value)


@contextmanager
def results(benchmark: str, device: torch.device, budget: float = BUDGET, **about: Any) -> Iterator[dict[str, Any]]:
    """A dictionary that takes what is found; it is printed as the JSON line at the end, also when the benchmark is
    interrupted, terminated, fails or runs for a minute more than the `budget` of seconds, with "complete" false."""
    found, complete = dict(about), False
    old = {number: signal.signal(number, signal.default_int_handler) for number in ENDS}
    if hasattr(signal, "alarm"):
        signal.alarm(round(budget) + SPARE)
    try:
        yield found
        complete = True
    except KeyboardInterrupt:
        raise SystemExit(f"{benchmark} was interrupted or out of time; its line of JSON has what was found") from None
    finally:
        if hasattr(signal, "alarm"):
            signal.alarm(0)
        for number, handler in old.items():
            signal.signal(number, handler)
        finish(benchmark, device, complete=complete, **found)


def finish(benchmark: str, device: torch.device, **found: Any) -> None:
    """Print the JSON line: what was found, and on what."""
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else platform.machine()
    machine = {
        "device": device.type,
        "name": name,
        "cores": os.cpu_count(),
        "threads": torch.get_num_threads(),
        "torch": torch.__version__,
    }
    print(json.dumps({"benchmark": benchmark, "machine": machine, **found}), flush=True)
