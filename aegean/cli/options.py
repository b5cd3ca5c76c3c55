"""Options that several commands share, and what their values may be."""

from __future__ import annotations

import argparse
import dataclasses
import math
import typing
from argparse import ArgumentParser as Parser
from argparse import _ArgumentGroup
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from aegean.config import documentation
from aegean.session.options import TrainingOptions

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


def json_answer(p: Parser) -> None:
    p.add_argument("--json", action="store_true", default=False, help="print one JSON object to stdout")


FLAGS = {"spec": "--data", "source": "--from"}  # of parameters that are called otherwise here
METAVARS: dict[str, Any] = {"spec": "SPEC", "test": "SPEC", "images": "N", "range": ("LOW", "HIGH")}


def library_options(p: Parser | _ArgumentGroup, options: type, *names: str) -> None:
    """Options of the library on the command line: their help is that of the class, which checks their values, too."""
    _, helps = documentation(options)
    for name in names:
        kind = typing.get_type_hints(options)[name]
        flag = FLAGS.get(name, f"--{name.replace('_', '-')}")
        if kind is bool:
            p.add_argument(flag, action="store_true", help=helps[name])
            continue
        parse = {
            int: whole(0),
            int | None: whole(0),
            float: number,
            float | None: number,
            tuple[float, float] | None: number,
        }
        many: dict[str, Any] = {"nargs": 2} if name == "range" else {}
        dest = "data" if name == "spec" else name
        p.add_argument(flag, dest=dest, type=parse.get(kind, str), metavar=METAVARS.get(name), help=helps[name], **many)


def training(p: Parser, *names: str) -> None:
    library_options(p, TrainingOptions, *names)


def skip_bad(p: Parser) -> None:
    from aegean.data import DataOptions

    library_options(p, DataOptions, "skip_bad")


def data(p: Parser) -> None:
    from aegean.data import DataOptions

    names = [field.name for field in dataclasses.fields(DataOptions)]
    library_options(p.add_argument_group("data"), DataOptions, *names)


def data_options(given: dict[str, Any]) -> DataOptions:
    """Take what concerns the data out of what was given."""
    from aegean.data import DataOptions

    names = {field.name for field in dataclasses.fields(DataOptions)} & given.keys()
    found = {name: given.pop(name) for name in names}
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
