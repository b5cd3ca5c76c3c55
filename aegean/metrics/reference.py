"""Held-out data as samples are compared with them: what does not depend on the samples is computed once."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from aegean.formulas import frechet, kernel, memorisation, modes, neighbours
from aegean.metrics.features import BATCH, FeatureNetwork
from aegean.metrics.kinds import Texture
from aegean.metrics.samples import chosen

if TYPE_CHECKING:
    from aegean.data import Dataset

PRECISION_K, COVERAGE_K = 3, 5  # neighbours, as published
COPIED = 5  # training samples looked through for each sample,
FEWEST, MOST = 10_000, 50_000  # but so many at least and at most


class TextureReference:
    """Held-out samples (n, *shape) in model range, and what training samples score against them, as they are (floor)
    and without their finest texture (blurred)."""

    def __init__(self, texture: Texture, real: np.ndarray, train: np.ndarray, blurred: np.ndarray):
        self.distances = texture.beside(real)
        self.floor, self.blurred = self.distances(train), self.distances(blurred)

    def __call__(self, fake: np.ndarray) -> dict[str, tuple[float, float]]:
        """(score, floor) of samples, by metric and place: "swd@16x16"."""
        return {name: (value, self.floor[name]) for name, value in self.distances(fake).items()}


class Reference:
    """Features `real` (n, d) of held-out samples of a data set; what those of as many training samples, `train`, score
    against them, the floor; and what those score that have lost their finest texture, `blurred`, of kinds that have
    some.

    `memorised` looks for copies among the whole training part, or a seeded choice of it: 10,000 training samples for
    2,000 samples or fewer, five for each sample above, never more than 50,000. Copies of a sample that was not chosen
    are not found, so the share depends on the choice; floor and value have the same. The floor of `memorised` alone
    is that of held-out samples, for which copying is impossible.
    """

    def __init__(
        self,
        dataset: Dataset,
        features: FeatureNetwork,
        real: np.ndarray,
        train: np.ndarray,
        blurred: np.ndarray | None,
        seed: int = 0,
    ):
        self.info, self.train, self.features, self.seed = dataset.info, dataset.train, features, seed
        self.real, self.count = real, len(real)
        self.moments = frechet.moments(real)
        self.within = kernel.mean_within(real)
        self.radii = {k: neighbours.squared_radii(real, k) for k in (PRECISION_K, COVERAGE_K) if k < self.count}
        self.floor = self.distances(train)
        self.blurred = {} if blurred is None else self.clouds(blurred)

    def __call__(self, fake: np.ndarray) -> dict[str, tuple[float, float]]:
        """Every formula between the held-out features and those of samples (n, d): (score, floor) by name."""
        found = {name: (value, self.floor[name]) for name, value in self.distances(fake).items()}
        return found | {"memorised": (memorisation.memorised(self.known, fake), self.unseen)}

    def distances(self, fake: np.ndarray) -> dict[str, float]:
        """Every formula but `memorised`, by name."""
        found = self.clouds(fake)
        if PRECISION_K in self.radii:
            both = neighbours.precision_recall(self.real, fake, PRECISION_K, self.radii[PRECISION_K])
            found |= dict(zip(("precision", "recall"), both))
        if COVERAGE_K in self.radii:
            both = neighbours.density_coverage(self.real, fake, COVERAGE_K, self.radii[COVERAGE_K])
            found |= dict(zip(("density", "coverage"), both))
        if self.features.head:
            probabilities = self.features.head(fake)
            seen = modes.mode_statistics(probabilities, self._mode_reference(probabilities.shape[1]))
            found |= {"modes": seen.covered, "modes_confident": seen.confident, "mode_kl": seen.kl}
        return found

    def clouds(self, fake: np.ndarray) -> dict[str, float]:
        """The formulas that look for no neighbours."""
        return {
            "fd": frechet.frechet_from_moments(*self.moments, *frechet.moments(fake)),
            "kd": kernel.kernel_distance(self.real, fake, self.within),
        }

    @cached_property
    def known(self) -> np.ndarray:
        """Features (n, d) of the training samples among which copied ones are looked for."""
        places = chosen(len(self.train), min(max(FEWEST, COPIED * self.count), MOST), self.seed + 2)
        blocks = (places[start : start + BATCH] for start in range(0, len(places), BATCH))
        return np.concatenate([self.features(self.info.normalise(self.train[block])) for block in blocks])

    @cached_property
    def unseen(self) -> float:
        """The share of held-out samples that look memorised."""
        return memorisation.memorised(self.known, self.real)

    def _mode_reference(self, classes: int) -> np.ndarray | None:
        """The classes' frequencies in the training part, which a model is to learn; uniform where unknown."""
        return np.maximum(self.info.class_counts, 1) if len(self.info.class_counts) == classes else None
