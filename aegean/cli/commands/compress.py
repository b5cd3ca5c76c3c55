"""compress: pictures of any size into one small file."""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from collections.abc import Iterator
from functools import partial
from typing import Any

from aegean.cli.options import a_run, out, overwrite, skip_bad, whole
from aegean.cli.outputs import target, tell, write
from aegean.cli.parser import Parser
from aegean.config import UserError
from aegean.surface import plural


def options(p: Parser) -> None:
    p.examples("aegean compress runs/codec photos/ --out photos.aeg")
    a_run(p)
    p.add_argument("inputs", metavar="INPUT", nargs="+", help="images, folders or zips of them, arrays of images")
    out(p, "file.aeg")
    p.add_argument("--lossless", action="store_true", default=False, help="get exactly the same pixels back")
    p.add_argument(
        "--stages", type=whole(1, 255), default=0, metavar="N", help="write only so many stages of a residual quantiser"
    )
    skip_bad(p)
    overwrite(p)


def run(args: argparse.Namespace) -> None:
    path, _ = target(args.out, (".aeg",), args.overwrite)
    kind = "lossless" if args.lossless else "lossy"
    if args.lossless and args.stages:
        raise UserError("--stages is a coarser image, and --lossless none at all: leave one of them out.")
    from aegean.cli.models import opened
    from aegean.compression import compress

    model = opened(args.run, "compress_lossless" if args.lossless else "compress")
    raw = Counter[str]()
    data = compress(model.coder(kind, args.stages), counted(args, model.info, raw))
    write(path, data)
    share = 100 * len(data) / raw["bytes"]
    images = plural(raw["pictures"], "image")
    tell(f"{path}: {images}, {len(data):,} bytes, {share:.1f} % of {raw['bytes']:,} ({kind})")


def counted(args: argparse.Namespace, info: Any, raw: Counter[str]) -> Iterator[tuple[str, Any]]:
    """The pictures of the inputs, (name, values); how many, and of how many bytes, is added up in `raw`."""
    from tqdm import tqdm

    from aegean.data.io.natural import natural_pictures

    with tqdm(desc="compressing", unit=" images", leave=False, delay=0.5, file=sys.stderr) as bar:
        expect = partial(setattr, bar, "total")
        for name, values in natural_pictures(args.inputs, info, args.lossless, args.skip_bad, expect):
            raw.update(pictures=1, bytes=values.nbytes)
            yield name, values
            bar.update()
