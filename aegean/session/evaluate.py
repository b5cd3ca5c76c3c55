"""Evaluating models, of runs in training and of finished ones."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from tqdm import tqdm

from aegean.config import UserError
from aegean.data import DataOptions, Dataset, open_data
from aegean.machine import pick_device
from aegean.metrics.features import feature_network, feature_network_from
from aegean.metrics.protocol import Evaluator
from aegean.metrics.samples import check_fits
from aegean.metrics.scores import Score
from aegean.model import Model
from aegean.session.runs import home, load, own_data
from aegean.surface import option, say
from aegean.training.folder import Folder, score_json
from aegean.training.schedule import Run
from aegean.training.world import World

WATCHED = 2_000  # held-out samples of the evaluations while training
COUNTED = 10_000  # of the final one
FEW = 100  # held-out samples, below which scores are mostly chance
EVALUATING = partial(tqdm, desc="evaluating", unit="batch", leave=False, delay=1)


def evaluate(
    path: str | Path,
    data: str | DataOptions | None = None,
    count: int = COUNTED,
    features: Callable[..., Any] | str | Path | None = None,
    device: str = "auto",
) -> dict[str, Score]:
    """Scores of a run's model by key, such as "fd@digits-classifier:397", each beside its floor.

    path: a run folder, or a model file.
    data: other held-out data than those of the run, a SPEC or DataOptions.
    count: samples compared, at most; brought down to the smaller part of the data.
    features: another run, whose encoder measures, or a callable, instead of the network trained on the data.
    device: auto, cuda, mps or cpu.

    UserError: data of another shape, fewer than 2 samples, no such run.
    """
    if count < 2:
        raise UserError(f"{option('count', count)}: expected at least 2.")
    model = load(path, pick_device(device))
    dataset = own_data(path, home(path).read()) if data is None else open_data(data, model.info.table)
    check_fits(model.info, dataset.info, "The model")
    network = feature_network(dataset.target or dataset) if features is None else feature_network_from(features)
    if network.accuracy is not None:
        say(f"measured in {network.key}, which is right on {network.accuracy:.1%} of the held-out samples")
    model.progress = EVALUATING
    return Evaluator(dataset, network, count, probes=True)(model)


def make_evaluator(
    dataset: Dataset, count: int, world: World | None = None, probes: bool = False, run: Run | None = None
) -> Evaluator:
    """An evaluator on a data set's held-out part, in the data's own feature network.

    dataset: what is measured on.
    count: samples compared, at most.
    world: the processes that share the work.
    probes: whether latents are probed for the classes of the data.
    run: what is being trained, measured without boosted trees; a restorer without an adversary and a codec of sounds
        are not measured in features either, whose network has its price.
    """
    measured = dataset.target or dataset
    if measured.info.test_count < FEW:
        say(f"note: only {measured.info.test_count} held-out samples: small differences between scores are chance")
    world = world or World()
    nets = run.nets if run else {}
    plain = ("ear" in nets and "prior" not in nets) or ("U" in nets and "D" not in nets)
    features = None if plain else world.first(lambda: feature_network(measured))
    return Evaluator(dataset, features, count, world=world, probes=probes, trees=run is None)


def write_scores(folder: Folder, evaluator: Evaluator, model: Model, images: int) -> dict[str, Score]:
    """The final evaluation of a run, kept as evaluation.json."""
    if evaluator.world.leads:
        model.progress = EVALUATING
    scores = evaluator(model)
    if evaluator.world.leads:
        folder.write_scores(images, {key: score_json(score) for key, score in scores.items()})
    return scores
