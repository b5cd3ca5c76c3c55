"""Directions of a model's latents: what they are found in, where a walk begins, what it shows."""

from __future__ import annotations

import argparse
import math
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from aegean.cli.models import need_verb
from aegean.config import UserError
from aegean.data import read_inputs
from aegean.data.kinds import kind_of
from aegean.model import Model
from aegean.model.directions import Directions, levels_of, prior_latents
from aegean.session.runs import home as home_of
from aegean.session.runs import own_data
from aegean.surface import say

LOOKED_AT = 10_000  # training samples whose latents are looked at, at most,
NUMBERS = 1 << 27  # and so many values in all


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
        return end_of(args, args.start, model, label)
    if args.seed is not None:
        need_verb(model, args.run, "sample")
        return prior_latents(model, args.seed, 1, label).z[0]
    return None


def end_of(args: argparse.Namespace, given: str, model: Model, label: Tensor | None) -> Tensor:
    """The latent (latent,) of an input with one sample; for a model of texts it may be the text itself."""
    need_verb(model, args.run, "encode")
    if model.info.vocabulary and not Path(given).exists():
        return model.encode(model.tokens([given]), label)[0].float().cpu()
    _, raw = read_inputs([given], model.info)
    if len(raw) != 1:
        raise UserError(f"{given} holds {len(raw)} samples; expected one {kind_of(model.info).sample}.")
    return model.encode(model.info.normalise(raw), label)[0].float().cpu()


def decoded(model: Model, z: Tensor, label: Tensor | None, span: float) -> np.ndarray:
    """Latents (k, steps, latent) -> raw samples (k, steps, *raw), of described tables (k, steps, columns)."""
    labels = None if label is None else label.expand(z.shape[0] * z.shape[1])
    x = model.decode(z.flatten(0, 1), labels)
    if not x.isfinite().all():
        raise UserError(
            f"--span {span:g}: so far out this model makes numbers that are not finite; give a smaller one."
        )
    raw = model.info.restore(x)
    return raw.reshape(*z.shape[:2], *raw.shape[1:])


def lines_of(found: Directions, model: Model) -> list[tuple[str, ...]]:
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
