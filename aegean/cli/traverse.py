"""traverse: directions in latent space as one labelled picture, or as numbers."""

from __future__ import annotations

import argparse
import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from aegean.cli.outputs import check_picture, npz, table, target, write
from aegean.cli.verbs import check_size, class_index, need_labels, need_verb, opened
from aegean.config import UserError
from aegean.data import read_inputs
from aegean.data.io.show import as_pictures, labelled
from aegean.model import Model
from aegean.model.directions import Directions, check_way, chosen_way, directions, levels_of, prior_latents, walk
from aegean.session.runs import home as home_of
from aegean.session.runs import own_data
from aegean.surface import say

LOOKED_AT = 10_000  # training samples whose latents are looked at, at most,
NUMBERS = 1 << 27  # and so many values in all


def traverse(args: argparse.Namespace) -> None:
    path, kind = target(args.out, (".png", ".npz", ".json"), args.overwrite)
    if args.steps % 2 == 0:
        raise UserError(f"--steps {args.steps}: expected an odd number, so that the start is in the middle.")
    model = opened(args.run, "decode")
    check_way(model, args.way)
    info = model.info
    if kind == ".png" and not info.is_image:
        raise UserError(f"--out {args.out}: this model makes rows; expected .npz or .json for its directions.")
    check_size(min(args.count, model.latent) * args.steps, info)
    if kind == ".png":
        check_picture(min(args.count, model.latent) * args.steps, info, "a .npz")
    label = None if args.class_name is None else torch.tensor([class_index(model, args.class_name)])
    need_labels(model, label, "Directions are shown for one class")
    given = start(args, model, label)
    x, labels = samples(args.run, model)
    way = chosen_way(model, args.way, x)
    found = directions(model, way, x, labels, args.count)
    first = found.centre if given is None else given
    z = walk(found, first, args.steps, args.span)
    lines, raw = told(found, model), decoded(model, z, label, args.span)
    steps = np.linspace(-args.span, args.span, args.steps)
    if kind == ".png":
        rows = [" ".join(line[i] for i in (0, 1, 3) if i < len(line)) for line in lines]
        columns = ["start" if step == 0 else f"{step:+.2g}" for step in steps]
        write(path, labelled(as_pictures(raw.reshape(-1, *info.shape), info), rows, columns))
    else:
        arrays = {name: value.numpy() for name, value in found._asdict().items()}
        level, passed = np.array(levels_of(model)), {"start": first.numpy(), "steps": steps, "z": z.numpy(), "x": raw}
        numbers = {"way": way, **arrays, "level": level, **passed}
        write(path, npz(**numbers) if kind == ".npz" else as_json(numbers, info.is_image))
    head = ("direction", "share", "deviation", *(("level",) if model.depth > 1 else ()))
    print(f"{path}: {len(lines)} directions ({way}), {args.steps} steps from {-args.span:g} to +{args.span:g} "
          f"standard deviations\n{table(head, lines)}\n{SHARES[way]}")  # fmt: skip


SHARES = {
    "components": "share: of the latents' variance",
    "weights": "share: of the first layer's squared weights",
    "axes": "share: of the bits that a sample's latent takes; where they are not stated, of its variance",
}


def samples(run: str, model: Model) -> tuple[Tensor | None, Tensor | None]:
    """Training samples of a run (n, *shape) in the model's range, with their labels; none where the model cannot encode
    or lies in no run folder."""
    path = Path(run)
    home = path.parent if path.is_file() else path
    if "encode" not in model.can() or not (home / "config.json").exists():
        return None, None
    try:
        dataset = own_data(home, home_of(home).read())
    except UserError as error:
        if "sample" not in model.can():
            raise
        say(f"{str(error).rstrip('.')}; draws of the prior are looked at instead")
        return None, None
    count = max(2, min(LOOKED_AT, NUMBERS // math.prod(model.info.shape)))
    chosen = np.sort(np.random.default_rng(0).permutation(len(dataset.train))[:count])
    labels = None if dataset.train_labels is None else torch.as_tensor(np.asarray(dataset.train_labels)[chosen])
    return model.info.normalise(np.asarray(dataset.train[chosen])), labels if model.conditional else None


def start(args: argparse.Namespace, model: Model, label: Tensor | None) -> Tensor | None:
    """The latent (latent,) that all directions shall pass through, where one is asked for."""
    if args.start is not None:
        need_verb(model, args.run, "encode")
        _, raw = read_inputs([args.start], model.info)
        if len(raw) != 1:
            raise UserError(f"--from {args.start} holds {len(raw)} samples; expected one picture or row.")
        return model.encode(model.info.normalise(raw), label)[0].float().cpu()
    if args.seed is not None:
        need_verb(model, args.run, "sample")
        return prior_latents(model, args.seed, 1, label).z[0]
    return None


def decoded(model: Model, z: Tensor, label: Tensor | None, span: float) -> np.ndarray:
    """Latents (k, steps, latent) -> raw samples (k, steps, *shape)."""
    labels = None if label is None else label.expand(z.shape[0] * z.shape[1])
    x = model.decode(z.flatten(0, 1), labels)
    if not x.isfinite().all():
        raise UserError(
            f"--span {span:g}: so far out this model makes numbers that are not finite; give a smaller one."
        )
    return model.info.restore(x).reshape(*z.shape[:2], *model.info.shape)


def told(found: Directions, model: Model) -> list[tuple[str, ...]]:
    """A line for each direction: its number, share, standard deviation, and of a hierarchy its level."""
    levels = np.array(levels_of(model))
    lines = []
    for i, (vector, scale, share) in enumerate(zip(*(v.numpy() for v in found[:2]), found.share.numpy())):
        parts = {level: float((vector[levels == level] ** 2).sum()) for level in sorted(set(levels), reverse=True)}
        where = ", ".join(
            f"{level}" if part > 0.995 else f"{level}: {part:.0%}" for level, part in parts.items() if part > 0.005
        )
        lines.append((f"{i + 1}", f"{share:.1%}", f"{scale:.3g}", *((f"level {where}",) if model.depth > 1 else ())))
    return lines


def as_json(numbers: dict[str, Any], pictures: bool) -> str:
    """Numbers as JSON text; pictures are left out, rows are not."""
    kept = {key: value for key, value in numbers.items() if not (pictures and key == "x")}
    plain = {key: value.tolist() if isinstance(value, np.ndarray) else value for key, value in kept.items()}
    return json.dumps(plain, indent=1)
