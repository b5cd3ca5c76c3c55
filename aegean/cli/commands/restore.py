"""restore: damaged pictures of any size, repaired."""

from __future__ import annotations

import argparse
import sys
from functools import partial
from typing import TYPE_CHECKING, Any

from aegean.cli.options import a_run, above_zero, number, out, overwrite, skip_bad, whole
from aegean.cli.outputs import FOLDER, target, tell, whole_folder
from aegean.cli.parser import Parser
from aegean.surface import plural, say

if TYPE_CHECKING:
    from aegean.data.io.photographs import Masks
    from aegean.model import Model


def options(p: Parser) -> None:
    p.examples(
        "aegean restore runs/denoiser photos/ --out restored/",
        "aegean restore runs/x2 small.png --scale 2 --out large/",
        "aegean restore runs/holes photos/ --mask masks/ --out whole/ --compare",
    )
    a_run(p)
    p.add_argument("inputs", metavar="INPUT", nargs="+", help="images of any size, folders or zips of them, arrays")
    out(p, "folder/")
    p.add_argument("--strength", type=number, default=0.0, metavar="S", help="blend in the sharpened decoder, 0 to 1")
    p.add_argument("--scale", type=above_zero, default=1.0, metavar="K", help="enlarge so many times (default: 1)")
    p.add_argument("--mask", metavar="FILE|FOLDER", help="where holes are: 255; one for all, or one of each name")
    p.add_argument("--tile", type=whole(8), default=0, metavar="N", help="work in windows of N pixels (default: 512)")
    p.add_argument("--compare", action="store_true", default=False, help="also write before and after side by side")
    skip_bad(p)
    overwrite(p)


def run(args: argparse.Namespace) -> None:
    path, _ = target(args.out, (FOLDER,), args.overwrite)
    from tqdm import tqdm

    from aegean.cli.models import opened
    from aegean.data.io.photographs import Masks, photographs, side_by_side, write_photograph
    from aegean.model.restoring import check

    model = opened(args.run, "restore")
    model.progress = partial(tqdm, desc="tiles", unit="tile", leave=False, delay=0.5, file=sys.stderr)
    check(model, args.mask, args.strength, args.scale)
    masks = Masks(args.mask) if args.mask else None
    count, greys = 0, 0
    bar = tqdm(desc="restoring", unit="image", leave=False, delay=0.5, file=sys.stderr, position=1)
    with whole_folder(path) as folder, bar:
        for name, photo in photographs(args.inputs, args.skip_bad, partial(setattr, bar, "total")):
            made = restored(model, name, photo, masks, args)
            write_photograph(made, folder / name)
            if args.compare:
                write_photograph(side_by_side(photo, made), folder / "compare" / name)
            count += 1
            greys += model.info.shape[0] == 1 < len(photo.values)
            bar.update()
    if greys:
        say(f"{plural(greys, 'image')} in colour, and this model restores grey ones: red, green and blue one by one")
    more = ", before and after side by side in compare/" if args.compare else ""
    tell(f"{path}: {plural(count, 'image')} restored{more}")


def restored(model: Model, name: str, photo: Any, masks: Masks | None, args: argparse.Namespace) -> Any:
    """A photograph, restored window by window: nothing but its own pixels is held whole."""
    import numpy as np
    import torch

    from aegean.data.io.photographs import enlarged, normaliser
    from aegean.model.restoring import enlarger, scaled, sweep

    values, size = photo.values, scaled(photo.size, args.scale)
    normalise, back = normaliser(model.info, values.dtype)
    made = np.empty((len(values), *size), values.dtype)
    holes = None if masks is None else masks.of(name, photo.size)
    known = None if holes is None else torch.from_numpy(~holes)[None, None].float()

    def take(rows: slice, columns: slice) -> torch.Tensor:
        return normalise(values[None, :, rows, columns])

    def put(rows: slice, columns: slice, x: torch.Tensor) -> None:
        made[:, rows, columns] = back(x[0])

    sweep(model, size, enlarger(take, photo.size, size), put, known, args.strength, args.tile)
    if holes is not None:
        made = np.where(holes, made, values)
    alpha = None if photo.alpha is None else enlarged(photo.alpha, size)
    return photo._replace(values=made, alpha=alpha)
