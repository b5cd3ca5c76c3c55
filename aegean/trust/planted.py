"""What is planted: the same training once more, with canaries or on a few records alone, which an audit must find."""

from __future__ import annotations

import sys
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from tqdm import tqdm

from aegean.config import UserError
from aegean.data import Dataset
from aegean.data.sets.canaries import canaries, with_canaries
from aegean.formulas.membership import told
from aegean.formulas.memorisation import nearest
from aegean.metrics.samples import as_saved
from aegean.model import Model
from aegean.session.setup import make_feed, make_trainer
from aegean.surface import option, say
from aegean.training.settings import Settings
from aegean.trust.attacks import WORDS, by_model, by_samples, scores_of_model
from aegean.trust.records import Features, Records, seen

FEW = 100  # records of a model that must be found


def canaries_of(
    model: Model, plan: Settings, dataset: Dataset, features: Features, wanted: int, samples: int
) -> dict[str, Any] | None:
    """Each attack's AUC on a run's canaries: on all, and on those that stood there 1, 4 and 16 times beside those that
    did not. Of a run without any, those of the same training made again with `wanted`; None for 0."""
    if not plan.canaries:
        if not wanted:
            return None
        plan = plan.replace(canaries=wanted)
        model = trained_again(plan, with_canaries(dataset, wanted, plan.run.seed), model.device)
    birds = canaries(dataset, plan.canaries, plan.run.seed)
    every = np.arange(len(birds.raw))
    scores = {name: score(birds.raw, birds.labels, every) for name, score in scores_of_model(model).items()}
    if "sample" in model.can():
        made = features(as_saved(model.sample(samples), model.info, "samples"))
        scores["nearest"] = -nearest(features(model.info.normalise(birds.raw)), made)[0]
    attacks = [_told(name, score, birds.inside, birds.repeats) for name, score in scores.items()]
    return {"count": len(birds.raw), "inside": int(birds.inside.sum()), "attacks": attacks}


def few_of(
    plan: Settings,
    dataset: Dataset,
    records: Records,
    features: Features,
    samples: int,
    seed: int,
    device: torch.device,
) -> dict[str, Any]:
    """The strongest attack on a model of FEW of the training records alone, with its p among all attacks tried."""
    places = np.sort(np.random.default_rng(seed).permutation(len(dataset.train))[:FEW])
    labels = None if dataset.train_labels is None else dataset.train_labels[places]
    some = replace(dataset, train=np.asarray(dataset.train[places]), train_labels=labels)
    model = trained_again(plan, some, device)
    attacks = by_model(model, some, records._replace(members=np.arange(len(places))))
    if "sample" in model.can():
        made = features(as_saved(model.sample(samples, seed), model.info, "samples"))
        others = seen(dataset.test, records.others, dataset.info, features)
        part = dataset.train if records.reference_trained else dataset.test
        reference = seen(part, records.reference, dataset.info, features)
        attacks |= by_samples(seen(some.train, np.arange(len(places)), dataset.info, features), others, reference, made)
    found = {name: told(*scores) for name, scores in attacks.items()}
    name = max(found, key=lambda name: found[name].auc)
    best = found[name]
    return {"records": len(places), "name": name, "auc": best.auc, "interval": list(best.interval),
            "p": min(1.0, best.p * len(found))}  # fmt: skip


def check_again(plan: Settings) -> None:
    """UserError: the training cannot be made once more."""
    if plan.inherited:
        raise UserError(
            f"This run began with the networks of another one, so it is not trained once more: leave {option('few')} "
            f"and {option('canaries')} out."
        )


def trained_again(plan: Settings, dataset: Dataset, device: torch.device) -> Model:
    """The model of the same training on other data."""
    say(f"training the same once more on {len(dataset.train):,} records: {plan.run.images:,} images")
    trainer = make_trainer(plan.run, make_feed(dataset, device, plan.run.seed))
    steps = plan.run.images // plan.run.batch
    for _ in tqdm(trainer, "training", steps, unit="step", leave=False, delay=1, file=sys.stderr):
        pass
    return trainer.model()


def _told(name: str, score: np.ndarray, inside: np.ndarray, repeats: np.ndarray) -> dict[str, Any]:
    all_of_them = told(score[inside], score[~inside])
    parts = {}
    for times in np.unique(repeats).tolist():
        members = score[inside & (repeats == times)]
        parts[str(times)] = told(members, score[~inside]).auc if len(members) else None
    plain = {"auc": all_of_them.auc, "interval": list(all_of_them.interval), "p": all_of_them.p}
    return {"name": name, "words": WORDS[name], **plain, "epsilon": all_of_them.epsilon, "by_repeats": parts}
