"""Canaries in a run: can those that were trained on be told from those that were not?"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from aegean.data import Dataset
from aegean.data.sets.canaries import canaries
from aegean.formulas.membership import told
from aegean.formulas.memorisation import nearest
from aegean.metrics.samples import as_saved
from aegean.model import Model
from aegean.session.runs import load
from aegean.session.train import train
from aegean.surface import muted, say
from aegean.training.settings import Settings
from aegean.trust.attacks import WORDS, scores_of_model
from aegean.trust.records import Features


def canaries_of(
    path: str | Path, plan: Settings, dataset: Dataset, features: Features, wanted: int, samples: int
) -> dict[str, Any] | None:
    """What is told of a run's canaries; of a run without any, those of the same training made again with `wanted`."""
    if plan.canaries:
        return found(load(path), plan, dataset, features, samples)
    if not wanted:
        return None
    say(f"training the same again with {wanted} canaries: {plan.run.images:,} images")
    with tempfile.TemporaryDirectory() as folder, muted():
        settings = {**plan.settings, "canaries": wanted}
        out = Path(folder) / "run"
        model = train(plan.recipe, plan.data, out, images=plan.run.images, seed=plan.run.seed, settings=settings)
        return found(model, plan.replace(canaries=wanted), dataset, features, samples)


def found(model: Model, plan: Settings, dataset: Dataset, features: Features, samples: int) -> dict[str, Any]:
    """Each attack's AUC on all canaries, and on those that stood there 1, 4 and 16 times beside those that did not."""
    birds = canaries(dataset, plan.canaries, plan.run.seed)
    every = np.arange(len(birds.raw))
    scores = {name: score(birds.raw, birds.labels, every) for name, score in scores_of_model(model).items()}
    if "sample" in model.can():
        made = features(as_saved(model.sample(samples), model.info, "samples"))
        scores["nearest"] = -nearest(features(model.info.normalise(birds.raw)), made)[0]
    attacks = [_told(name, score, birds.inside, birds.repeats) for name, score in scores.items()]
    return {"count": len(birds.raw), "inside": int(birds.inside.sum()), "attacks": attacks}


def _told(name: str, score: np.ndarray, inside: np.ndarray, repeats: np.ndarray) -> dict[str, Any]:
    all_of_them = told(score[inside], score[~inside])
    parts = {}
    for times in np.unique(repeats).tolist():
        members = score[inside & (repeats == times)]
        parts[str(times)] = told(members, score[~inside]).auc if len(members) else None
    plain = {"auc": all_of_them.auc, "interval": list(all_of_them.interval), "p": all_of_them.p}
    return {"name": name, "words": WORDS[name], **plain, "epsilon": all_of_them.epsilon, "by_repeats": parts}
