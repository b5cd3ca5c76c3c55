"""A kind of data is a row: with one, every recipe that makes sense for it builds its networks and takes its steps."""

import numpy as np
import pytest
import torch

from aegean.config import UserError
from aegean.data import kinds as data_kinds
from aegean.data.info import DataInfo
from aegean.data.sets.feed import Feed
from aegean.nets import kinds
from aegean.recipes import RECIPES, configure, smoke
from aegean.training.trainer import Trainer

SERIES = DataInfo(
    "series", (2, 16), (0.0,), (1.0,), dtype="float32", kind="series", classes=("a", "b"), class_counts=(1, 1)
)
ROW = kinds.KINDS["image"]._replace(augmentations=("translation", "cutout"), cosines=False, damaged=False, exact=())
SETTINGS = {"few_shot_gan": {"augment": "translation,cutout"}, "gan": {"augment": "cutout", "pack": 2}}


@pytest.fixture
def series(monkeypatch):
    monkeypatch.setitem(kinds.KINDS, "series", ROW)
    monkeypatch.setitem(data_kinds.KINDS, "series", data_kinds.KINDS["image"])


@pytest.mark.parametrize(
    "name", sorted(set(RECIPES) - {"lossless", "restore", "sound_codec", "sound_gan", "translate", "unit"})
)
def test_a_recipe_trains_on_a_kind_that_only_its_row_knows(series, name):
    torch.manual_seed(0)
    rng, cpu = np.random.default_rng(0), torch.device("cpu")
    x, y = rng.standard_normal((50, *SERIES.shape), np.float32).clip(-1, 1), rng.integers(0, 2, 50)
    run = smoke(name, SERIES, 3, width=4, batch=8, **SETTINGS.get(name, {}))
    trainer = Trainer(run, SERIES, Feed(SERIES, x, y, cpu, 0), cpu)
    for _ in trainer:
        pass
    assert trainer.blame() is None
    model = trainer.model()
    if "prior" in model.nets:
        assert model.sample(2).shape == (2, *SERIES.shape)
    if "E" in model.nets:
        assert model.reconstruct(torch.from_numpy(x[:2])).shape == (2, *SERIES.shape)


@pytest.mark.parametrize(
    "name,settings",
    [
        ("lossless", {}),
        ("restore", {}),
        ("sound_codec", {}),
        ("sound_gan", {}),
        ("unit", {}),
        ("translate", {}),
        ("gan", {"augment": "colour"}),
        ("ae", {"network": "gru"}),
    ],
)
def test_what_a_row_does_not_offer_is_refused(series, name, settings):
    with pytest.raises(UserError):
        configure(name, SERIES, settings)


def test_a_kind_without_a_row_is_refused_by_name():
    with pytest.raises(UserError, match="series"):
        configure("ae", SERIES)
