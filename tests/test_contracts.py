"""Everything in a registry keeps its public contract (aegean.testing)."""

import pytest
import torch

from aegean.config import net
from aegean.data.info import DataInfo
from aegean.latent import BOTTLENECKS, PRIORS
from aegean.recipes import RECIPES, options
from aegean.testing import check_bottleneck, check_network, check_prior, check_recipe
from aegean.training import mapping

DIGITS = DataInfo("digits", (1, 8, 8), (127.5,), (127.5,), classes=("0", "1"), class_counts=(1, 1))


@pytest.mark.parametrize("name", RECIPES)
def test_every_recipe_keeps_its_contract(name):
    check_recipe(name, DIGITS, **({"pack": 2} if "pack" in options(name) else {}))


@pytest.mark.parametrize("classes", [0, 2])
@pytest.mark.parametrize("name", PRIORS)
def test_every_prior_keeps_its_contract(name, classes, monkeypatch):
    monkeypatch.setattr(mapping, "STEPS", 10)
    check_prior(net(PRIORS[name], latent=3, classes=classes))


@pytest.mark.parametrize("classes", [0, 2])
@pytest.mark.parametrize("name", BOTTLENECKS)
def test_every_bottleneck_keeps_its_contract(name, classes):
    check_bottleneck(net(BOTTLENECKS[name], level=(6, 4, 4), latent=5, classes=classes))


X, ROWS = torch.randn(8, 2, 9, 7), torch.randn(8, 5)
CONV, DENSE = {"shape": (2, 9, 7), "widths": (4, 6)}, {"shape": (5,), "widths": (6, 8)}
BACKBONE = net("ConvEncoder", shape=(4, 9, 7), widths=(4, 6))
NETWORKS = [
    (net("ConvEncoder", **CONV), X),
    (net("MLPEncoder", **DENSE), ROWS),
    (net("ConvDecoder", **CONV, latent=3, classes=2), torch.randn(8, 3), torch.arange(8) % 2),
    (net("MLPDecoder", **DENSE, latent=3), torch.randn(8, 3)),
    (net("GaussianCorruption", sigma=0.3), X, torch.randn(X.shape)),
    (net("Discriminator", backbone=BACKBONE, pack=2, augmentation=("translation", "colour")), X, torch.rand(8, 5)),
]


@pytest.mark.parametrize(
    "spec,inputs", [(spec, inputs) for spec, *inputs in NETWORKS], ids=lambda v: getattr(v, "kind", "")
)
def test_networks_keep_their_contract(spec, inputs):
    check_network(spec, *inputs)
