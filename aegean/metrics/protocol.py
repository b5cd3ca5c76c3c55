"""The protocol: how a model is scored against held-out data, and the floor that real data reach there."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import torch
from torch import Tensor

from aegean.config import UserError
from aegean.data.info import DataInfo
from aegean.formulas import frechet, kernel, memorisation, modes, neighbours, pictures
from aegean.metrics.factors import Factors
from aegean.metrics.features import BATCH, FeatureNetwork
from aegean.metrics.probes import Probes
from aegean.training.world import World

if TYPE_CHECKING:
    from aegean.data import Dataset

PRECISION_K, COVERAGE_K = 3, 5  # neighbours, as published
COPIED = 5  # training images looked through for each sample,
FEWEST, MOST = 10_000, 50_000  # but so many at least and at most
SHARES = ("coverage", "memorised")
DIRECTIONS: dict[str, Literal["higher", "lower"]] = {
    "fd": "lower",
    "kd": "lower",
    "precision": "higher",
    "recall": "higher",
    "density": "higher",
    "coverage": "higher",
    "modes": "higher",
    "modes_confident": "higher",
    "mode_kl": "lower",
    "memorised": "lower",
    "rfd": "lower",
    "psnr": "higher",
    "ssim": "higher",
    "mse": "lower",
    "bits": "higher",
    "probe": "higher",
    "mig": "higher",
    "factorvae": "higher",
}


@dataclass(frozen=True)
class Score:
    """A number and what real data reach in its place, at the same counts."""

    value: float
    floor: float | None  # None where real data have no such number: the bits of a model
    better: Literal["higher", "lower"]
    interval: tuple[float, float] | None = None  # 95 % of the value, where the formula gives one


def count_name(count: int) -> str:
    """10000 -> "10k", 397 -> "397"."""
    return f"{count // 1000}k" if count and count % 1000 == 0 else str(count)


def count_of(key: str) -> int:
    """The count that a key names: 10000 of "fd@digits-classifier:10k"."""
    return int(key.rpartition(":")[2].replace("k", "000"))


class Evaluator:
    """Scores models against the same held-out samples; what does not depend on the model is computed once.

    `count` is brought down to the size of the smaller part, so that samples, held-out samples and the floor's
    training samples are equally many; the keys carry it. Called with a model: its scores by key, such as
    "fd@digits-classifier:397". The same seed gives the same scores. Samples and reconstructions are taken as a
    file would hold them, rounded and clipped to the raw type of the data. In a world of several processes each
    plays its share of the samples; the leading one gets the scores, the others none.

    `memorised` looks for copies among the whole training part, or a seeded choice of it: 10,000 training images for
    2,000 samples or fewer, five for each sample above, never more than 50,000. Copies of an image that was not chosen
    are not found, so the share depends on the choice; floor and value have the same. The floor of `memorised` alone
    is that of held-out samples, for which copying is impossible.

    `probes`: for labelled data also the accuracy of linear probes of every level of a model's encoder; their floor is
    a probe of the raw values. For data whose factors are known (sprites) also how well each number of the latent stands
    for one of them, on all samples; the floor is the same encoder untrained.
    """

    def __init__(
        self,
        dataset: Dataset,
        features: FeatureNetwork,
        count: int = 10_000,
        seed: int = 0,
        world: World | None = None,
        probes: bool = False,
    ):
        if features.info:
            check_fits(features.info, dataset.info, f"The feature network {features.key}")
        self.features, self.seed, self.info, self.world = features, seed, dataset.info, world or World()
        self.train = dataset.train
        self.count = min(count, len(dataset.test), len(dataset.train))
        if self.count < 2:
            raise UserError(f"{dataset.info.name}: {self.count} samples to compare with; at least 2 are needed.")
        chosen = _drawn(len(dataset.test), self.count, seed)
        self.test = self.info.normalise(dataset.test[chosen])
        self.labels = None if dataset.test_labels is None else torch.as_tensor(dataset.test_labels[chosen])
        if not self.world.leads:
            return
        probed = probes and self.labels is not None and len(self.info.classes) > 1
        self.probes = Probes(dataset, self.test, self.labels, seed) if probed else None  # type: ignore[arg-type]
        self.factors = Factors.of(dataset, seed) if probes else None
        self.real = features(self.test)
        self.moments = frechet.moments(self.real)
        self.within = kernel.mean_within(self.real)
        ks = [k for k in (PRECISION_K, COVERAGE_K) if k < self.count]
        self.radii = {k: neighbours.squared_radii(self.real, k) for k in ks}
        drawn = _drawn(len(dataset.train), self.count, seed + 1)
        self.floor = self.distances(features(self.info.normalise(dataset.train[drawn])))

    def __call__(self, model: Any) -> dict[str, Score]:
        """Scores of whatever the model can do: sample, reconstruct, score.

        `bits` is the mean of `model.score`: the evidence bound of log2 p, so higher is better.
        """
        able = model.can()
        check_fits(model.info, self.info, "The model")
        mine, gather = self.world.part(self.count), self.world.gather
        x = self.test[mine.start : mine.stop]
        place = {"start": mine.start} if mine.start else {}
        labels = {} if self.labels is None or not model.conditional else {"labels": self.labels[mine.start : mine.stop]}
        scores: dict[str, Score] = {}
        if "sample" in able:
            fake = model.sample(len(mine), seed=self.seed, **place)
            found = gather(self.features(_as_saved(fake, self.info, "samples", self.world)))
            if found is not None:
                scores |= self._scores(self.features.key, self.distances(found), self.floor)
                copied = {"memorised": memorisation.memorised(self.known, found)}
                scores |= self._scores(self.features.key, copied, {"memorised": self.unseen})
        if "reconstruct" in able:
            x_hat = _as_saved(model.reconstruct(x, **labels), self.info, "reconstructions", self.world)
            features, pixels = gather(self.features(x_hat)), gather(x_hat.cpu().numpy())
            if features is not None and pixels is not None:
                scores |= self._reconstruction(features, pixels)
        if "score" in able:
            bits = gather(_finite(model.score(x, **place, **labels), "scores", self.world).double().cpu().numpy())
            if bits is not None:
                scores |= self._scores("test", {"bits": float(bits.mean())}, {"bits": None})
        if "levels" in able and self.world.leads and self.probes:
            for where, accuracy in self.probes(model).items():
                scores |= self._scores(where, {"probe": accuracy}, {"probe": self.probes.floor})
        if "encode" in able and self.world.leads and self.factors:
            for name, (value, floor) in self.factors(model).items():
                key = f"{name}@factors:{count_name(len(self.factors.factors))}"
                scores[key] = Score(value, floor, DIRECTIONS[name])
        return scores

    def distances(self, fake: np.ndarray) -> dict[str, float]:
        """Every formula between the held-out features and others (count, d), by name."""
        found = {
            "fd": frechet.frechet_from_moments(*self.moments, *frechet.moments(fake)),
            "kd": kernel.kernel_distance(self.real, fake, self.within),
        }
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

    @cached_property
    def known(self) -> np.ndarray:
        """Features (n, d) of the training images among which copied ones are looked for."""
        chosen = _drawn(len(self.train), min(max(FEWEST, COPIED * self.count), MOST), self.seed + 2)
        blocks = (chosen[start : start + BATCH] for start in range(0, len(chosen), BATCH))
        return np.concatenate([self.features(self.info.normalise(self.train[block])) for block in blocks])

    @cached_property
    def unseen(self) -> float:
        """The share of held-out samples that look memorised."""
        return memorisation.memorised(self.known, self.real)

    def _mode_reference(self, classes: int) -> np.ndarray | None:
        """The classes' frequencies in the training part, which a model is to learn; uniform where unknown."""
        return np.maximum(self.info.class_counts, 1) if len(self.info.class_counts) == classes else None

    def _reconstruction(self, features: np.ndarray, b: np.ndarray) -> dict[str, Score]:
        """Paired scores of reconstructions b (count, *shape) with their features; the floor is an exact copy."""
        moments = frechet.moments(features)
        rfd = {"rfd": frechet.frechet_from_moments(*self.moments, *moments)}
        a = self.test.numpy()
        found, floor = {"mse": pictures.mean_squared_error(a, b)}, {"mse": 0.0}
        if self.info.is_image:
            found["psnr"], floor["psnr"] = pictures.psnr(a, b), pictures.PSNR_CAP
            if min(self.info.shape[1:]) >= 3:
                found["ssim"], floor["ssim"] = pictures.ssim(a, b), 1.0
        return self._scores(self.features.key, rfd, {"rfd": 0.0}) | self._scores("test", found, floor)

    def _scores(self, by: str, found: dict[str, float], floor: dict[str, Any]) -> dict[str, Score]:
        scores = {}
        for name, value in found.items():
            interval = neighbours.share_interval(value, self.count) if name in SHARES else None
            key = f"{name}@{by}:{count_name(self.count)}"
            best = None if floor[name] is None else float(floor[name])
            scores[key] = Score(float(value), best, DIRECTIONS[name], interval)
        return scores


