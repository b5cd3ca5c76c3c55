"""Small trainers on real digits, without files."""

import numpy as np
import pytest
import torch
from sklearn.datasets import load_digits

from aegean.data.info import DataInfo
from aegean.data.loader import Feed
from aegean.recipes import smoke
from aegean.training.trainer import Trainer

DIGITS = DataInfo("digits", (1, 8, 8), (127.5,), (127.5,), classes=tuple("0123456789"), class_counts=(1,) * 10)
ROWS = DataInfo("rows", (6,), (0.0,), (1.0,), dtype="float32")


@pytest.fixture(scope="session")
def digits():
    x, y = load_digits(return_X_y=True)
    return np.rint(x * 255 / 16).astype(np.uint8).reshape(-1, 1, 8, 8)[:1000], y[:1000]


@pytest.fixture(scope="session")
def rows():
    return np.random.default_rng(0).normal(size=(500, 6)).astype(np.float32), None


@pytest.fixture(scope="session")
def make(digits, rows):
    """make(recipe, on rows?, steps, seed, engine, **settings) -> Trainer"""

    def make(name, on_rows=False, steps=20, seed=0, engine=None, **settings):
        info, (x, y) = (ROWS, rows) if on_rows else (DIGITS, digits)
        run = smoke(name, info, steps, **settings).replace(seed=seed)
        cpu = torch.device("cpu")
        return Trainer(run, info, Feed(info, x, y, cpu, seed), cpu, engine)

    return make


@pytest.fixture(scope="session")
def finish():
    """finish(trainer) -> the mean losses of every phase, having run to the end."""
    return _finish


def _finish(trainer):
    means = []
    while True:
        trainer.step()
        if trainer.phase_ended:
            assert trainer.blame() is None
            means.append(trainer.means())
            if trainer.done:
                return means
            trainer.next_phase()
