"""A gradient reaches exactly the networks that its term names: every term of every turn of every recipe."""

import pytest
import torch
from steps import history, trainer

from aegean.recipes import RECIPES
from aegean.recipes.groups import Loss
from aegean.training.engine import Engine
from aegean.training.player import Player, parameters

CASES = [(name, {}) for name in RECIPES]
CASES += [("gan", {"loss": loss}) for loss in Loss.__args__]
CASES += [("gan", {"pack": 2, "augment": "translation,cutout", "conditional": True})]
CASES += [
    ("ae_to_gan", {"pack": 2, "distil": 1.0, "generator": "new", "freeze": 1, "invert": 1.0, "recon": True}),
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
CASES += [("ae", {"error": error}) for error in ("absolute", "bernoulli", "gaussian")]


@pytest.mark.parametrize("name,settings", CASES, ids=str)
@pytest.mark.parametrize("forward_mode", [False, True])
def test_each_term_moves_whom_it_names_and_nobody_else(make, name, settings, forward_mode):
    trainer = make(name, engine=Engine(forward_mode=forward_mode), **settings)
    for number, phase in enumerate(trainer.run.schedule):
        trainer.phase_number = number
        trainer.enter(with_edges=False)
        trainer.step()  # away from the zeros of the initialisation
        for turn in phase.turns:
            for term in turn.terms:
                player = Player(turn.replace(terms=(term,), lr=0.01), trainer.nets, trainer.device)
                before = {k: v.clone() for k, v in parameters(trainer.nets, trainer.nets).items()}
                trainer.current.play(player)
                after = parameters(trainer.nets, trainer.nets)
                moved = {k for k in after if not torch.equal(before[k], after[k])}
                allowed = set(parameters(trainer.nets, term.trains))
                assert moved <= allowed, f"{phase.name}/{turn.name}/{term.label} moved {moved - allowed}"
                for part in term.trains:
                    assert moved & set(parameters(trainer.nets, (part,))), f"{term.label} does not move {part}"


@pytest.mark.parametrize("name", RECIPES)
def test_every_parameter_trains_somewhere(name):
    """Dead weights hide mistakes: after a few steps of each phase all of them have moved at some time."""
    nets = trainer(name, 10).nets
    names = {k: f"net/{k.replace('.', '/', 1)}" for k in parameters(nets, nets)}
    start, *later = (m.tensors for m in history(name))
    idle = {k for k, name in names.items() if all(torch.equal(start[name], state[name]) for state in later)}
    assert all("log_variance" in k for k in idle), idle  # a variance moves only under a Gaussian likelihood
