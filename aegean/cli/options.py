"""Options that several commands share, and what their values may be."""

from __future__ import annotations

import argparse
import math
from argparse import ArgumentParser as Parser
from argparse import _ArgumentGroup
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from aegean.data import DataOptions


def a_run(p: Parser) -> None:
    p.add_argument("run", metavar="RUN", help="a run folder or a model file")


def out(p: Parser, kinds: str) -> None:
    p.add_argument("--out", required=True, help=kinds)


def a_class(p: Parser, text: str) -> None:
    p.add_argument("--class", metavar="NAME", dest="class_name", help=text)


def overwrite(p: Parser) -> None:
    p.add_argument("--overwrite", action="store_true", default=False, help="replace what is there under --out")


def through(p: Parser, kinds: str) -> None:
    """Inputs through a model."""
    a_run(p)
    p.add_argument("inputs", metavar="INPUT", nargs="+", help="images, folders, arrays, tables, or a built-in set")
    out(p, kinds)
    a_class(p, "the class of every input; a data set with classes brings its own")
    skip_bad(p)
    overwrite(p)


def skip_bad(p: Parser | _ArgumentGroup) -> None:
    p.add_argument("--skip-bad", action="store_true", help="leave unreadable images out")


def json_answer(p: Parser) -> None:
    p.add_argument("--json", action="store_true", default=False, help="print one JSON object to stdout")


def budget(p: Parser) -> None:
    p.add_argument("--images", metavar="N", help="train on so many in all: 50000, 500k, 1.5M (default: the recipe's)")
    p.add_argument(
        "--minutes", type=above_zero, metavar="M", help="train for about so long (a probe tells how many images)"
    )


def device(p: Parser) -> None:
    p.add_argument("--device", help="train on auto, cuda, mps or cpu (default: auto, the first of these that is there)")


def data(p: Parser) -> None:
    group = p.add_argument_group("data")
    group.add_argument(
        "--data",
        metavar="SPEC",
        help="digits, grid, ring or sprites (built in); a folder or .zip of images (sub-folders are classes); a "
        "folder of .tar shards; a folder in the layout of MNIST or CIFAR-10; .npy, .npz (keys x, y) or .csv; "
        "hub:NAME[:SPLIT], a data set of the Hugging Face Hub (pip install 'aegean[data]')",
    )
    group.add_argument("--test", metavar="SPEC", help="the test part (default: the data's own, else a tenth)")
    group.add_argument("--size", type=whole(1), help="scale images to this height and width")
    group.add_argument("--channels", type=whole(1), help="1 grey, 3 colour, 4 with transparency")
    group.add_argument("--range", type=number, nargs=2, metavar=("LOW", "HIGH"), help="values that become -1 and 1")
    group.add_argument("--axes", metavar="nchw|nhwc", help="the order of an array's axes, where it is ambiguous")
    skip_bad(group)


def data_options(given: dict[str, Any]) -> DataOptions:
    """Take what concerns the data out of what was given."""
    from aegean.data import DataOptions

    keys = ("test", "size", "channels", "range", "axes", "skip_bad")
    found = {key: given.pop(key) for key in keys if key in given}
    if "range" in found:
        found["range"] = tuple(found["range"])
    return DataOptions(given.pop("data"), **found)


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
