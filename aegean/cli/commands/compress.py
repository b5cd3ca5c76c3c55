"""compress: images of any size, or sounds of any length, into one small file."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from functools import partial
from typing import Any

from aegean.cli.options import a_run, number, out, overwrite, skip_bad, whole
from aegean.cli.outputs import target, tell, write
from aegean.cli.parser import Parser
from aegean.config import UserError
from aegean.surface import plural


def options(p: Parser) -> None:
    p.examples("aegean compress runs/codec photos/ --out photos.aeg")
    a_run(p)
    p.add_argument(
        "inputs", metavar="INPUT", nargs="+", help="images or sounds, folders or zips of them, arrays of images"
    )
    out(p, "file.aeg")
    p.add_argument("--lossless", action="store_true", default=False, help="get exactly the same pixels back")
    p.add_argument(
        "--stages", type=whole(1, 255), default=0, metavar="N", help="write only so many stages of a residual quantiser"
    )
    p.add_argument(
        "--quality", type=number, default=1.0, metavar="Q",
        help="of sounds, up to 1: at 0.5 they are rounded twice as coarsely, in a smaller file (default: 1)",
    )  # fmt: skip
    skip_bad(p)
    overwrite(p)


def run(args: argparse.Namespace) -> None:
    path, _ = target(args.out, (".aeg",), args.overwrite)
    if args.lossless and (args.stages or args.quality != 1):
        coarser = "--stages" if args.stages else "--quality"
        raise UserError(f"{coarser} makes files coarser, and --lossless exact: leave one of them out.")
    from aegean.cli.models import opened
    from aegean.compression import KINDS

    model = opened(args.run, "compress_lossless" if args.lossless else "compress")
    kind = KINDS[model.info.kind]
    things: list[Any] = []
    coder = model.coder("lossless" if args.lossless else kind.files[0], args.stages, args.quality)
    data = kind.room().compress(coder, followed(args, model.info, kind, things))
    write(path, data)
    tell(f"{path}: {plural(len(things), kind.thing)}, {kind.room().told(things, len(data))} ({coder.kind})")


def followed(args: argparse.Namespace, info: Any, kind: Any, things: list[Any]) -> Iterator[tuple[str, Any]]:
    """What the inputs hold, (name, thing), with a bar; the size of each is noted in `things`."""
    from tqdm import tqdm

    room = kind.room()
    with tqdm(desc="compressing", unit=f" {kind.thing}s", leave=False, delay=0.5, file=sys.stderr) as bar:
        for name, thing in room.read(args.inputs, info, args.lossless, args.skip_bad, partial(setattr, bar, "total")):
            yield name, thing
            things.append(room.size(thing))
            bar.update()
