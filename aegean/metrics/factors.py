"""Scores of an encoder on data whose factors are known: `mig@factors:4608`, `factorvae@factors:4608`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch

from aegean.data.read.sprites import known_factors
from aegean.formulas.disentanglement import factor_score, mutual_information_gap
from aegean.model import Model
from aegean.model.directions import data_latents

if TYPE_CHECKING:
    from aegean.data import Dataset


class Factors:
    """Scores models on all samples of a data set with known factors. The floor is that of the same encoder before any
    training."""

    def __init__(self, x: torch.Tensor, factors: np.ndarray, seed: int = 0):
        self.x, self.factors, self.seed = x, factors, seed

    @classmethod
    def of(cls, dataset: Dataset, seed: int = 0) -> Factors | None:
        """None where the data's factors are not known."""
        known = known_factors(dataset)
        return None if known is None else cls(dataset.info.normalise(known[0]), known[1], seed)

    def __call__(self, model: Model) -> dict[str, tuple[float, float]]:
        """(score, floor) by name; nothing for a model whose latents leave out what a label says."""
        if model.conditional or "encode" not in model.can():
            return {}
        found, floor = self.scores(model), self.scores(untrained(model, self.seed))
        return {name: (found[name], floor[name]) for name in found}

    def scores(self, model: Model) -> dict[str, float]:
        seen = data_latents(model, self.x)
        noise = np.random.default_rng(self.seed).standard_normal(seen.z.shape)
        drawn = seen.z.numpy() + (0 if seen.deviation is None else seen.deviation.numpy() * noise)
        rates = None if seen.rate is None else seen.rate.numpy()
        return {
            "mig": mutual_information_gap(drawn, self.factors),
            "factorvae": factor_score(seen.z.numpy(), self.factors, rates, self.seed),
        }


def untrained(model: Model, seed: int = 0) -> Model:
    """The model with networks as they are before training."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        specs = {name: spec for name, spec in model.specs.items() if name in ("E", "bottleneck", "G")}
        nets = {name: spec.build() for name, spec in specs.items()}
    return Model(specs, nets, model.info, wiring=model.wiring_name).to(model.device)
