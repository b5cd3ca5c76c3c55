"""Priors fitted to the latents of a run's own training data."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch

from aegean.config import UserError, nearest, net
from aegean.data import Dataset
from aegean.latent import FITTED, PRIORS, NormalPrior, WhiteningPrior, fold, foldable
from aegean.model import Model
from aegean.session.runs import load, own_data
from aegean.session.setup import make_feed, make_trainer
from aegean.surface import muted, say
from aegean.training.folder import Folder
from aegean.training.settings import Settings
from aegean.training.trainer import fit


def fit_prior(path: str | Path, name: str, count: int = 20_000) -> Model:
    """Fit a prior to the latents of a run's own training data; the run's model then samples from it.

    path: the run folder.
    name: "gaussian" is one Gaussian, "mixture" several, "mapping" a dense network trained as a GAN on latents.
        "whitening" moves the one Gaussian out of the prior into decoder and bottleneck, whose latents change by an
        affine map that makes them white: reconstructions stay, and plain N(0, 1) is the prior. A variational model
        keeps that map in its prior.
    count: training samples.

    When `resume` raises the run's budget, the prior is fitted anew at its end, to the latents as they are then.
    UserError: no such prior, a model without an encoder, data that are gone.
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


def fitted(folder: Folder, plan: Settings, dataset: Dataset, count: int = 20_000) -> Model:
    """The run's model with the prior that its plan asks for, fitted to `count` training samples and saved."""
    model = load(folder.path)
    classes = len(plan.info.classes) if model.conditional else 0
    spec = net(PRIORS[plan.prior], latent=model.latent, classes=classes)
    with muted():
        trainer = make_trainer(plan.run, make_feed(dataset, torch.device("cpu"), plan.run.seed))
    for part, network in model.nets.items():
        if plan.run.nets.get(part) == model.specs[part]:
            trainer.nets[part].load_state_dict(network.state_dict())
    prior: Any = spec.build()
    fit(prior, *trainer.latents(count))
    if isinstance(prior, WhiteningPrior):
        if foldable(model.nets["bottleneck"]) and hasattr(model.nets["G"], "stem"):
            fold(prior, model.nets["bottleneck"], model.nets["G"])
            spec = net(NormalPrior, latent=prior.latent, classes=prior.classes)
            prior = spec.build()
        else:
            say(
                "note: the whitening stays in the prior: noise of the posterior that is independent in every dimension "
                "of z would not be so in whitened ones"
            )
    nets, specs = {**model.nets, "prior": prior}, {**model.specs, "prior": spec}
    model = Model(specs, nets, model.info, model.bound, {**model.about, "prior": plan.prior}, model.wiring_name)
    model.save(folder.model)
    folder.scores.unlink(missing_ok=True)
    return model
