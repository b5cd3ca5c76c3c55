"""Options that several commands share, and what their values may be."""

from __future__ import annotations

import argparse
import math
from collections.abc import Callable

Parser = argparse.ArgumentParser


def a_run(p: Parser) -> None:
    p.add_argument("run", metavar="RUN", help="a run folder or a model file")


def out(p: Parser, kinds: str) -> None:
    p.add_argument("--out", required=True, help=kinds)


def a_class(p: Parser, text: str) -> None:
    p.add_argument("--class", metavar="NAME", dest="class_name", help=text)


def overwrite(p: Parser) -> None:
    p.add_argument("--overwrite", action="store_true", default=False, help="replace what is there under --out")


def json_answer(p: Parser) -> None:
    p.add_argument("--json", action="store_true", default=False, help="print one JSON object to stdout")


def budget(p: Parser) -> None:
    p.add_argument(
        "--images", metavar="N", help="how many to train on, in all: 50000, 500k, 1.5M (default: the recipe's)"
    )
    p.add_argument("--minutes", type=above_zero, metavar="M", help="turned into images by a short probe")


def device(p: Parser) -> None:
    p.add_argument("--device", help="auto, cuda, mps or cpu (default: auto, the first of these that is there)")


def data(p: Parser) -> None:
    group = p.add_argument_group("data")
    group.add_argument(
        "--data",
        metavar="SPEC",
        help="digits, grid, ring or sprites (built in); a folder or .zip of pictures (sub-folders are classes); a "
        "folder of .tar shards; a folder in the layout of MNIST or CIFAR-10; .npy, .npz (keys x, y) or .csv; "
        "hub:NAME[:SPLIT], a data set of the Hugging Face Hub (pip install 'aegean[data]')",
    )
    group.add_argument("--test", metavar="SPEC", help="a test part (default: the data's own, else a tenth)")
    group.add_argument("--size", type=whole(1), help="scale pictures to this height and width")
    group.add_argument("--channels", type=whole(1), help="1 grey, 3 colour, 4 with transparency")
    group.add_argument("--range", type=number, nargs=2, metavar=("LOW", "HIGH"), help="values that become -1 and 1")
    group.add_argument("--axes", metavar="nchw|nhwc", help="the order of an array's axes, where it is ambiguous")
    group.add_argument("--skip-bad", action="store_true", help="leave unreadable pictures out")


def whole(least: int, most: int = 2**63 - 1) -> Callable[[str], int]:
    """A parser of whole numbers from `least` to `most`."""

    def parse_whole(text: str) -> int:
        try:
            value = int(text)
        except ValueError:
            value = least - 1
        if not least <= value <= most:
            above = f"from {least} to {most}" if most < 2**63 - 1 else f"not below {least}"
            raise argparse.ArgumentTypeError(f"{text[:40]!r}: expected a whole number {above}")
        return value

    return parse_whole


def above_zero(text: str) -> float:
    """A finite number above 0."""
    value = number(text)
    if value <= 0:
        raise argparse.ArgumentTypeError(f"{text[:40]!r}: expected a number above 0")
    return value


def number(text: str) -> float:
    """A finite number."""
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise argparse.ArgumentTypeError(f"{text[:40]!r}: expected a number")
    return value
