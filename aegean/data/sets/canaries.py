"""Canaries: records that nobody has, of which a coin decides whether they are trained on. What a model does with them
tells how much it remembers of a record that is like no other."""

from __future__ import annotations

import dataclasses
from typing import NamedTuple

import numpy as np

from aegean.config import UserError
from aegean.data.sets.dataset import Dataset
from aegean.surface import option, say

REPEATS = (1, 4, 16)  # times that one stands in the training part, in turn
MIXED = 2_000  # held-out records whose values they are made of, at most
MOST = 10_000
LARGEST = 1 << 31  # bytes of a training part to which some can be added: it is copied


class Canaries(NamedTuple):
    raw: np.ndarray  # (n, *info.packed)
    labels: np.ndarray | None  # (n,)
    inside: np.ndarray  # (n,) bool: trained on
    repeats: np.ndarray  # (n,) how often, if so


def canaries(dataset: Dataset, count: int, seed: int) -> Canaries:
    """The same for the same data, count and seed: each value of a canary is that of another held-out record, so all are
    possible values and no record is like it. UserError: a count out of range, data with two sides."""
    if not 2 <= count <= MOST:
        raise UserError(f"{option('canaries', count)}: expected from 2 to {MOST:,}, or 0 for none.")
    if dataset.target or not len(dataset.test):
        raise UserError(f"{option('canaries', count)}: they are made of held-out records of data with one side.")
    rng = np.random.default_rng((seed, count))
    some = np.asarray(dataset.test[np.sort(rng.permutation(len(dataset.test))[:MIXED])])
    places = np.indices((count, *some.shape[1:]))[1:]
    raw = some[(rng.integers(len(some), size=(count, *some.shape[1:])), *places)]
    classes = len(dataset.info.classes)
    labels = None if dataset.train_labels is None else rng.integers(max(1, classes), size=count)
    return Canaries(raw, labels, rng.random(count) < 0.5, np.resize(REPEATS, count))


def with_canaries(dataset: Dataset, count: int, seed: int) -> Dataset:
    """The data set with those that are trained on behind its training part. UserError: as `canaries`, or a training
    part that is too large to be copied."""
    if not count:
        return dataset
    found = canaries(dataset, count, seed)
    if dataset.train.nbytes > LARGEST:
        raise UserError(f"{option('canaries', count)}: {dataset.info.name} is too large to add records to it.")
    times = np.where(found.inside, found.repeats, 0)
    train = np.concatenate((np.asarray(dataset.train[:]), np.repeat(found.raw, times, axis=0)))
    labels = None
    if dataset.train_labels is not None and found.labels is not None:
        labels = np.concatenate((dataset.train_labels, np.repeat(found.labels, times)))
    say(
        f"{count} canaries, {int(found.inside.sum())} of them among the training data, up to {max(REPEATS)} times: "
        "this model is for an audit"
    )
    return dataclasses.replace(dataset, train=train, train_labels=labels)
