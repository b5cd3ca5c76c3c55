"""A gradient reaches exactly the networks that its term names, whatever a recipe's settings."""

import pytest
import torch
from steps import history, trainer

from aegean.recipes import RECIPES
from aegean.recipes.groups import Loss
from aegean.testing import check_reach
from aegean.training.engine import Engine
from aegean.training.player import parameters

CASES = [("gan", {"loss": loss}) for loss in Loss.__args__]
CASES += [("gan", {"pack": 2, "augment": "translation,cutout", "conditional": True})]
CASES += [
    (
        "ae_to_gan",
        {"teacher": 0.5, "pack": 2, "distil": 1, "generator": "new", "freeze": 1, "invert": 1, "recon": True},
    ),
    ("ae_to_gan", {"discriminator": "project", "pixels": True}),
    ("ae_to_gan", {"discriminator": "share"}),
    ("vae", {"likelihood": "bernoulli"}),
]
CASES += [
    ("hierarchical_vae", {"training": "coarse_to_fine"}),
    ("stacked_gan", {"training": "coarse_to_fine", "levels": 3}),
    ("stacked_gan", {"encoder": "classifier", "training": "joint"}),
    ("multiscale_gan", {"training": "coarse_to_fine"}),
]
CASES += [("restore", {"damage": "holes", "adversary": True}), ("restore", {"damage": "mix", "flips": "all"})]
CASES += [("sound_codec", {"plain": 0.4})]
CASES += [("ae", {"error": error}) for error in ("absolute", "bernoulli", "gaussian")]


@pytest.mark.slow
@pytest.mark.parametrize("name,settings", CASES, ids=str)
def test_each_term_moves_whom_it_names_and_nobody_else(make, name, settings):
    check_reach(make(name, **settings))


@pytest.mark.slow
@pytest.mark.parametrize("name,settings", [("gan", {"loss": "wasserstein"}), ("ae_to_gan", {}), ("projected_gan", {})])
def test_in_forward_mode_too(make, name, settings):
    check_reach(make(name, engine=Engine(forward_mode=True), **settings))


@pytest.mark.parametrize("name", RECIPES)
def test_every_parameter_trains_somewhere(name):
    """Dead weights hide mistakes: after a few steps of each phase all of them have moved at some time."""
    nets = trainer(name, 10).nets
    names = {k: f"net/{k.replace('.', '/', 1)}" for k in parameters(nets, nets)}
    start, *later = (m.tensors for m in history(name))
    idle = {k for k, name in names.items() if all(torch.equal(start[name], state[name]) for state in later)}
    assert all("log_variance" in k for k in idle), idle  # a variance moves only under a Gaussian likelihood
