"""Which exact form of input gradients is faster: the time of a discriminator's turn by forward mode over that by double
backward.

    python benchmarks/gradient_penalty.py [--quick]

A turn is the loss, R1 and R2 with their gradients and the update, for the `gan` recipe's convolutional networks. One
thread; both forms take turns in one process, so that other work on the machine slows them alike; medians. Below 1,
forward mode is faster. The last line is JSON.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time

import numpy as np
import torch

from aegean.data.info import DataInfo
from aegean.data.sets.feed import Feed
from aegean.recipes import configure
from aegean.training.engine import Engine
from aegean.training.trainer import Trainer

BATCH = 16
FORMS = {"double": False, "forward": True}


def trainer(width: int, channels: int, side: int, precision: str, forward_mode: bool) -> Trainer:
    info = DataInfo("noise", (channels, side, side), (127.5,), (127.5,))
    x = np.random.default_rng(0).integers(0, 256, (BATCH, *info.shape), dtype=np.uint8)
    run = configure("gan", info, {"width": width, "batch": BATCH})
    device = torch.device("cpu")
    made = Trainer(run, info, Feed(info, x, None, device, 0), device, Engine(precision, forward_mode=forward_mode))
    made.current.ready(made.images)
    return made


def medians(width: int, channels: int, side: int, precision: str, seconds: float) -> dict[str, float]:
    """Seconds a turn, by form: at least three turns of each after one to warm up, then until `seconds` are over."""
    trainers = {form: trainer(width, channels, side, precision, mode) for form, mode in FORMS.items()}
    times: dict[str, list[float]] = {form: [] for form in FORMS}
    start = time.perf_counter()
    while len(times["forward"]) < 4 or time.perf_counter() - start < seconds:
        for form, made in trainers.items():
            before = time.perf_counter()
            made.current.play(made.current.players[0])
            times[form].append(time.perf_counter() - before)
    return {form: statistics.median(values[1:]) for form, values in times.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="seconds instead of minutes; the numbers mean nothing")
    quick = parser.parse_args().quick
    torch.set_num_threads(1)
    widths, pictures = ((8,), ((1, 8),)) if quick else ((8, 16, 32, 64), ((1, 8), (1, 28), (3, 32)))
    rows = []
    print(f"{'picture':>10} {'width':>6} {'precision':>10} {'double ms':>10} {'forward ms':>11} {'ratio':>6}")
    for channels, side in pictures:
        for width in widths:
            for precision in ("float32", "bfloat16"):
                found = medians(width, channels, side, precision, 0.0 if quick else 5.0)
                ratio = found["forward"] / found["double"]
                double, forward = (1000 * found[form] for form in FORMS)
                picture = f"{channels}x{side}x{side}"
                print(
                    f"{picture:>10} {width:>6} {precision:>10} {double:>10.1f} {forward:>11.1f} {ratio:>6.2f}",
                    flush=True,
                )
                rows.append({"picture": picture, "width": width, "precision": precision, "ratio": round(ratio, 3)})
    print(json.dumps({"torch": torch.__version__, "batch": BATCH, "forward_over_double": rows}))


if __name__ == "__main__":
    main()
