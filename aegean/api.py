"""What Python users call: train, resume, load, evaluate, fit. The command line is thin over these."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from aegean.asked import parse_images, pick_device
from aegean.config import UserError, nearest
from aegean.data import DataOptions, open_data
from aegean.latent import FITTED
from aegean.metrics.features import feature_network, feature_network_from
from aegean.metrics.protocol import Evaluator
from aegean.metrics.samples import check_fits
from aegean.metrics.scores import Score
from aegean.model import Model
from aegean.session import COUNTED, EVALUATING, fitted, load, own_data, resume, say, train
from aegean.training.folder import Folder
from aegean.training.loop import Interrupted
from aegean.training.trainer import Fault
from aegean.training.world import Lost

__all__ = [
    "Fault",
    "Interrupted",
    "Lost",
    "evaluate",
    "fit_prior",
    "load",
    "parse_images",
    "pick_device",
    "resume",
    "say",
    "scores",
    "train",
]


def evaluate(
    path: str | Path,
    data: str | DataOptions | None = None,
    count: int = COUNTED,
    features: Callable[..., Any] | str | Path | None = None,
    device: str = "auto",
) -> dict[str, Score]:
    """Scores of a run's model by key, such as "fd@digits-classifier:397", each beside its floor.

    data: other held-out data than those of the run, a SPEC or DataOptions. count: samples compared, at most; brought
    down to the smaller part of the data. features: another run, whose encoder measures, or a callable, instead of the
    network that is trained on the data. UserError: data of another shape, fewer than 2 samples, no such run.
    """
    if count < 2:
        raise UserError(f"--count {count}: expected at least 2.")
    model = load(path, pick_device(device))
    dataset = own_data(path, home(path).read()) if data is None else open_data(data)
    check_fits(model.info, dataset.info, "The model")
    network = feature_network(dataset) if features is None else feature_network_from(features)
    if network.accuracy is not None:
        say(f"measured in {network.key}, which is right on {network.accuracy:.1%} of the held-out samples")
    model.progress = EVALUATING
    return Evaluator(dataset, network, count, probes=True)(model)


def home(path: str | Path) -> Folder:
    """The run of a run folder, or of a model file that lies in one."""
    path = Path(path)
    if path.is_file() and not (path.parent / "config.json").exists():
        raise UserError(f"{path} lies in no run folder, so its data are not known; give --data SPEC.")
    return Folder(path.parent if path.is_file() else path)


def fit_prior(path: str | Path, name: str, count: int = 20_000) -> Model:
    """Fit a prior to the latents of a run's own training data; the run's model then samples from it.

    "gaussian" is one Gaussian, "mixture" several, "mapping" a dense network trained as a GAN on latents. "whitening"
    moves the one Gaussian out of the prior into decoder and bottleneck, whose latents change by an affine map that
    makes them white: reconstructions stay, and plain N(0, 1) is the prior. A variational model keeps that map in its
    prior. When `resume` raises the run's budget, the prior is fitted anew at its end, to the latents as they are
    then. `count`: training samples. UserError: no such prior, a model without an encoder, data that are gone.
    """
    if name not in FITTED:
        raise UserError(f"There is no prior {name!r} to fit.{nearest(name, FITTED)}")
    folder = Folder(path)
    plan, model = folder.read(), load(path)
    if "encode" not in model.can():
        raise UserError(f"{path} has no encoder, so there are no latents to fit a prior to.")
    plan = plan.replace(prior=name)
    dataset = own_data(path, plan)
    with folder.locked():
        model = fitted(folder, plan, dataset, count)
        folder.write_settings(plan)
    return model


def scores(path: str | Path) -> dict[str, dict[str, Any]]:
    """The scores of a run's final evaluation, {value, floor, better} by key; empty before it."""
    file = Folder(path).scores
    return json.loads(file.read_text(encoding="utf-8"))["scores"] if file.exists() else {}
