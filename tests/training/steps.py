"""Small runs on digits, step by step, for tests that compare ways to carry them out."""

import re
from functools import cache
from typing import NamedTuple

import numpy as np
import torch
from sklearn.datasets import load_digits

from aegean.data.info import DataInfo
from aegean.recipes import RECIPES, smoke
from aegean.testing import trainer_on, with_sides

DIGITS = DataInfo("digits", (1, 8, 8), (127.5,), (127.5,), classes=tuple("0123456789"), class_counts=(1,) * 10)


def digits():
    """(1000, 1, 8, 8) uint8 and (1000,) labels."""
    x, y = load_digits(return_X_y=True)
    return np.rint(x * 255 / 16).astype(np.uint8).reshape(-1, 1, 8, 8)[:1000], y[:1000]


def trainer(name, steps=20, seed=0, engine=None, world=None, **settings):
    """A recipe shrunk to some steps on digits."""
    return trainer_on(name, DIGITS, *digits(), steps, engine, seed, world, **settings)


def couples(name):
    """Whether a term of the recipe needs the whole batch at once."""
    run = smoke(name, with_sides(name, DIGITS))
    return any(term.couples for phase in run.schedule for turn in phase.turns for term in turn.terms)


def parts(name):
    """What may need care when a step is recorded, split or saved: the terms, networks and turns of a recipe."""
    run = smoke(name, with_sides(name, DIGITS))
    turns = [turn for phase in run.schedule for turn in phase.turns]
    terms = {type(term).__name__ for turn in turns for term in turn.terms}
    nets = set(re.findall(r"kind='(\w+)'", str(run.nets)))
    return {*terms, *nets, run.wiring, *(turn.observes for turn in turns), *(bool(turn.balance) for turn in turns)}


@cache
def cover():
    """Recipes that have, together, all parts of all."""
    left, found = {name: parts(name) for name in RECIPES}, []
    while any(left.values()):
        found.append(max(left, key=lambda name: len(left[name])))
        left = {name: parts - left[found[-1]] for name, parts in left.items()}
    return sorted(found)


TOGETHER = ("latent_gan", "stacked_gan", "vq_gan")  # played in several processes: an edge, levels, a codebook


def losses_of_ten_steps(name, **kwargs):
    """The losses and gradient norms of each of ten steps, through all phases."""
    return losses(trainer(name, 10, **kwargs))


def losses(t):
    """The losses and gradient norms of each step that is left."""
    found = [t.means() for began in t if not began]
    assert t.blame() is None
    return found


class Moment(NamedTuple):
    """A trainer after a step, or where a phase has begun."""

    phase: int
    began: bool
    losses: dict[str, float]  # of this one step; empty where a phase has begun
    tensors: dict[str, torch.Tensor]
    clock: dict[str, int]


def moments(t):
    """The trainer as it stands, and after each of its steps: losses, and copies of the whole state."""
    found = [moment(t, True)]
    for began in t:
        found.append(moment(t, began))
    assert t.blame() is None
    return found


def moment(t, began):
    losses = {} if began else t.means()
    return Moment(t.phase_number, began, losses, {k: v.clone() for k, v in t.tensors().items()}, dict(t.clock()))


@cache
def history(name):
    """Ten eager steps of a recipe: played once, and what everything else is compared with."""
    return moments(trainer(name, 10))


def phase_means(history):
    """The mean losses of each phase."""
    phases = [[m.losses for m in history if m.phase == n and not m.began] for n in range(history[-1].phase + 1)]
    return [{label: sum(step[label] for step in steps) / len(steps) for label in steps[0]} for steps in phases]