def evaluate(
    model: Any, dataset: Dataset, features: FeatureNetwork, count: int = 10_000, seed: int = 0
) -> dict[str, Score]:
    """The scores of one model; see `Evaluator`."""
    return Evaluator(dataset, features, count, seed)(model)


def class_agreement(model: Any, features: FeatureNetwork, count: int = 100, seed: int = 0) -> dict[str, float]:
    """For each class, the share of `count` samples asked for as that class that the classifier takes for it.

    For models with a class input (`model.sample(n, seed=, labels=)`), and a feature network with classes.
    """
    classes = model.info.classes
    if not features.head or not classes or not model.conditional:
        raise UserError(
            f"Class agreement needs a model with classes and a classifier, not {model.info.name} and "
            f"{features.key}; train with labelled data and conditional=true."
        )
    shares = {}
    for index, name in enumerate(classes):
        x = model.sample(count, seed=seed + index, labels=torch.full((count,), index))
        predicted = features.head(features(_as_saved(x, model.info, "samples"))).argmax(1)
        shares[name] = float((predicted == index).mean())
    return shares


def check_fits(theirs: DataInfo, ours: DataInfo, who: str) -> None:
    """Other shapes cannot be compared, and tables standardised otherwise would be, without meaning."""
    if theirs.shape != ours.shape:
        raise UserError(
            f"{who} was made for samples of shape {theirs.shape}; those of {ours.name} have {ours.shape}. "
            "Measure on data of the same shape."
        )
    if not ours.is_image and (theirs.offset, theirs.scale) != (ours.offset, ours.scale):
        raise UserError(
            f"{who} was made for {theirs.name}, whose columns were standardised otherwise than those of "
            f"{ours.name}; measure on the data it was made for."
        )


def _drawn(count: int, n: int, seed: int) -> np.ndarray:
    """n different indices below `count`, seeded, in rising order."""
    return np.sort(np.random.default_rng(seed).permutation(count)[:n])


def _as_saved(x: Tensor, info: DataInfo, what: str, world: World | None = None) -> Tensor:
    """Model values (n, *shape) as a file would hold them: rounded and clipped to the data's raw type."""
    return info.normalise(info.restore(_finite(x, what, world))).to(x.device)


def _finite(x: Tensor, what: str, world: World | None = None) -> Tensor:
    """x, if all of it is finite in every process; all of them refuse together, so that none waits for another."""
    x = x.detach()
    if any((world or World()).any(not bool(torch.isfinite(x).all()))):
        raise UserError(f"The model's {what} contain NaN or infinity: it has diverged; use an earlier state of it.")
    return x
