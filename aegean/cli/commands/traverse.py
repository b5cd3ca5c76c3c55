"""traverse: directions in latent space as one labelled picture, or as numbers."""

from __future__ import annotations

import argparse
import json
from typing import TYPE_CHECKING, Any

from aegean.cli.options import a_class, a_run, above_zero, out, overwrite, whole
from aegean.cli.origins import mark, origin
from aegean.cli.outputs import check_picture, files_of, npz, table, target, tell, write
from aegean.cli.parser import Parser
from aegean.config import UserError
from aegean.surface import plural

if TYPE_CHECKING:
    import numpy as np
    from torch import Tensor

    from aegean.data import DataInfo
    from aegean.model import Model
    from aegean.model.directions import Directions

SHARES = {
    "components": "share: of the latents' variance",
    "weights": "share: of the first layer's squared weights",
    "axes": "share: of the bits that a sample's latent takes; where they are not stated, of its variance",
}


def options(p: Parser) -> None:
    p.examples(
        "aegean traverse runs/vae --out grid.png",
        "aegean traverse runs/tc_vae --way axes --from picture.png --out directions.npz",
    )
    a_run(p)
    out(p, "grid.png, of texts lines.txt, or numbers: directions.npz or .json")
    p.add_argument(
        "--way",
        metavar="WAY",
        default="",
        help="components of the latents, weights of the decoder's first layer, or axes, the latent's own dimensions "
        "(default: components, or weights where all directions of the latents are equal)",
    )
    p.add_argument("--count", type=whole(1), default=8, help="show so many directions at most (default: 8)")
    p.add_argument("--steps", type=whole(3), default=7, help="images of each, an odd number (default: 7)")
    p.add_argument(
        "--span", type=above_zero, default=2.0, metavar="S", help="standard deviations to each side (default: 2)"
    )
    start = p.add_mutually_exclusive_group()
    start.add_argument("--from", metavar="INPUT", dest="start", help="begin at the latent of this file, or text")
    start.add_argument(
        "--seed", type=whole(0), help="begin at this seed's first sample (default: at the mean of all latents)"
    )
    p.add_argument("--to", metavar="INPUT", help="with --from: go to this one, instead of along directions")
    a_class(p, "of what is shown; for models trained with --set conditional=true")
    mark(p)
    overwrite(p)


def run(args: argparse.Namespace) -> None:
    texts = ".txt" in files_of(args.run)
    path, kind = target(args.out, (".txt" if texts else ".png", ".npz", ".json"), args.overwrite)
    if args.to is not None and args.start is None:
        raise UserError("--to needs --from: the input that the way begins at.")
    if args.steps % 2 == 0:
        raise UserError(f"--steps {args.steps}: expected an odd number, so that the start is in the middle.")
    from aegean.cli.models import opened
    from aegean.cli.walks import lines_of

    model = opened(args.run, "decode")
    check(args, kind, model)
    if args.to is not None:
        write(path, straight(args, kind, model), origin(args, model))
        tell(f"{path}: {args.steps} steps from one to the other")
        return
    way, found, first, z, raw = walked(args, model)
    lines = lines_of(found, model)
    if kind == ".png":
        write(path, grid(args, model.info, lines, raw), origin(args, model, args.seed))
    elif kind == ".txt":
        write(path, ladders(args, model, lines, raw), origin(args, model, args.seed))
    else:
        values = numbers(args, kind, model, {"way": way, **arrays(found)}, first, z, raw)
        write(path, values, origin(args, model, args.seed))
    head = ("direction", "share", "deviation", *(("level",) if model.depth > 1 else ()))
    tell(
        f"{path}: {plural(len(lines), 'direction')} ({way}), {args.steps} steps from {-args.span:g} to +{args.span:g} "
        f"standard deviations\n{table(head, lines)}\n{SHARES[way]}"
    )


def check(args: argparse.Namespace, kind: str, model: Model) -> None:
    """UserError: no such way, no picture of such samples, or too many of them."""
    from aegean.cli.models import check_size
    from aegean.data.kinds import kind_of
    from aegean.model.directions import check_way

    check_way(model, args.way)
    count = min(args.count, model.latent) * args.steps
    if kind == ".png" and not kind_of(model.info).tiles:
        kinds = kind_of(model.info).samples
        raise UserError(f"--out {args.out}: this model makes {kinds}; expected .npz or .json for its directions.")
    check_size(count, model.info)
    if kind == ".png":
        check_picture(count, model.info, "a .npz")


