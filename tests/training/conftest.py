"""Small trainers on real digits and on rows, without files."""

import numpy as np
import pytest
import torch
from steps import digits as read_digits
from steps import trainer

from aegean.data.info import DataInfo
from aegean.data.sets.feed import Feed
from aegean.recipes import smoke
from aegean.training.trainer import Trainer

ROWS = DataInfo("rows", (6,), (0.0,), (1.0,), dtype="float32")


@pytest.fixture(scope="session")
def digits():
    return read_digits()


@pytest.fixture(scope="session")
def make():
    """make(recipe, on rows?, steps, seed, engine, **settings) -> Trainer"""

    def make(name, on_rows=False, steps=20, seed=0, engine=None, **settings):
        if not on_rows:
            return trainer(name, steps, seed, engine, **settings)
        x, cpu = np.random.default_rng(0).normal(size=(500, 6)).astype(np.float32), torch.device("cpu")
        run = smoke(name, ROWS, steps, **settings).replace(seed=seed)
        return Trainer(run, ROWS, Feed(ROWS, x, None, cpu, seed), cpu, engine)

    return make


@pytest.fixture(scope="session")
def finish():
    """finish(trainer) -> the mean losses of every phase, having run to the end."""
    return _finish


def _finish(trainer):
    means = []
    for _ in trainer:
        if trainer.phase_ended:
            assert trainer.blame() is None
            means.append(trainer.means())
    return means
