"""levels: what the upper levels of a hierarchy alone say of inputs: one, two, and so on."""

from __future__ import annotations

import argparse

from aegean.cli.options import through
from aegean.cli.origins import mark, origin
from aegean.cli.outputs import check_picture, target, tell, write
from aegean.cli.parser import Parser
from aegean.config import UserError
from aegean.surface import plural

SHOWN = 16  # inputs, the first ones


def options(p: Parser) -> None:
    p.examples("aegean levels runs/ladder digits --out l.png")
    through(p, "grid.png")
    mark(p)


def run(args: argparse.Namespace) -> None:
    path, _ = target(args.out, (".png",), args.overwrite)
    from aegean.cli.models import inputs, opened
    from aegean.data.kinds import show

    model = opened(args.run, "levels")
    if model.depth == 1 or "reconstruct" not in model.can():
        raise UserError(
            f"{args.run} is flat: it has latents on one level, so there is nothing to add up; train hierarchical_vae "
            "or stacked_gan."
        )
    _, raw, labels = inputs(args, model)
    raw, labels = raw[:SHOWN], None if labels is None else labels[:SHOWN]
    x = model.info.normalise(raw)
    parts = {"given": raw}
    for top in range(1, model.depth + 1):
        name = f"levels from {model.depth - top}" if top < model.depth else "all levels"
        parts[name] = model.info.restore(model.reconstruct(x, labels, top=top))
    check_picture(sum(map(len, parts.values())), model.info, "smaller images")
    write(path, show(parts, model.info, SHOWN), origin(args, model, given=True))
    rows = ", ".join(list(parts)[1:])
    tell(f"{path}: {plural(len(raw), 'input')}, below them the reconstruction from {rows}")
