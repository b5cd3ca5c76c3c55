"""What is usual of a run's data, so that its model tells how odd samples are."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import torch

from aegean.config import UserError
from aegean.data.batch import Batch
from aegean.data.io.inputs import read_labelled
from aegean.model import Model
from aegean.model.scoring import FEWEST, with_scorer
from aegean.session.runs import home, load, own_data
from aegean.surface import option, plural, say

MOST = 20_000  # training samples whose latents are kept
CALIBRATING = 10_000  # held-out samples at most
VALUES = 1 << 27  # of all of either in memory


def scorer(path: str | Path, data: str | None = None, device: str | torch.device = "cpu") -> Model:
    """The model of a run, able to tell anomalies (`Model.anomalies`): as it was saved, or made so now.

    path: a run folder, or a model file.
    data: a SPEC of usual samples, half of which are compared with and half held out; None: those of the run.
    device: where it is computed.

    UserError: no such run, a model that does not reconstruct, data of another shape, or too few.
    """
    model = load(path, device)
    if data is None and "scorer" in model.nets:
        return model
    model.need("reconstruct")
    train, held_out = own_samples(path, model) if data is None else given_samples(data, model)
    say(f"what is usual: {plural(len(train.x), 'sample')}, and {len(held_out.x):,} held out to compare with")
    if len(held_out.x) < FEWEST:
        say(f"note: fewer than {FEWEST} held-out samples, so no p-value is 0.05 or less")
    return with_scorer(model, train, held_out)


def own_samples(path: str | Path, model: Model) -> tuple[Batch, Batch]:
    """Training and held-out samples of a run."""
    dataset = own_data(path, home(path).read())
    return (
        samples(dataset.train, dataset.train_labels, MOST, model),
        samples(dataset.test, dataset.test_labels, CALIBRATING, model),
    )


def given_samples(data: str, model: Model) -> tuple[Batch, Batch]:
    """Two halves of the samples that a SPEC names."""
    _, raw, classes = read_labelled([data], model.info)
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
    return first, second


def samples(raw: Any, labels: np.ndarray | None, most: int, model: Model) -> Batch:
    """At most so many, spread evenly over all."""
    count = min(most, len(raw), max(2, VALUES // math.prod(model.info.shape)))
    index = np.arange(count) * len(raw) // max(count, 1)
    told = torch.from_numpy(np.asarray(labels)[index]) if model.conditional and labels is not None else None
    return Batch(model.info.normalise(raw[index]), told)
