"""decompress: an .aeg file to images or sounds again."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Iterable
from pathlib import Path

from aegean.cli.options import out, overwrite
from aegean.cli.outputs import FOLDER, target, tell, whole_folder
from aegean.cli.parser import Parser
from aegean.config import UserError
from aegean.surface import plural


def options(p: Parser) -> None:
    p.examples("aegean decompress photos.aeg --model runs/codec --out photos-again/")
    p.add_argument("file", metavar="FILE.aeg", help="a file that `aegean compress` wrote")
    p.add_argument("--model", metavar="RUN", required=True, help="the run folder or model file that compressed it")
    out(p, "folder/ or sound.wav, of a file with one sound")
    overwrite(p)


def run(args: argparse.Namespace) -> None:
    path, ending = target(args.out, (FOLDER, ".wav"), args.overwrite)
    from aegean.cli.models import opened
    from aegean.cli.packed import read
    from aegean.codec import CodecError, unpack
    from aegean.compression import KINDS

    try:
        header, blocks = unpack(read(args.file))
        verb = "compress_lossless" if header.kind == "lossless" else "compress"
        model = opened(args.model, verb)
        kind = KINDS[model.info.kind]
        held = plural(len(header.names), kind.thing)
        coder = model.coder(header.kind)
        if ending != FOLDER and (kind.ending != ending or len(header.names) > 1):
            raise UserError(f"--out {args.out}: the file holds {held}; give a folder, such as {path.stem}/.")
        things = kind.room().decompress(coder, header, blocks)
        if ending == FOLDER:
            write_all(things, len(header.names), kind.thing, path)
        else:
            write_one(things, path)
    except CodecError as error:
        raise UserError(f"{args.file} is refused: {error}.") from None
    tell(f"{path}: {held}")


def write_all(things: Iterable[tuple[str, Callable[[Path], None]]], count: int, thing: str, path: Path) -> None:
    """Into a folder, which is there when all is written, or not at all."""
    from tqdm import tqdm

    from aegean.data.io.walk import file_name

    with whole_folder(path) as folder:
        names: set[str] = set()
        shown = tqdm(things, "decompressing", count, unit=f" {thing}s", leave=False, file=sys.stderr)
        for number, (name, write) in enumerate(shown):
            write(folder / file_name(name or f"{thing}-{number:06d}", names))


def write_one(things: Iterable[tuple[str, Callable[[Path], None]]], path: Path) -> None:
    """The one thing of a file, whole or not at all."""
    temporary = path.with_name(f".{path.stem}.{os.getpid()}")
    written = temporary.with_name(temporary.name + path.suffix)
    try:
        for _, write in things:
            write(temporary)
        written.replace(path)
    finally:
        written.unlink(missing_ok=True)
