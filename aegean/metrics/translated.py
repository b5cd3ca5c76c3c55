"""How well pictures of one side become those of the other: `psnr@partner:83`, `label@digits-classifier:397`; beside it
what needs no translator: the given pictures, the mean of the other side, the partner of the nearest training sample."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from aegean.metrics.features import FeatureNetwork
from aegean.metrics.kinds import kind_of
from aegean.metrics.scores import Score

if TYPE_CHECKING:
    from aegean.data import Dataset

KNOWN = 5_000  # training pairs, among which the nearest is looked for
COARSE = 16  # pixels a side, at which samples are near each other


def beside_partners(
    sides: Dataset, given: Tensor, partners: Tensor, made: dict[str, Tensor]
) -> Iterator[tuple[str, Score]]:
    """Scores (name, Score) of translations of held-out pairs, by what is put before each name: "" or "exact_".

    sides: the pairs, whose training part says what can be said without a translator.
    given, partners: (n, *shape) held-out samples of both sides, in model range.
    """
    assert sides.target
    info = sides.target.info
    without = {"mean": _mean(sides.target).expand_as(partners), "neighbour": _neighbours(sides, given)}
    if given.shape == partners.shape:
        without["given"] = given
    for name, quality in kind_of(info).quality(info).items():
        marks = {mark: quality.formula(partners.numpy(), x.numpy()) for mark, x in without.items()}
        for prefix, x in made.items():
            value = quality.formula(partners.numpy(), x.numpy())
            score = Score(value, quality.perfect, quality.better, given=marks.get("given"), mean=marks["mean"])
            yield f"{prefix}{name}", replace(score, neighbour=marks["neighbour"])


def _mean(target: Dataset) -> Tensor:
    chosen = np.linspace(0, len(target.train) - 1, min(len(target.train), KNOWN)).astype(int)
    return target.info.normalise(target.train[chosen]).mean(0, keepdim=True)


def _neighbours(sides: Dataset, given: Tensor) -> Tensor:
    """The partners of the training samples that are nearest to the given ones, by their own pixels."""
    assert sides.target
    chosen = np.linspace(0, len(sides.train) - 1, min(len(sides.train), KNOWN)).astype(int)
    known = sides.info.normalise(sides.train[chosen])
    near = torch.cdist(_coarse(given), _coarse(known)).argmin(1)
    return sides.target.info.normalise(sides.target.train[chosen[near.numpy()]])


def _coarse(x: Tensor) -> Tensor:
    return F.adaptive_avg_pool2d(x, (min(COARSE, x.shape[2]), min(COARSE, x.shape[3]))).flatten(1)


def labels_kept(
    network: FeatureNetwork, x: Tensor, labels: Tensor, given: Tensor, real: Tensor, real_labels: Tensor
) -> Score:
    """The share of translations x that a classifier of the other side takes for what their originals were labelled;
    beside it that of the originals themselves, and of real samples of the other side."""

    def share(x: Tensor, labels: Tensor) -> float:
        found = network.predict(x)
        assert found is not None
        return float((found.argmax(1) == labels.numpy()).mean())

    before = share(given, labels) if given.shape[1:] == real.shape[1:] else None
    return Score(share(x, labels), share(real, real_labels), "higher", given=before)
