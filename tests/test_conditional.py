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


CENTRES = np.array([[0.0, 0.6], [-0.6, -0.4], [0.6, -0.4]])


@pytest.fixture
def three(tmp_path):
    """Rows of three classes, each around a centre of its own: a table, whose label is a column too, and arrays."""
    draw, y = np.random.default_rng(0), np.arange(600) % 3
    x = CENTRES[y] + 0.1 * draw.normal(size=(600, 2))
    names, how = "a,b,label", ["%.4f", "%.4f", "%d"]
    np.savetxt(tmp_path / "three.csv", np.column_stack((x, y)), delimiter=",", header=names, comments="", fmt=how)
    np.savez(tmp_path / "three.npz", x=x.astype(np.float32), y=y)
    return tmp_path


@pytest.mark.parametrize("recipe,file", [("ae", "three.csv"), ("vae", "three.csv"), ("gan", "three.npz")])
def test_a_class_that_is_asked_for_is_drawn(recipe, file, three, tmp_path):
    """One recipe for each network that takes a class: a prior that was fitted, a bottleneck, a discriminator."""
    settings = {"conditional": True}
    model = aegean.train(recipe, str(three / file), tmp_path / "run", images=4_800, settings=settings, evaluations=1)
    if "sample" not in model.can():
        model = aegean.fit_prior(tmp_path / "run", "gaussian")
    labels = torch.arange(3).repeat(60)
    drawn = model.info.restore(model.sample(180, seed=1, labels=labels))
    nearest = np.square(drawn[:, None, :2] - CENTRES).sum(2).argmin(1)
    assert (nearest == labels.numpy()).mean() > 0.9
