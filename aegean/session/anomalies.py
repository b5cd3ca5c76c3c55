"""What is usual of a run's data, so that its model tells how odd samples are."""

from __future__ import annotations

import math
from collections.abc import Iterable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from tqdm import tqdm

from aegean.config import Net, UserError
from aegean.data.batch import Batch
from aegean.data.io.inputs import Inputs, joined, labelled_blocks
from aegean.metrics.features import feature_network
from aegean.metrics.kinds import kind_of
from aegean.metrics.networks import BATCH, train_steps
from aegean.metrics.trunks import Trunk, known, trained
from aegean.model import Model
from aegean.model.scoring import FEWEST, with_scorer
from aegean.session.runs import home, load, own_data
from aegean.surface import option, plural, say

MOST = 20_000  # training samples whose latents are kept
LEARNING = partial(tqdm, desc="learning what is usual", unit="batch", leave=False, delay=1)
Usual = tuple[Batch, Batch, tuple[Net, Trunk] | None]  # to compare with, held out, and what is compared in
CALIBRATING = 10_000  # held-out samples at most
VALUES = 1 << 27  # of all of either in memory


def scorer(path: str | Path, data: str | None = None, device: str | torch.device = "cpu") -> Model:
    """The model of a run, able to tell anomalies (`Model.anomalies`): as it was saved, or made so now. Pictures and
    sounds are compared in the feature network of the data.

    path: a run folder, or a model file.
    data: a SPEC of usual samples, half of which are compared with and half held out; None: those of the run.
    device: where it is computed.

    UserError: no such run, a model that does not reconstruct, data of another shape, or too few.
    """
    model = load(path, device)
    if data is None and "scorer" in model.nets:
        return model
    model.need("reconstruct")
    model.progress = LEARNING
    train, held_out, found = own_samples(path, model) if data is None else given_samples(data, model)
    say(f"what is usual: {plural(len(train.x), 'sample')}, and {len(held_out.x):,} held out to compare with")
    if len(held_out.x) < FEWEST:
        say(f"note: fewer than {FEWEST} held-out samples, so no p-value is 0.05 or less")
    if found:
        model.specs["features"], model.nets["features"] = found[0], found[1].to(model.device)
    return with_scorer(model, train, held_out)


def own_samples(path: str | Path, model: Model) -> Usual:
    """Training and held-out samples of a run, and the trunk of their feature network."""
    dataset = own_data(path, home(path).read())
    return (
        samples(dataset.train, dataset.train_labels, MOST, model),
        samples(dataset.test, dataset.test_labels, CALIBRATING, model),
        known(feature_network(dataset), model.info) if looked_at(model) else None,
    )


def given_samples(data: str, model: Model) -> Usual:
    """Two halves of the samples that a SPEC names, and a trunk that is trained on the first."""
    _, raw, classes = thinned(labelled_blocks([data], model.info))
    labels = None
    if model.conditional:
        unknown = sorted(set(classes or ("none",)) - set(model.info.classes))
        if unknown:
            raise UserError(
                f"{option('data', data)}: this model needs samples of its classes, and has no {unknown[0]!r}."
            )
        labels = np.array([model.info.classes.index(name) for name in classes or ()])
    halves = (slice(0, None, 2), slice(1, None, 2))
    first, second = (samples(raw[half], None if labels is None else labels[half], MOST, model) for half in halves)
    found = None
    if looked_at(model) and len(first.x):
        steps = train_steps(len(first.x))
        say(f"training features to compare with: {steps:,} steps, up to some minutes on one core")
        found = trained(first.x, model.info, steps * BATCH, "training features")
    return first, second, found


def looked_at(model: Model) -> bool:
    """Whether samples are pictures or sounds, which latents tell apart less well than features of random views do;
    columns and tokens have probabilities."""
    return kind_of(model.info).view is not None and not model.info.vocabulary


def thinned(blocks: Iterable[Inputs]) -> Inputs:
    """At most 2 * MOST of the samples, evenly spread over all."""
    kept, step, count = list[Inputs](), 1, 0
    for block in blocks:
        kept.append(every(block, slice(-count % step, None, step)))
        count += len(block.raw)
        while sum(len(part.raw) for part in kept) > 2 * MOST:
            whole = joined(kept)
            kept, step = [every(whole, slice(None, None, 2))], 2 * step
    return joined(kept)


def every(block: Inputs, part: slice) -> Inputs:
    return Inputs(block.names[part], block.raw[part], None if block.classes is None else block.classes[part])


def samples(raw: Any, labels: np.ndarray | None, most: int, model: Model) -> Batch:
    """At most so many, spread evenly over all."""
    count = min(most, len(raw), max(2, VALUES // math.prod(model.info.shape)))
    index = np.arange(count) * len(raw) // max(count, 1)
    told = torch.from_numpy(np.asarray(labels)[index]) if model.conditional and labels is not None else None
    return Batch(model.info.normalise(raw[index]), told)
