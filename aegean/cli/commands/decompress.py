"""decompress: an .aeg file to images or sounds again."""

from __future__ import annotations

import argparse
import sys

from aegean.cli.options import out, overwrite
from aegean.cli.outputs import FOLDER, target, tell, whole_folder
from aegean.cli.parser import Parser
from aegean.config import UserError
from aegean.surface import plural


def options(p: Parser) -> None:
    p.examples("aegean decompress photos.aeg --model runs/codec --out photos-again/")
    p.add_argument("file", metavar="FILE.aeg", help="a file that `aegean compress` wrote")
    p.add_argument("--model", metavar="RUN", required=True, help="the run folder or model file that compressed it")
    out(p, "folder/")
    overwrite(p)


def run(args: argparse.Namespace) -> None:
    path, _ = target(args.out, (FOLDER,), args.overwrite)
    from tqdm import tqdm

    from aegean.cli.models import opened
    from aegean.cli.packed import read
    from aegean.codec import CodecError, unpack
    from aegean.compression import KINDS
    from aegean.data.io.walk import file_name

    try:
        header, blocks = unpack(read(args.file))
        verb = "compress_lossless" if header.kind == "lossless" else "compress"
        model = opened(args.model, verb)
        kind = KINDS[model.info.kind]
        things = kind.room().decompress(model.coder(header.kind), header, blocks)
        with whole_folder(path) as folder:
            shown = tqdm(
                things, "decompressing", len(header.names), unit=f" {kind.thing}s", leave=False, file=sys.stderr
            )
            names: set[str] = set()
            for number, (name, write) in enumerate(shown):
                write(folder / file_name(name or f"{kind.thing}-{number:06d}", names))
    except CodecError as error:
        raise UserError(f"{args.file} is refused: {error}.") from None
    tell(f"{path}: {plural(len(header.names), kind.thing)}")
