"""The records of an audit: which are members, which are not, and the features in which they are compared."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from aegean.config import UserError
from aegean.data import DataInfo, Dataset
from aegean.metrics.kinds import kind_of
from aegean.metrics.samples import chosen

DIRECTIONS = 64  # of features
FITTED = 2_000  # records that they are fitted to,
VALUES = 1 << 27  # of these together, at most
KNOWN = 60_000  # training records that are looked at, at most,
HELD = 10_000  # and held-out ones
BLOCK = 1_024
FEWEST = 20  # held-out records, below which nothing can be said

Features = Callable[[Tensor], np.ndarray]  # samples (n, *shape) in model range -> (n, d)


class Records(NamedTuple):
    """Places of records in the two parts of the data, each in rising order.

    Whatever singles out members singles out false ones as well if training left no trace: records are held out by a
    hash of their content, so members and others are exchangeable, unless the user brought his own held-out part.
    """

    members: np.ndarray  # of the training part, as many as there are held-out records, where there are so many
    others: np.ndarray  # of the held-out part
    reference: np.ndarray  # that no attack asks about: what is usual. Of the training part,
    reference_trained: bool  # or of the held-out part, which is then halved
    train: np.ndarray  # of the training part: where samples may be copied from
    held: np.ndarray  # of the held-out part: where they cannot


def chosen_records(dataset: Dataset, seed: int) -> Records:
    """UserError: too few held-out records to say anything."""
    train, count = len(dataset.train), min(len(dataset.test), HELD)
    if count < FEWEST:
        raise UserError(
            f"{dataset.info.name}: {count} held-out records; at least {FEWEST} are needed to tell what a record that "
            "was not trained on looks like."
        )
    rng = np.random.default_rng(seed)
    held, order = rng.permutation(len(dataset.test))[:count], rng.permutation(train)
    others, reference, trained = held, order[count : 2 * count], True
    if len(reference) < count:
        others, reference, trained = held[: count // 2], held[count // 2 :], False
    members = order[: len(others)]
    every = chosen(train, KNOWN, seed)
    return Records(np.sort(members), np.sort(others), np.sort(reference), trained, every, np.sort(held))


def features_of(dataset: Dataset, seed: int) -> Features:
    """The principal directions of what the kind of data compares untrained, fitted to records of both parts alike.

    A network trained on the members would tell them from the others whatever the model does; so would directions
    fitted to the members alone.
    """
    info, view = dataset.info, kind_of(dataset.info).untrained
    both = len(dataset.train) + len(dataset.test)
    places = chosen(both, min(FITTED, max(2 * DIRECTIONS, VALUES // math.prod(info.shape))), seed)
    mine, theirs = places[places < len(dataset.train)], places[places >= len(dataset.train)] - len(dataset.train)
    raw = np.concatenate((np.asarray(dataset.train[mine]), np.asarray(dataset.test[theirs])))
    x = view(info.normalise(raw), info).flatten(1)
    mean = x.mean(0)
    if x.shape[1] <= DIRECTIONS:
        return lambda x: view(x.cpu(), info).flatten(1).sub(mean).double().numpy()
    x = x - mean
    values, vectors = torch.linalg.eigh((x @ x.T).double())
    kept = values.flip(0)[:DIRECTIONS].clamp_min(1e-9).sqrt()
    basis = (x.T.double() @ (vectors.flip(1)[:, :DIRECTIONS] / kept)).float()

    def features(x: Tensor) -> np.ndarray:
        parts = [(view(part.cpu(), info).flatten(1) - mean) @ basis for part in x.split(BLOCK)]
        return torch.cat(parts).double().numpy()

    return features


def seen(raw: object, places: np.ndarray, info: DataInfo, features: Features) -> np.ndarray:
    """Features (n, d) of raw records at some places of one part of the data, block by block."""
    blocks = (places[start : start + BLOCK] for start in range(0, len(places), BLOCK))
    return np.concatenate([features(info.normalise(np.asarray(raw[block]))) for block in blocks])  # type: ignore[index]
