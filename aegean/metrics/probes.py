"""Linear probes of a model's levels: `probe@level1:397`, `probe@latent1:397`, beside a probe of the data themselves."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from aegean.formulas.probe import probe_accuracy

if TYPE_CHECKING:
    from aegean.data import Dataset

WIDEST = 1024  # numbers a sample that a probe reads
LEARNT = 5_000  # training samples that it learns from
BATCH = 256
POOLS: dict[int, Any] = {1: F.adaptive_avg_pool1d, 2: F.adaptive_avg_pool2d}  # by the features' places


class Probes:
    """Accuracies of linear probes, learnt on a seeded choice of the training part, on test samples x (m, *shape) with
    labels (m,)."""

    def __init__(self, dataset: Dataset, x: Tensor, labels: Tensor, seed: int = 0):
        chosen = np.sort(np.random.default_rng(seed + 3).permutation(len(dataset.train))[:LEARNT])
        self.info, self.test, self.truth = dataset.info, x, labels.cpu().numpy()
        self.raw, self.classes = dataset.train[chosen], np.asarray(dataset.train_labels)[chosen]

    @cached_property
    def floor(self) -> float:
        """The accuracy of a probe of the data's own values."""
        return self._accuracy(readable(self.info.normalise(self.raw)), readable(self.test))

    def __call__(self, model: Any) -> dict[str, float]:
        """Accuracies by "level0", ... for the features of each level and "latent1", ... for the latents of those that
        have some. A model with classes is probed in its features alone: its latents leave out what the label says."""
        learnt, tested = (self._levels(model, x) for x in (self.raw, self.test))
        return {name: self._accuracy(learnt[name], tested[name]) for name in learnt}

    def _accuracy(self, train: np.ndarray, test: np.ndarray) -> float:
        return probe_accuracy(train, self.classes, test, self.truth)

    def _levels(self, model: Any, samples: Any) -> dict[str, np.ndarray]:
        parts: dict[str, list[np.ndarray]] = {}
        for start in range(0, len(samples), BATCH):
            x = samples[start : start + BATCH]
            x = x if isinstance(x, Tensor) else self.info.normalise(x)
            labels = {"labels": torch.zeros(len(x), dtype=torch.int64)} if model.conditional else {}
            for number, level in enumerate(model.levels(x, **labels)):
                parts.setdefault(f"level{number}", []).append(readable(level.features))
                if level.latent is not None and not model.conditional:
                    parts.setdefault(f"latent{number}", []).append(readable(level.latent))
        return {name: np.concatenate(arrays) for name, arrays in parts.items()}


def readable(features: Tensor) -> np.ndarray:
    """Features (n, channels, *places) as rows (n, d): maps of more than WIDEST numbers are averaged over areas to as
    many places as fit."""
    places, features = features.shape[2:], features.float()
    if places and features[0].numel() > WIDEST:
        side = max(1, int((WIDEST / features.shape[1]) ** (1 / len(places))))
        features = POOLS[len(places)](features, [min(side, n) for n in places])
    return features.flatten(1).cpu().numpy()
