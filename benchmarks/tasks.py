"""The data that transfers are compared on: what is trained, with which settings, for how long, and scored by what.

A new task is an entry of TASKS.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from numpy.lib.stride_tricks import sliding_window_view

from aegean.data import DataInfo, Dataset, open_data
from aegean.data.kinds import flat_areas
from aegean.formulas import frechet
from aegean.formulas.modes import joint_probabilities, mode_statistics, point_modes
from aegean.metrics.features import feature_network
from aegean.metrics.protocol import Evaluator
from aegean.model import Model

Scores = dict[str, float]
Scorer = Callable[[Model], Scores]
Direction = Literal["higher", "lower", "nearest"]
DRAWN = 2_500  # samples in the plane: PacGAN's protocol
TRIPLES, STACKED = 60_000, 26_000  # training and, as published, scored samples of Stacked MNIST
SEEN: dict[str, Direction] = {  # what is measured of pictures
    "fd": "lower",
    "coverage": "higher",
    "recall": "higher",
    "octave": "nearest",
}
LINE = "fd of a perfect prior"


@dataclass(frozen=True)
class Task:
    """What is compared on some data, with which settings, and by what.

    open: the folder of data that cannot be made on the spot -> the data set. scorer: that folder and the data set ->
    the scores of a model, and the floor, what real data reach. images: of all phases together, the teacher's included;
    seconds: the budget on a GPU instead. teacher: the recipe of the autoencoder. settings: those of every recipe;
    large: of every recipe on a GPU; gan: of the scratch GAN and of generators that begin anew; transfer: of ae_to_gan.
    """

    open: Callable[[str | None], Dataset]
    scorer: Callable[[str | None, Dataset], tuple[Scorer, Scores]]
    better: dict[str, Direction]
    images: int
    seconds: float = 0.0
    teacher: str = "vae"
    settings: dict[str, Any] = field(default_factory=dict)
    large: dict[str, Any] = field(default_factory=dict)
    gan: dict[str, Any] = field(default_factory=dict)
    transfer: dict[str, Any] = field(default_factory=dict)


# data


def built_in(name: str, folder: str | None) -> Dataset:
    return open_data(name)


def from_folder(folder: str | None) -> Dataset:
    return open_data(_given(folder))


def stacked(folder: str | None) -> Dataset:
    return triples(open_data(_given(folder)), TRIPLES, STACKED)


def triples(digits: Dataset, count: int, test_count: int) -> Dataset:
    """Stacked MNIST: random digits as the three channels of a picture of 32 x 32 (Metz et al. 2017), without labels."""

    def made(raw: Any, n: int, seed: int) -> np.ndarray:
        chosen = np.random.default_rng(seed).integers(0, len(raw), (n, 3))
        return np.pad(np.asarray(raw)[chosen, 0], ((0, 0), (0, 0), (2, 2), (2, 2)))

    info = DataInfo(
        "stacked", (3, 32, 32), digits.info.offset, digits.info.scale, count=count, test_count=test_count,
        fingerprint=f"triples of {digits.info.fingerprint}", flat=digits.info.flat,
    )  # fmt: skip
    return Dataset(
        info, made(digits.train, count, 0), made(digits.test, test_count, 1), None, None, Path(tempfile.mkdtemp())
    )


def textures(folder: str | None) -> Dataset:
    """Crops of 16 x 16 from three photographs of textures, which scikit-image carries (CC0, 512 x 512): the upper
    three quarters of each for training, the rest to test."""
    try:
        from skimage import data as pictures
    except ImportError:
        raise SystemExit("This task takes three pictures of scikit-image: pip install scikit-image.") from None
    names, side = ("brick", "grass", "gravel"), 16

    def crops(count: int, seed: int, rows: slice) -> tuple[np.ndarray, np.ndarray]:
        random = np.random.default_rng(seed)
        labels = random.integers(0, len(names), count)
        views = np.stack([sliding_window_view(getattr(pictures, name)()[rows], (side, side)) for name in names])
        places = (random.integers(0, size, count) for size in views.shape[1:3])
        return views[labels, *places][:, None].copy(), labels

    (x, y), (x_test, y_test) = crops(20_000, 0, slice(0, 384)), crops(4_000, 1, slice(384, 512))
    info = DataInfo(
        "textures", x.shape[1:], (127.5,), (127.5,), classes=names, count=len(x), test_count=len(x_test),
        fingerprint="textures of scikit-image, 20,000 crops", flat=flat_areas(x),
    )  # fmt: skip
    return Dataset(info, x, x_test, y, y_test, Path(tempfile.mkdtemp()))


def single_digits(x: torch.Tensor) -> list[torch.Tensor]:
    """Triples (n, 3, 32, 32) -> their three digits (n, 1, 28, 28)."""
    return [x[:, i : i + 1, 2:-2, 2:-2] for i in range(3)]


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
    """Fréchet distance, coverage and recall in the features of a network trained on the data, the top octave of the
    spectrum over that of held-out data; of a model that reconstructs also the distance of a perfect prior."""
    evaluator = Evaluator(dataset, feature_network(dataset))

    def score(model: Model) -> Scores:
        found = evaluator.sampled(model)
        scores = {name: score for key, score in found.items() if (name := key.split("@")[0]) in SEEN}
        line = {} if (line_of := scores["fd"].line) is None else {LINE: line_of}
        return {**{name: score.value for name, score in scores.items()}, **line}

    return score, {**evaluator.reference.floor, "octave": 1.0}


def in_triples(folder: str | None, dataset: Dataset) -> tuple[Scorer, Scores]:
    """Stacked MNIST's modes by a digit classifier for each channel, and the Fréchet distance in its features.

    The floor is that of triples of training digits.
    """
    network = feature_network(open_data(_given(folder)))

    def features_of(x: torch.Tensor) -> list[np.ndarray]:
        return [network(digit) for digit in single_digits(x)]

    reference = frechet.moments(np.concatenate(features_of(dataset.info.normalise(dataset.test)), 1))

    def of(x: torch.Tensor) -> Scores:
        parts = features_of(x)
        assert network.head is not None
        seen = mode_statistics(joint_probabilities([network.head(part).astype(np.float32) for part in parts]))
        distance = frechet.frechet_from_moments(*reference, *frechet.moments(np.concatenate(parts, 1)))
        return {"modes": seen.covered, "modes_confident": seen.confident, "kl": seen.kl, "fd": distance}

    def score(model: Model) -> Scores:
        drawn = model.info.restore(model.sample(len(dataset.test), seed=1))
        return of(model.info.normalise(drawn).to(model.device))

    return score, of(dataset.info.normalise(dataset.train[: len(dataset.test)]))


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
    "textures": Task(textures, in_features, SEEN, 200_000, 300, settings={"latent": 32}),
    "photos": Task(from_folder, in_features, SEEN, 200_000, 300),
    "mnist": Task(from_folder, in_features, SEEN, 2_000_000, 300, large={"batch": 256, "width": 64}),
    "cifar": Task(from_folder, in_features, SEEN, 2_000_000, 300, large={"batch": 256, "width": 64, "latent": 128}),
}
