"""The protocol: how a model is scored against held-out data, and the floor that real data reach there."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from aegean.config import UserError
from aegean.formulas import frechet, neighbours
from aegean.metrics.columns import ColumnReference
from aegean.metrics.factors import Factors
from aegean.metrics.features import FeatureNetwork
from aegean.metrics.kinds import kind_of
from aegean.metrics.probes import Probes
from aegean.metrics.reference import Reference, TextureReference
from aegean.metrics.restored import HeldOut, measured
from aegean.metrics.samples import as_saved, check_fits, chosen, finite
from aegean.metrics.scores import DIRECTIONS, SHARES, Better, Score, count_name
from aegean.metrics.translated import beside_partners, labels_kept
from aegean.surface import option
from aegean.training.world import World

if TYPE_CHECKING:
    from aegean.data import Dataset


NOTHING: Mapping[str, float] = {}
RESTORED = 1_000  # pictures, on which the error of a restorer is known to hundredths of a dB


class Evaluator:
    """Scores models against the same held-out samples; what does not depend on the model is computed once.

    Called with a model: its scores by key, such as "fd@digits-classifier:397". The same seed gives the same scores.
    Samples and reconstructions are taken as a file would hold them, rounded and clipped to the raw type of the data.

    dataset: whose held-out part is compared with; of data with two sides that of the other one.
    features: the network in whose features samples are compared; None: only what needs none is measured.
    count: samples; brought down to the size of the smaller part, so that samples, held-out samples and the floor's
        training samples are equally many. The keys carry it.
    seed: of the choice of samples, and of those that models draw.
    world: of several processes each plays its share of the samples; the leading one gets the scores, the others none.
    probes: also what `probed` gives.
    trees: of tables, also what boosted trees learn from samples.
    """

    def __init__(
        self,
        dataset: Dataset,
        features: FeatureNetwork | None,
        count: int = 10_000,
        seed: int = 0,
        world: World | None = None,
        probes: bool = False,
        trees: bool = True,
    ):
        self.sides = dataset if dataset.target else None
        dataset = dataset.target or dataset
        if features and features.info:
            check_fits(features.info, dataset.info, f"The feature network {features.key}")
        self.dataset, self.info, self.network = dataset, dataset.info, features
        self.seed, self.world, self.probes, self.trees = seed, world or World(), probes, trees
        self.count = min(count, len(dataset.test), len(dataset.train), len((self.sides or dataset).test))
        if self.count < 2:
            raise UserError(f"{dataset.info.name}: {self.count} samples to compare with; at least 2 are needed.")
        places = chosen(len(dataset.test), self.count, seed)
        self.test = self.info.normalise(dataset.test[places])
        self.labels = None if dataset.test_labels is None else torch.as_tensor(dataset.test_labels[places])
        self.drawn = chosen(len(dataset.train), self.count, seed + 1)
        if self.world.leads and features:
            self._measure_real_data(features)

    def _measure_real_data(self, features: FeatureNetwork) -> None:
        """What does not depend on the model."""
        train, kind = self.info.normalise(self.dataset.train[self.drawn]), kind_of(self.info)
        blurred, texture = None, kind.texture
        if kind.reference:
            self.texture = kind.reference(self.dataset, self.test.numpy(), train.numpy())
        if texture:
            blurred = as_saved(torch.from_numpy(texture.blurred(train.numpy())), self.info, "")
            self.texture = TextureReference(texture, self.test.numpy(), train.numpy(), blurred.numpy())
        if self.info.table:
            held, seen = (self.info.restore(x) for x in (self.test, train))
            self.columns = ColumnReference(self.info.table, held, seen, self.seed, self.trees)
        real, known = features(self.test), features(train)
        lost = None if blurred is None else features(blurred)
        self.reference = Reference(self.dataset, features, real, known, lost, self.seed)

    def __call__(self, model: Any) -> dict[str, Score]:
        """Scores of whatever the model can do: sample, reconstruct, restore, score.

        `bits` is the mean of `model.score`: the evidence bound of log2 p, so higher is better.
        """
        check_fits(model.info, self.sides.info if self.sides else self.info, "The model")
        able = model.can()
        scores: dict[str, Score] = {}
        if "sample" in able and self.network:
            scores |= self.sampled(model)
        if "reconstruct" in able:
            scores |= self._reconstructed(model)
        if "restore" in able:
            scores |= self._restored(model)
        if "translate" in able and self.sides:
            scores |= self._translated(model, self.sides)
        if "score" in able:
            scores |= self._bound(model)
        return scores | self.probed(model) if self.probes else scores

    def probed(self, model: Any) -> dict[str, Score]:
        """What a model's encoder says: for labelled data the accuracy of linear probes of each of its levels, beside
        that of the raw values; for data whose factors are known (sprites) how well each latent dimension stands for
        one of them, on all samples, beside the same encoder untrained."""
        if not self.world.leads:
            return {}
        scores: dict[str, Score] = {}
        if "levels" in model.can() and self.linear:
            for where, accuracy in self.linear(model).items():
                key = f"probe@{where}:{count_name(self.count)}"
                scores[key] = Score(accuracy, self.linear.floor, DIRECTIONS["probe"])
        if "encode" in model.can() and self.factors:
            count = count_name(len(self.factors.factors))
            for name, (value, floor) in self.factors(model).items():
                scores[f"{name}@factors:{count}"] = Score(value, floor, DIRECTIONS[name])
        return scores

    @cached_property
    def linear(self) -> Probes | None:
        """Linear probes; None for data without classes."""
        if self.labels is None or len(self.info.classes) < 2:
            return None
        return Probes(self.dataset, self.test, self.labels, self.seed)

    @cached_property
    def factors(self) -> Factors | None:
        """None for data whose factors are not known."""
        return Factors.of(self.dataset, self.seed)

    @property
    def features(self) -> FeatureNetwork:
        """The network that samples are compared in."""
        assert self.network is not None, "nothing is measured in features"
        return self.network

    @property
    def mine(self) -> range:
        """The numbers of the samples that this process plays."""
        return self.world.part(self.count)

    def sampled(self, model: Any) -> dict[str, Score]:
        """Samples beside held-out data, and the line: what reconstructions of training samples score in their place. A
        prior that is perfect draws decode(encode(training data)), so no prior can do better; an adversary can.
        `memorised` has no line, for these are copies of training data."""
        place = {"start": self.mine.start} if self.mine.start else {}
        asked = model.sample_labels(len(self.mine), self.seed, **place) if model.conditional else None
        drawn = model.sample(len(self.mine), seed=self.seed, **place, **_labels(model, asked))
        fake = as_saved(drawn, self.info, "samples", self.world)
        ideal = self._ideal(model) if "reconstruct" in model.can() else None
        gathered = [None if x is None else self.world.gather(self.features(x)) for x in (fake, ideal)]
        scores = self._beside("reference", self.features.key, *gathered)
        asked = None if asked is None else self.world.gather(asked.cpu().numpy())
        if gathered[0] is not None and asked is not None:
            scores |= self._scores(self.features.key, self._agreement(gathered[0], asked))
        if kind_of(self.info).texture or kind_of(self.info).reference:
            gathered = [None if x is None else self.world.gather(x.cpu().numpy()) for x in (fake, ideal)]
            scores |= self._beside("texture", "", *gathered)
        if self.info.table and (rows := self.world.gather(self.info.restore(fake))) is not None:
            scores |= self._scores("", self.columns(rows), independent=self.columns.independent)
        return scores

    def _agreement(self, fake: np.ndarray, asked: np.ndarray) -> dict[str, tuple[float, float]]:
        """How often the classifier takes samples, by their features, for the class that was asked for, and held-out
        data for their own; nothing without a classifier of these classes."""
        head, labels = self.features.head, self.labels
        if head is None or labels is None or head(fake[:1]).shape[1] != len(self.info.classes):
            return {}
        found, known = (head(x).argmax(1) for x in (fake, self.reference.real))
        return {"agreement": (float((found == asked).mean()), float((known == labels.numpy()).mean()))}

    def _ideal(self, model: Any) -> Tensor:
        """What a perfect prior would draw: reconstructions of this process's part of the floor's training samples."""
        places, labels = self.drawn[self._part], self.dataset.train_labels
        x = self.info.normalise(self.dataset.train[places])
        return self._reconstructions(model, x, None if labels is None else torch.as_tensor(labels[places]))

    def _beside(self, reference: str, by: str, fake: np.ndarray | None, ideal: np.ndarray | None) -> dict[str, Score]:
        """Scores of samples, of which only the leading process has all."""
        if fake is None:
            return {}
        real = getattr(self, reference)
        line = {} if ideal is None else real.distances(ideal)
        return self._scores(by, real(fake), line=line, blurred=real.blurred, ngram=getattr(real, "sampler", NOTHING))

    def _reconstructions(self, model: Any, x: Tensor, labels: Tensor | None) -> Tensor:
        return as_saved(model.reconstruct(x, **_labels(model, labels)), self.info, "reconstructions", self.world)

    def _reconstructed(self, model: Any) -> dict[str, Score]:
        """Reconstructions beside their originals; the floor is an exact copy."""
        x_hat = self._reconstructions(model, *self._mine)
        features = self.world.gather(self.network(x_hat)) if self.network else None
        values = self.world.gather(x_hat.cpu().numpy())
        if values is None:
            return {}
        originals, scores = self.test.numpy(), dict[str, Score]()
        if self.network and features is not None:
            distance = frechet.frechet_from_moments(*self.reference.moments, *frechet.moments(features))
            scores |= self._scores(self.network.key, {"rfd": (distance, 0.0)})
        for name, quality in kind_of(self.info).quality(self.info).items():
            found = {name: (quality.formula(originals, values), quality.perfect)}
            scores |= self._scores("test", found, quality.better)
        return scores

    def _restored(self, model: Any) -> dict[str, Score]:
        """Held-out pictures, damaged and repaired."""
        leads = self.world.leads and self.network is not None
        moments = self.reference.moments if leads else None
        count = self.count if self.network else min(self.count, RESTORED)
        mine = self.world.part(count)
        clean = self.test[mine.start : mine.stop]
        held = HeldOut(clean, mine.start, self.info, self.seed, self.world, self.network, moments)
        return {
            f"{one.name}@{one.by}:{count_name(count)}": Score(
                one.value, one.floor, one.better, given=one.given, classical=one.classical
            )
            for one in measured(held, model)
        }

    def _translated(self, model: Any, sides: Dataset) -> dict[str, Score]:
        """Held-out samples of one side as those of the other."""
        places = chosen(len(sides.test), self.count, self.seed)
        given = sides.info.normalise(sides.test[places])
        ways = {"": 1.0, **({"exact_": 0.0} if "sharp" in model.nets else {})}
        made: dict[str, Tensor] = {}
        for prefix, strength in ways.items():
            x = as_saved(model.translate(given[self._part], strength=strength), self.info, "translations", self.world)
            whole = self.world.gather(x.cpu().numpy())
            made |= {} if whole is None else {prefix: torch.from_numpy(whole)}
        if not made:
            return {}
        count, scores = count_name(self.count), dict[str, Score]()
        if sides.info.paired:
            found = beside_partners(sides, given, self.test, made)
            scores |= {f"{name}@partner:{count}": score for name, score in found}
        if self.network:
            scores |= self._beside("reference", self.network.key, self.network(made[""]), None)
            if sides.test_labels is not None and self.labels is not None and sides.info.classes == self.info.classes:
                labels = torch.as_tensor(sides.test_labels[places])
                kept = labels_kept(self.network, made[""], labels, given, self.test, self.labels)
                scores[f"label@{self.network.key}:{count}"] = kept
        return scores

    def _bound(self, model: Any) -> dict[str, Score]:
        """The evidence bound of held-out data."""
        place = {"start": self.mine.start} if self.mine.start else {}
        x, labels = self._mine
        bits = finite(model.score(x, **place, **_labels(model, labels)), "scores", self.world)
        gathered = self.world.gather(bits.double().cpu().numpy())
        return {} if gathered is None else self._scores("test", {"bits": (float(gathered.mean()), None)})

    @property
    def _part(self) -> slice:
        return slice(self.mine.start, self.mine.stop)

    @property
    def _mine(self) -> tuple[Tensor, Tensor | None]:
        """This process's held-out samples and their labels."""
        return self.test[self._part], None if self.labels is None else self.labels[self._part]

    def _scores(
        self,
        by: str,
        found: Mapping[str, tuple[float, float | None]],
        better: Better | None = None,
        line: Mapping[str, float] = NOTHING,
        blurred: Mapping[str, float] = NOTHING,
        independent: Mapping[str, float] = NOTHING,
        ngram: Mapping[str, float] = NOTHING,
    ) -> dict[str, Score]:
        """Scores by key, of (value, floor) and other marks by name; a name may say itself by what it was measured."""
        scores = {}
        for name, (value, floor) in found.items():
            interval = neighbours.share_interval(value, self.count) if name in SHARES else None
            mark = None if floor is None else float(floor)
            key = f"{name}@{by}:{count_name(self.count)}" if by else f"{name}:{count_name(self.count)}"
            way = better or DIRECTIONS[name.split("@")[0]]
            marks = {"line": line, "blurred": blurred, "independent": independent, "ngram": ngram}
            scores[key] = Score(
                float(value), mark, way, interval, **{where: found.get(name) for where, found in marks.items()}
            )
        return scores


def _labels(model: Any, labels: Tensor | None) -> dict[str, Tensor]:
    """The labels, for a model that takes some."""
    return {} if labels is None or not model.conditional else {"labels": labels}


def class_agreement(model: Any, features: FeatureNetwork, count: int = 100, seed: int = 0) -> dict[str, float]:
    """For each class, the share of `count` samples asked for as that class that the classifier takes for it.

    For models with a class input (`model.sample(n, seed=, labels=)`), and a feature network with classes.
    """
    classes = model.info.classes
    if not features.head or not classes or not model.conditional:
        raise UserError(
            f"Class agreement needs a model with classes and a classifier, not {model.info.name} and "
            f"{features.key}; train with labelled data and {option('conditional', 'true')}."
        )
    shares = {}
    for index, name in enumerate(classes):
        x = model.sample(count, seed=seed + index, labels=torch.full((count,), index))
        predicted = features.head(features(as_saved(x, model.info, "samples"))).argmax(1)
        shares[name] = float((predicted == index).mean())
    return shares
