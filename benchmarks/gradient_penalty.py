"""Which exact form of input gradients is faster: the time of a discriminator's turn by forward mode over that by double
backward.

    python benchmarks/gradient_penalty.py [--quick]

A turn is the loss, R1 and R2 with their gradients and the update, for the `gan` recipe's convolutional networks. One
thread; both forms take turns in one process, so that other work on the machine slows them alike; medians. Below 1,
forward mode is faster. The last line is JSON.
"""

from __future__ import annotations

import argparse
import itertools

import torch
from common import (
    BUDGET,
    Step,
    alternate,
    arguments,
    feed_of,
    line,
    median,
    median_ratio,
    random_images,
    results,
    rounded,
    shared,
)

from aegean.recipes import configure
from aegean.training.engine import Engine
from aegean.training.trainer import Trainer

CPU = torch.device("cpu")
BATCH = 16
FORMS = {"double": False, "forward": True}


def turn_of(width: int, channels: int, side: int, precision: str, forward_mode: bool) -> Step:
    """A discriminator's turn."""
    info, raw = random_images((channels, side, side), BATCH)
    run = configure("gan", info, {"width": width, "batch": BATCH})
    made = Trainer(run, info, feed_of(info, raw, CPU), CPU, Engine(precision, forward_mode=forward_mode))
    made.current.ready(made.images)
    return lambda: made.current.play(made.current.players[0])


def main() -> None:
    parser = arguments(__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    quick = parser.parse_args().quick
    torch.set_num_threads(1)
    widths, pictures = ((8,), ((1, 8),)) if quick else ((8, 16, 32, 64), ((1, 8), (1, 28), (3, 32)))
    cases = {
        f"{channels}x{side}x{side}, width {width}, {precision}": (width, channels, side, precision)
        for (channels, side), width, precision in itertools.product(pictures, widths, ("float32", "bfloat16"))
    }
    with results("gradient_penalty", CPU, batch=BATCH, forward_over_double={}) as found:
        line("", "double ms", "forward ms", "ratio")
        for name, case, until in shared(cases, 0.0 if quick else BUDGET):
            turns = {form: turn_of(*case, forward_mode) for form, forward_mode in FORMS.items()}
            *_, times = alternate(turns, CPU, 0.0, until, warm=0)
            ratio = median_ratio(times["forward"], times["double"])
            line(name, *(1000 * (median(times[form]) or 0.0) for form in FORMS), ratio)
            found["forward_over_double"][name] = rounded(ratio)


if __name__ == "__main__":
    main()
