"""The data that transfers are compared on: what is trained, with which settings, for how long, and scored by what.

A new task is an entry of TASKS.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, Literal

import numpy as np
import torch
from common import note

from aegean.data import Dataset, open_data
from aegean.formulas import frechet
from aegean.formulas.modes import joint_probabilities, mode_statistics, point_modes
from aegean.metrics.features import FeatureNetwork, feature_network
from aegean.metrics.protocol import Evaluator
from aegean.model import Model

Scores = dict[str, float]
Scorer = Callable[[Model], Scores]
Direction = Literal["higher", "lower"]
DRAWN = 2_500  # samples in the plane: PacGAN's protocol
TRIPLES, STACKED = 60_000, 26_000  # training and, as published, scored samples of Stacked MNIST
SEEN: dict[str, Direction] = {"fd": "lower", "coverage": "higher"}  # what is measured of pictures


@dataclass(frozen=True)
class Task:
    """What is compared on some data, with which settings, and by what.

    open: the folder of data that cannot be made on the spot -> the data set. scorer: that folder and the data set ->
    the scores of a model, and the floor, what real data reach. images: of all phases together, the teacher's included;
    seconds: the budget on a GPU instead. teacher: the recipe of the autoencoder. settings: those of every recipe; gan:
    of the scratch GAN and of generators that begin anew; transfer: of ae_to_gan.
    """

    open: Callable[[str | None], Dataset]
    scorer: Callable[[str | None, Dataset], tuple[Scorer, Scores]]
    better: dict[str, Direction]
    images: int
    seconds: float = 0.0
    teacher: str = "vae"
    settings: dict[str, Any] = field(default_factory=dict)
    gan: dict[str, Any] = field(default_factory=dict)
    transfer: dict[str, Any] = field(default_factory=dict)


# data


def built_in(name: str, folder: str | None) -> Dataset:
    return open_data(name, note)


def from_folder(folder: str | None) -> Dataset:
    return open_data(_given(folder), note)


def stacked(folder: str | None) -> Dataset:
    """Stacked MNIST: triples of random digits as the channels of a picture, padded to 32x32: 1,000 modes."""
    digits, rng = padded_digits(folder), np.random.default_rng(0)
    train, test = (
        part[rng.integers(len(part), size=(count, 3)), 0]
        for part, count in ((digits.train, TRIPLES), (digits.test, STACKED))
    )
    info = digits.info.replace(
        name="stacked", shape=train.shape[1:], count=len(train), test_count=len(test), classes=(), class_counts=()
    )
    return Dataset(info, train, test, None, None, digits.folder)


def padded_digits(folder: str | None) -> Dataset:
    """The single digits that Stacked MNIST is made of, 32x32, with their labels."""
    small = open_data(_given(folder), note)
    around = [(0, 0), (0, 0), (2, 2), (2, 2)]
    info = small.info.replace(name="padded", shape=(1, 32, 32))
    return replace(small, info=info, train=np.pad(small.train, around), test=np.pad(small.test, around))


def _given(folder: str | None) -> str:
    if folder is None:
        raise SystemExit("This task needs --data FOLDER: the folder of the four MNIST files, or of CIFAR-10's batches.")
    return folder


def fraction(dataset: Dataset, share: float) -> Dataset:
    """The same data with a seeded share of the training part."""
    if share == 1:
        return dataset
    count = round(share * len(dataset.train))
    chosen = np.sort(np.random.default_rng(0).permutation(len(dataset.train))[:count])
    labels = None if dataset.train_labels is None else dataset.train_labels[chosen]
    info = dataset.info.replace(count=count)
    return replace(dataset, info=info, train=dataset.train[chosen], train_labels=labels)


# scores


def plane(centres: np.ndarray, deviation: float, folder: str | None, dataset: Dataset) -> tuple[Scorer, Scores]:
    """Modes, their quality and their divergence (nats); the floor is the mean over draws of the test part."""

    def points(raw: np.ndarray) -> Scores:
        found = point_modes(raw, centres, deviation)
        return {"modes": found.covered, "quality": found.quality, "kl": found.kl}

    parts = [points(dataset.test[start : start + DRAWN]) for start in range(0, len(dataset.test) - DRAWN + 1, DRAWN)]
    floor = {name: float(np.mean([part[name] for part in parts])) for name in parts[0]}
    return lambda model: points(model.info.restore(model.sample(DRAWN, seed=1))), floor


def in_features(folder: str | None, dataset: Dataset) -> tuple[Scorer, Scores]:
    """Fréchet distance and coverage in the features of a network trained on the data."""
    evaluator = Evaluator(dataset, feature_network(dataset, note))

    def score(model: Model) -> Scores:
        drawn = model.info.normalise(model.info.restore(model.sample(evaluator.count)))
        found = evaluator.distances(evaluator.features(drawn))
        return {name: found[name] for name in SEEN}

    return score, {name: evaluator.floor[name] for name in SEEN}


def in_triples(folder: str | None, dataset: Dataset) -> tuple[Scorer, Scores]:
    """Stacked MNIST's modes by a digit classifier for each channel, and the Fréchet distance in its features.

    The floor is that of triples of training digits.
    """
    network = feature_network(padded_digits(folder), note)
    reference = frechet.moments(_channels(network, dataset.info.normalise(dataset.test)))

    def of(x: torch.Tensor) -> Scores:
        features = _channels(network, x)
        parts = np.split(features, x.shape[1], axis=1)
        seen = mode_statistics(joint_probabilities([network.head(part).astype(np.float32) for part in parts]))  # type: ignore[misc]
        distance = frechet.frechet_from_moments(*reference, *frechet.moments(features))
        return {"modes": seen.covered, "modes_confident": seen.confident, "kl": seen.kl, "fd": distance}

    def score(model: Model) -> Scores:
        return of(model.info.normalise(model.info.restore(model.sample(len(dataset.test), seed=1))))

    return score, of(dataset.info.normalise(dataset.train[: len(dataset.test)]))


def _channels(network: FeatureNetwork, x: torch.Tensor) -> np.ndarray:
    """Features of every channel (n, channels * d)."""
    return np.concatenate([network(x[:, channel : channel + 1]) for channel in range(x.shape[1])], 1)


def around_circle(count: int) -> np.ndarray:
    """(count, 2) even places on the unit circle."""
    angle = 2 * np.pi * np.arange(count) / count
    return np.stack([np.cos(angle), np.sin(angle)], 1)


def square(side: int, step: float) -> np.ndarray:
    """(side^2, 2) places of a square lattice around the origin."""
    line = step * (np.arange(side) - (side - 1) / 2)
    return np.stack(np.meshgrid(line, line), -1).reshape(-1, 2)


ROWS: dict[str, Any] = {
    "images": 100_000,
    "better": {"modes": "higher", "quality": "higher", "kl": "lower"},
    "teacher": "ae",
    "settings": {"gamma": 0.01},
    "gan": {"lr": 1e-3},
    "transfer": {"lr": 1e-4},
}
TASKS = {
    "digits": Task(partial(built_in, "digits"), in_features, SEEN, 40_000, settings={"batch": 32}),
    "grid": Task(partial(built_in, "grid"), partial(plane, square(5, 2.0), 0.05), **ROWS),
    "ring": Task(partial(built_in, "ring"), partial(plane, around_circle(8), 0.01), **ROWS),
    "stacked": Task(
        stacked,
        in_triples,
        {"modes": "higher", "modes_confident": "higher", "kl": "lower", "fd": "lower"},
        images=2_000_000,
        seconds=120,
        settings={"batch": 256, "width": 64, "latent": 64, "gamma": 0.1},
    ),
    "mnist": Task(from_folder, in_features, SEEN, 2_000_000, 300, settings={"batch": 256, "width": 64}),
    "cifar": Task(from_folder, in_features, SEEN, 2_000_000, 300, settings={"batch": 256, "width": 64, "latent": 128}),
}
