"""Small trained models that compress, one for each kind of bottleneck, on digits."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent.parent / "training"))
from steps import digits, trainer

from aegean.model import Model

KINDS = {
    "codec": ("codec", {}),
    "vector": ("vq_ae", {"levels": 16}),
    "residual": ("vq_ae", {"quantiser": "residual", "levels": 8, "stages": 3}),
    "finite": ("vq_ae", {"quantiser": "finite", "levels": 5}),
    "lossless": ("lossless", {}),
}


def make_models(folder):
    for name, (recipe, settings) in KINDS.items():
        t = trainer(recipe, steps=40, **settings)
        for _ in t:
            pass
        t.model().save(folder / f"{name}.safetensors")


@pytest.fixture(scope="session")
def models(shared):
    """By name: models of forty steps."""
    return {name: Model.load(shared("compressing", make_models) / f"{name}.safetensors") for name in KINDS}


@pytest.fixture(scope="session")
def pictures(models):
    """(120, 1, 8, 8) of held-out digits, in a model's range."""
    return models["codec"].info.normalise(digits()[0][-120:])