def walked(args: argparse.Namespace, model: Model) -> tuple[str, Directions, Tensor, Tensor, np.ndarray]:
    """The way, the directions, the latent that they pass through, the latents along them (k, steps, latent), and what
    is decoded of these (k, steps, *shape)."""
    import torch

    from aegean.cli.models import class_index, need_labels
    from aegean.cli.walks import decoded, samples, start
    from aegean.model.directions import chosen_way, directions, walk

    label = None if args.class_name is None else torch.tensor([class_index(model, args.class_name)])
    need_labels(model, label, "Directions are shown for one class")
    given = start(args, model, label)
    x, labels = samples(args.run, model)
    way = chosen_way(model, args.way, x)
    found = directions(model, way, x, labels, args.count)
    first = found.centre if given is None else given
    z = walk(found, first, args.steps, args.span)
    return way, found, first, z, decoded(model, z, label, args.span)


def straight(args: argparse.Namespace, kind: str, model: Model) -> bytes | str:
    """What lies between two inputs."""
    import torch

    from aegean.cli.models import class_index
    from aegean.cli.walks import decoded, end_of
    from aegean.data.io.texts import plain_lines
    from aegean.data.kinds import show
    from aegean.model.ways import between

    label = None if args.class_name is None else torch.tensor([class_index(model, args.class_name)])
    first, last = (end_of(args, given, model, label) for given in (args.start, args.to))
    z = between(model, first, last, args.steps)
    raw = decoded(model, z[None], label, args.span)[0]
    if kind == ".png":
        return show({"": raw}, model.info, args.steps)
    if kind == ".txt":
        return plain_lines(raw, model.info)
    kept = {"z": z.numpy(), "x": raw}
    return npz(**kept) if kind == ".npz" else json.dumps({"z": z.tolist(), **written(model, raw)}, indent=1)


def ladders(args: argparse.Namespace, model: Model, lines: list[tuple[str, ...]], raw: np.ndarray) -> str:
    """A paragraph for each direction, a line for each step."""
    from aegean.data.io.texts import plain_lines

    found = []
    for line, walk in zip(lines, raw):
        texts = plain_lines(walk, model.info).split("\n")
        rows = [f"{step:+.2g}\t{text}" for step, text in zip(steps(args), texts)]
        found.append("\n".join([f"direction {line[0]}, {line[1]}", *rows]))
    return "\n\n".join(found) + "\n"


def written(model: Model, raw: np.ndarray) -> dict[str, Any]:
    """Samples as JSON holds them: rows as numbers, texts as texts, pictures not at all."""
    from aegean.data.kinds import kind_of

    if model.info.vocabulary:
        return {"texts": model.texts(model.info.normalise(raw.reshape(-1, *model.info.shape)))}
    return {} if kind_of(model.info).tiles else {"x": raw.tolist()}


def steps(args: argparse.Namespace) -> np.ndarray:
    import numpy as np

    return np.linspace(-args.span, args.span, args.steps)


def grid(args: argparse.Namespace, info: DataInfo, lines: list[tuple[str, ...]], raw: np.ndarray) -> bytes:
    """A PNG: a row for each direction, a column for each step."""
    from aegean.data.io.show import labelled
    from aegean.data.kinds import kind_of

    rows = [" ".join(line[i] for i in (0, 1, 3) if i < len(line)) for line in lines]
    columns = ["start" if step == 0 else f"{step:+.2g}" for step in steps(args)]
    tiles = kind_of(info).tiles
    assert tiles
    return labelled(tiles(raw.reshape(-1, *info.shape), info), rows, columns)


def arrays(found: Directions) -> dict[str, Any]:
    return {name: value.numpy() for name, value in found._asdict().items()}


def numbers(
    args: argparse.Namespace,
    kind: str,
    model: Model,
    found: dict[str, Any],
    first: Tensor,
    z: Tensor,
    raw: np.ndarray,
) -> bytes | str:
    """The directions and the walk along them, as a .npz or as JSON; pictures do not go into JSON, rows do."""
    import numpy as np

    from aegean.model.directions import levels_of

    walk = {"start": first.numpy(), "steps": steps(args), "z": z.numpy(), "x": raw}
    kept = {**found, "level": np.array(levels_of(model)), **walk}
    if kind == ".npz":
        return npz(**kept)
    del kept["x"]
    plain = {key: value.tolist() if isinstance(value, np.ndarray) else value for key, value in kept.items()}
    plain |= written(model, raw)
    return json.dumps(plain, indent=1)
