"""Attacks on single records: scores that are higher for what was trained on, as far as a model remembers it."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from aegean.data import Dataset
from aegean.data.batch import Batch
from aegean.formulas.memorisation import nearest
from aegean.formulas.neighbours import distance_blocks
from aegean.metrics.kinds import kind_of
from aegean.model import Model
from aegean.trust.records import BLOCK, Records

TINY = 1e-12
WORDS = {
    "nearest": "nearness of the nearest sample (Chen et al. 2020)",
    "within_reach": "share of samples within the median of those distances (Hilprecht et al. 2019)",
    "densities": "density of the samples over that of other records (van Breugel et al. 2023)",
    "logit": "the discriminator's logit (Hayes et al. 2019)",
    "reconstruction": "how exactly the record is reconstructed (Hilprecht et al. 2019)",
    "blind": "nothing but other records: the model is not asked (Das et al. 2024)",
}


Score = Callable[[Any, np.ndarray | None, np.ndarray], np.ndarray]


class Scores(NamedTuple):
    """An attack's scores of members (m,) and of others (n,)."""

    members: np.ndarray
    others: np.ndarray


def by_samples(
    members: np.ndarray, others: np.ndarray, reference: np.ndarray, samples: np.ndarray
) -> dict[str, Scores]:
    """Attacks that see samples alone. Features (n, d) of members, of others, of reference records and of samples."""
    asked = np.concatenate((members, others))
    squared = nearest(asked, samples)[0]
    usual = nearest(asked, reference)[0]
    found = {
        "nearest": -squared,
        "within_reach": _within(asked, samples, float(np.median(squared))),
        "densities": np.log(usual + TINY) - np.log(squared + TINY),
    }
    return {name: Scores(score[: len(members)], score[len(members) :]) for name, score in found.items()}


def _within(asked: np.ndarray, samples: np.ndarray, squared: float) -> np.ndarray:
    counts = np.empty(len(asked))
    for rows, distances in distance_blocks(asked, samples):
        counts[rows] = (distances <= squared).sum(1).numpy()
    return counts


def by_model(model: Model, dataset: Dataset, records: Records) -> dict[str, Scores]:
    """Attacks that hold the model itself: those that its networks allow."""
    parts = (dataset.train, dataset.train_labels, records.members), (dataset.test, dataset.test_labels, records.others)
    return {name: Scores(*(score(*part) for part in parts)) for name, score in scores_of_model(model).items()}


def scores_of_model(model: Model) -> dict[str, Score]:
    """By the attack's name: from raw records, their labels and places among them to scores."""
    found: dict[str, Callable[[Tensor, Tensor | None], Tensor]] = {}
    if "reconstruct" in model.can():
        view, info = kind_of(model.info).untrained, model.info

        def reconstruction(x: Tensor, labels: Tensor | None) -> Tensor:
            x_hat = model.reconstruct(x, labels)
            return -(view(x_hat.cpu(), info) - view(x.cpu(), info)).square().flatten(1).mean(1)

        found["reconstruction"] = reconstruction
    if model.wiring_name == "standard" and getattr(model.nets.get("D"), "pack", 0) == 1:
        found["logit"] = lambda x, labels: model.run(_logit, Batch(x, labels), seed=0)
    return {name: partial(_scored, model, score) for name, score in found.items()}


def _logit(p: object) -> Tensor:
    return torch.stack([head.reshape(len(head), -1).mean(1) for head in p.real.logits]).mean(0)  # type: ignore[attr-defined]


def _scored(
    model: Model,
    score: Callable[[Tensor, Tensor | None], Tensor],
    raw: Any,
    labels: np.ndarray | None,
    places: np.ndarray,
) -> np.ndarray:
    parts = []
    for start in range(0, len(places), BLOCK):
        some = places[start : start + BLOCK]
        x = model.info.normalise(np.asarray(raw[some])).to(model.device)
        known = torch.as_tensor(labels[some]) if labels is not None and model.conditional else None
        parts.append(score(x, known).double().cpu())
    return torch.cat(parts).numpy()


def blind(members: np.ndarray, others: np.ndarray, seed: int) -> Scores:
    """What tells members from others without any model: a linear rule learnt on half of them, asked of the other half,
    and the other way round. An AUC above 0.5 says that the held-out part is not like the training part."""
    from sklearn.linear_model import LogisticRegression

    x = np.concatenate((members, others))
    x = (x - x.mean(0)) / (x.std(0) + TINY)
    y = np.arange(len(x)) < len(members)
    fold = np.random.default_rng(seed).permutation(len(x)) % 2 == 0
    scores = np.empty(len(x))
    for part in (fold, ~fold):
        rule = LogisticRegression(C=0.1, class_weight="balanced", max_iter=200).fit(x[part], y[part])
        found = rule.decision_function(x[~part])
        scores[~part] = found
    return Scores(scores[y], scores[~y])
