"""The model of a command and its inputs: opened, or refused for what the verb needs."""

from __future__ import annotations

import argparse
import math
import shlex
import sys
from functools import partial

import numpy as np
import torch
from torch import Tensor
from tqdm import tqdm

from aegean.config import UserError, nearest
from aegean.data import DataInfo
from aegean.data.io.inputs import Inputs, read_labelled
from aegean.machine import pick_device
from aegean.model import Model, hint
from aegean.session.runs import load

LIMIT = 4 << 30  # bytes of samples or latents that one command holds in memory


def opened(run: str, verb: str) -> Model:
    """The model of a run or file, on the best device there is. UserError: it cannot do the verb."""
    model = load(run, pick_device("auto"))
    need_verb(model, run, verb)
    return with_bar(model, verb)


def with_bar(model: Model, verb: str) -> Model:
    """The model, showing how far it is."""
    model.progress = partial(tqdm, desc=verb, unit="batch", leave=False, delay=0.5, file=sys.stderr)
    return model


def need_verb(model: Model, run: str, verb: str) -> None:
    if verb not in model.can():
        raise UserError(f"{run} cannot {verb.replace('_', ' ')}: {hint(verb, shlex.quote(run))}.")


def inputs(args: argparse.Namespace, model: Model) -> tuple[list[str], np.ndarray, Tensor | None]:
    """Names, raw samples (n, *shape) and, for a model with classes, labels (n,)."""
    found = read_labelled(args.inputs, model.info, args.skip_bad)
    return found.names, found.raw, labels_of(found, args, model)


def labels_of(given: Inputs, args: argparse.Namespace, model: Model) -> Tensor | None:
    """Labels (n,) of the inputs, for a model with classes: those of --class, else their own."""
    if args.class_name is not None:
        return torch.full((len(given.raw),), class_index(model, args.class_name))
    if not model.conditional:
        return None
    found = [index_of(name, model.info, "The inputs") for name in given.classes or ()]
    labels = torch.tensor(found) if given.classes else None
    need_labels(model, labels, "The inputs have no classes")
    return labels


def class_index(model: Model, name: str) -> int:
    """The number of a class. UserError: unknown, or the model has no class input."""
    if not model.conditional:
        raise UserError(f"--class {name}: this model has no class input; train one with --set conditional=true.")
    return index_of(name, model.info, "--class")


def index_of(name: str, info: DataInfo, origin: str) -> int:
    if name not in info.classes:
        raise UserError(f"{origin}: this model has no class {name!r}.{nearest(name, info.classes)}")
    return info.classes.index(name)


def need_labels(model: Model, labels: Tensor | None, what: str) -> None:
    if model.conditional and labels is None:
        classes = ", ".join(model.info.classes[:12]) + (", ..." if len(model.info.classes) > 12 else "")
        raise UserError(f"{what}, which this model needs; say which with --class NAME, one of {classes}.")


def check_size(count: int, info: DataInfo) -> None:
    """Refuse what would not fit into memory."""
    if count * math.prod(info.shape) * 16 > LIMIT:
        most = LIMIT // (math.prod(info.shape) * 16)
        raise UserError(
            f"{count:,} samples are more than one command holds; take {most:,} at most, with several --seed."
        )
