"""translate: pictures of one side, as those of the other."""

from __future__ import annotations

import argparse
from collections import Counter
from typing import TYPE_CHECKING

from aegean.cli.options import number
from aegean.cli.outputs import FOLDER, target, tell
from aegean.cli.parser import Parser
from aegean.cli.photographs import each, given
from aegean.config import UserError
from aegean.surface import be, plural, say

if TYPE_CHECKING:
    from aegean.data.io.photographs import Photograph
    from aegean.model import Model


def options(p: Parser) -> None:
    p.examples(
        "aegean translate runs/colours sketches/ --out coloured/",
        "aegean translate runs/both B/ --back --out as-A/",
    )
    given(p)
    p.add_argument("--back", action="store_true", default=False, help="from the other side to this one (unit)")
    p.add_argument("--strength", type=number, default=1.0, metavar="S", help="of the sharpened decoder (default: 1)")


def run(args: argparse.Namespace) -> None:
    path, _ = target(args.out, (FOLDER,), args.overwrite)
    from aegean.cli.models import opened

    model = opened(args.run, "translate")
    if args.back and not getattr(model.wiring, "back", ""):
        raise UserError("--back: this model goes one way; train unit, or translate on the two sides exchanged.")
    found = Counter[str]()
    count = each(model, args, path, "translating", lambda name, photo: {"": translated(model, photo, args, found)})
    for remark, times in found.items():
        say(f"{plural(times, 'image')} {be(times)} {remark}")
    tell(f"{path}: {plural(count, 'image')} translated")


def translated(model: Model, photo: Photograph, args: argparse.Namespace, found: Counter[str]) -> Photograph:
    """A photograph of the other side, of the same size. Remarks go into `found`."""
    import numpy as np
    import torch

    from aegean.data.io.photographs import normaliser, with_channels
    from aegean.model.translating import translation

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
    if len(values) != len(photo.values):
        found["turned from grey into colour, or the other way, as this model takes them"] += 1
    beside = {name: value for name, value in photo.beside.items() if name != "icc_profile"}
    if len(beside) < len(photo.beside):
        found["of a colour profile, which is left out: it describes the colours of the other side"] += 1
    return photo._replace(values=made, beside=beside)
