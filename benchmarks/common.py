"""What the benchmarks share: random data, timing by turns, a table, the JSON line.

They are scripts, run as `python benchmarks/NAME.py`, so this is imported as `from common import ...`.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np
import torch

from aegean.data.info import DataInfo
from aegean.data.sets.feed import Feed

Step = Callable[[], Any]
Found = dict[str, dict[str, float | None]]  # of each variant, images a second and a ratio
FOREVER = 10**12  # images: a budget that no benchmark reaches


def arguments(description: str) -> argparse.ArgumentParser:
    """A parser with `--quick`: the least work that still takes every way through the script, for the tests."""
    if not {"OMP_WAIT_POLICY", "GOMP_SPINCOUNT", "KMP_BLOCKTIME"} & os.environ.keys():  # torch came before aegean
        os.execve(sys.executable, sys.orig_argv, {**os.environ, "OMP_WAIT_POLICY": "PASSIVE"})
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--quick", action="store_true", help="seconds instead of minutes; the numbers mean nothing")
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


def alternate(
    variants: dict[str, Step], device: torch.device, seconds: float, rounds: int, warm: int = 2
) -> dict[str, list[float] | None]:
    """Seconds that a call of each variant takes, once a round: the variants take turns, so that what else the
    machine does meets all of them alike.

    Each is called `warm` times at first; in a round once untimed, then for about `seconds`. A variant that runs out
    of memory becomes None, and stderr tells so.
    """
    calls = dict.fromkeys(variants, 0)
    times: dict[str, list[float] | None] = {name: [] for name in variants}
    for number in range(rounds + 1):
        for name, step in variants.items():
            found = times[name]
            if found is None:
                continue
            try:
                if number == 0:
                    _timed(step, device, warm)
                    calls[name] = max(1, round(seconds / _timed(step, device, 1)))
                else:
                    _timed(step, device, 1)
                    found.append(_timed(step, device, calls[name]))
            except torch.OutOfMemoryError:
                note(f"{name}: out of memory")
                times[name] = None
            if device.type == "cuda":
                torch.cuda.empty_cache()
    return times


def _timed(step: Step, device: torch.device, calls: int) -> float:
    """Seconds a call."""
    wait(device)
    start = time.perf_counter()
    for _ in range(calls):
        step()
    wait(device)
    return (time.perf_counter() - start) / max(1, calls)


def median(values: Iterable[float] | None) -> float | None:
    return None if values is None else float(np.median(list(values)))


def median_ratio(above: Sequence[float] | None, below: Sequence[float] | None) -> float | None:
    """The median over rounds of above / below; None where one of them is."""
    if above is None or below is None:
        return None
    return median(a / b for a, b in zip(above, below))


def compared(times: dict[str, list[float]], images: int) -> Found:
    """Images a second, and the ratio to the first of them, from the seconds that so many images took."""
    first = next(iter(times.values()))
    return {
        name: {"img_s": rounded(images / float(np.median(values))), "ratio": rounded(median_ratio(first, values))}
        for name, values in times.items()
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


def _cell(value: Any) -> str:
    if value is None:
        return "-"
    if isinstance(value, float):
        return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"
    return str(value)


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
