"""Labels: every recipe takes a class, and samples are of the class that was asked for."""

import numpy as np
import pytest
import torch

import aegean
from aegean.data.info import DataInfo
from aegean.recipes import RECIPES, options, smoke

pytestmark = pytest.mark.slow

DIGITS = DataInfo("digits", (1, 8, 8), (127.5,), (127.5,), classes=tuple("0123456789"), class_counts=(1,) * 10)
CONDITIONAL = [name for name in RECIPES if "conditional" in options(name)]


@pytest.mark.parametrize("recipe", CONDITIONAL)
def test_every_network_that_takes_a_class_has_them_all(recipe):
    more = {"augment": "translation"} if recipe == "few_shot_gan" else {}
    run = smoke(recipe, DIGITS, conditional=True, **more)
    takes = {name: spec.args["classes"] for name, spec in run.nets.items() if "classes" in spec.args}
    assert takes and set(takes.values()) == {10}, takes


CENTRES = np.array([[0.0, 3.0], [-3.0, -2.0], [3.0, -2.0]])


@pytest.fixture
def three(tmp_path):
    """A table of three classes, each around a centre of its own."""
    draw, y = np.random.default_rng(0), np.arange(600) % 3
    rows = np.column_stack((CENTRES[y] + 0.5 * draw.normal(size=(600, 2)), y))
    path = tmp_path / "three.csv"
    np.savetxt(path, rows, delimiter=",", header="a,b,label", comments="", fmt=["%.4f", "%.4f", "%d"])
    return str(path)


@pytest.mark.parametrize("recipe", ["ae", "vae", "gan"])
def test_a_class_that_is_asked_for_is_drawn(recipe, three, tmp_path):
    """One recipe for each network that takes a class: a prior that was fitted, a bottleneck, a discriminator."""
    model = aegean.train(
        recipe,
        three,
        tmp_path / "run",
        images=9_600 if recipe == "gan" else 4_800,
        settings={"conditional": True},
        evaluations=1,
    )
    if "sample" not in model.can():
        model = aegean.fit_prior(tmp_path / "run", "gaussian")
    labels = torch.arange(3).repeat(60)
    drawn = model.info.restore(model.sample(180, seed=1, labels=labels))
    nearest = np.square(drawn[:, None, :2] - CENTRES).sum(2).argmin(1)
    assert (nearest == labels.numpy()).mean() > 0.9
