"""restore: damaged pictures of any size, repaired."""

from __future__ import annotations

import argparse
from collections import Counter
from typing import TYPE_CHECKING

from aegean.cli.options import above_zero, number
from aegean.cli.outputs import FOLDER, target, tell
from aegean.cli.parser import Parser
from aegean.cli.photographs import each, given
from aegean.surface import be, option, plural, say

if TYPE_CHECKING:
    from aegean.data.io.masks import Masks
    from aegean.data.io.photographs import Photograph
    from aegean.model import Model


def options(p: Parser) -> None:
    p.examples(
        "aegean restore runs/denoiser photos/ --out restored/",
        "aegean restore runs/x2 small.png --scale 2 --out large/",
        "aegean restore runs/holes photos/ --mask masks/ --out whole/ --compare",
    )
    given(p)
    p.add_argument("--strength", type=number, default=0.0, metavar="S", help="blend in the sharpened decoder, 0 to 1")
    p.add_argument("--scale", type=above_zero, default=1.0, metavar="K", help="enlarge so many times (default: 1)")
    p.add_argument("--mask", metavar="FILE|FOLDER", help="where holes are: 255; one for all, or one of each name")
    p.add_argument("--compare", action="store_true", default=False, help="also write before and after side by side")


def run(args: argparse.Namespace) -> None:
    path, _ = target(args.out, (FOLDER,), args.overwrite)
    from aegean.cli.models import opened
    from aegean.data.io.masks import Masks
    from aegean.data.io.photographs import side_by_side
    from aegean.model.restoring import check, scales

    model = opened(args.run, "restore")
    check(model, args.mask, args.strength, args.scale)
    if args.scale == 1 and (lost := scales(model)) and lost[0] > 1:
        say(f"sizes stay as they are; this model can enlarge, too: {option('scale', f'{lost[1]:g}')}")
    masks = Masks(args.mask) if args.mask else None
    found = Counter[str]()

    def make(name: str, photo: Photograph) -> dict[str, Photograph]:
        made = restored(model, name, photo, masks, args, found)
        return {"": made, "compare": side_by_side(photo, made)} if args.compare else {"": made}

    count = each(model, args, path, "restoring", make)
    for remark, times in found.items():
        if times:
            say(f"{plural(times, 'image')} {be(times)} {remark}")
    more = ", before and after side by side in compare/" if args.compare else ""
    tell(f"{path}: {plural(count, 'image')} restored{more}")


def restored(
    model: Model,
    name: str,
    photo: Photograph,
    masks: Masks | None,
    args: argparse.Namespace,
    found: Counter[str],
) -> Photograph:
    """A photograph, restored window by window: nothing but its own pixels is held whole. Remarks go into `found`."""
    import numpy as np
    import torch

    from aegean.data.io.photographs import enlarged, normaliser
    from aegean.model.restoring import sweep
    from aegean.model.windows import enlarger, scaled

    values, size = photo.values, scaled(photo.size, args.scale)
    normalise, back = normaliser(model.info, values.dtype)
    made = np.empty((len(values), *size), values.dtype)
    holes = None if masks is None else masks.of(name, photo.size)
    known = None if holes is None else torch.from_numpy(~holes)[None, None]

    def take(rows: slice, columns: slice) -> torch.Tensor:
        return normalise(values[None, :, rows, columns])

    def put(rows: slice, columns: slice, x: torch.Tensor) -> None:
        made[:, rows, columns] = back(x[0])

    sweep(model, size, enlarger(take, photo.size, size), put, known, args.strength, args.tile)
    if holes is not None:
        np.copyto(made, values, where=~holes)
        found["without a hole in their mask: they stay as they are"] += not holes.any()
    found["in colour, and this model restores grey: red, green, blue one by one"] += model.info.shape[0] < len(values)
    alpha = None if photo.alpha is None else enlarged(photo.alpha, size)
    return photo._replace(values=made, alpha=alpha)
