"""translate: pictures of one side, as those of the other."""

from __future__ import annotations

import argparse
import sys
from functools import partial
from typing import TYPE_CHECKING, Any

from aegean.cli.options import a_run, number, out, overwrite, skip_bad, whole
from aegean.cli.outputs import FOLDER, target, tell, whole_folder
from aegean.cli.parser import Parser
from aegean.config import UserError
from aegean.surface import plural, say

if TYPE_CHECKING:
    from aegean.model import Model


def options(p: Parser) -> None:
    p.examples("aegean translate runs/colours sketches/ --out coloured/")
    a_run(p)
    p.add_argument("inputs", metavar="INPUT", nargs="+", help="images of any size, folders or zips of them, arrays")
    out(p, "folder/")
    p.add_argument("--back", action="store_true", default=False, help="from the other side to this one (unit)")
    p.add_argument("--strength", type=number, default=1.0, metavar="S", help="of the sharpened decoder (default: 1)")
    p.add_argument("--tile", type=whole(8), default=0, metavar="N", help="work in windows of N pixels (default: 512)")
    skip_bad(p)
    overwrite(p)


def run(args: argparse.Namespace) -> None:
    path, _ = target(args.out, (FOLDER,), args.overwrite)
    from tqdm import tqdm

    from aegean.cli.models import opened
    from aegean.data.io.photographs import photographs, write_photograph

    model = opened(args.run, "translate")
    if args.back and not getattr(model.wiring, "back", ""):
        raise UserError("--back: this model goes one way; train unit, or translate on the two sides exchanged.")
    model.progress = partial(tqdm, desc="tiles", unit="tile", leave=False, delay=0.5, file=sys.stderr)
    count, converted = 0, 0
    bar = tqdm(desc="translating", unit="image", leave=False, delay=0.5, file=sys.stderr, position=1)
    with whole_folder(path) as folder, bar:
        for name, photo in photographs(args.inputs, args.skip_bad, partial(setattr, bar, "total")):
            made, changed = translated(model, photo, args)
            write_photograph(made, folder / name)
            count += 1
            converted += changed
            bar.update()
    if converted:
        say(f"{plural(converted, 'image')} turned from grey into colour, or the other way, as this model takes them")
    tell(f"{path}: {plural(count, 'image')} translated")


def translated(model: Model, photo: Any, args: argparse.Namespace) -> tuple[Any, bool]:
    """A photograph of the other side, of the same size, and whether its colours had to be converted first."""
    import numpy as np
    import torch

    from aegean.data.io.photographs import normaliser, with_channels
    from aegean.model.restoring import translation

    assert model.info.target
    ours, theirs = (model.info.target, model.info) if args.back else (model.info, model.info.target)
    values = with_channels(photo.values, ours.shape[0])
    normalise, _ = normaliser(ours, values.dtype)
    _, back = normaliser(theirs, values.dtype)
    made = np.empty((theirs.shape[0], *photo.size), values.dtype)

    def take(rows: slice, columns: slice) -> torch.Tensor:
        return normalise(values[None, :, rows, columns])

    def put(rows: slice, columns: slice, x: torch.Tensor) -> None:
        made[:, rows, columns] = back(x[0])

    translation(model, photo.size, take, put, args.back, args.strength, args.tile)
    return photo._replace(values=made, beside={}), len(values) != len(photo.values)
