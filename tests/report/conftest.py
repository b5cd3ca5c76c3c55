"""Two tiny runs, made once, scored in a feature network that needs no training."""

import math

import pytest
import torch

import aegean
from aegean.metrics.features import FeatureNetwork

TINY = {"width": 4, "latent": 4, "batch": 32}


def flat_features(dataset):
    """Eight fixed projections: quick, and the same in every test."""
    size = math.prod(dataset.info.shape)
    weight = torch.randn(size, 8, generator=torch.Generator().manual_seed(0)) / size**0.5
    return FeatureNetwork("digits-projection", lambda x: x.flatten(1) @ weight, info=dataset.info)


@pytest.fixture(autouse=True)
def features(monkeypatch):
    monkeypatch.setattr("aegean.session.evaluate.feature_network", flat_features)


def make(folder, recipes, **settings):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("aegean.session.evaluate.feature_network", flat_features)
        for recipe in recipes:
            aegean.train(recipe, "digits", folder / recipe, settings=TINY, **settings)


@pytest.fixture(scope="session")
def runs(shared):
    """Folders of a tiny ae and a tiny gan on digits."""
    folder = shared("compared", lambda folder: make(folder, ("ae", "gan"), images=192, evaluations=2))
    return folder / "ae", folder / "gan"


@pytest.fixture(scope="session")
def levelled(shared):
    """A folder of tiny runs of every hierarchy on digits, and of a flat vae."""
    recipes = ("hierarchical_vae", "stacked_gan", "multiscale_gan", "vae")
    return shared("levelled", lambda folder: make(folder, recipes, images=320, evaluations=1))
