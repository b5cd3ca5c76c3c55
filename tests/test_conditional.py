"""Labels: every recipe takes a class, and samples are of the class that was asked for."""

import numpy as np
import pytest
import torch
from sklearn.svm import SVC

import aegean
from aegean.data.info import DataInfo
from aegean.recipes import RECIPES, options, smoke
from aegean.training.folder import Folder

DIGITS = DataInfo("digits", (1, 8, 8), (127.5,), (127.5,), classes=tuple("0123456789"), class_counts=(1,) * 10)
CONDITIONAL = [name for name in RECIPES if "conditional" in options(name)]


@pytest.mark.parametrize("recipe", CONDITIONAL)
def test_every_network_that_takes_a_class_has_them_all(recipe):
    more = {"augment": "translation"} if recipe == "few_shot_gan" else {}
    run = smoke(recipe, DIGITS, conditional=True, **more)
    takes = {name: spec.args["classes"] for name, spec in run.nets.items() if "classes" in spec.args}
    assert takes and set(takes.values()) == {10}, takes


@pytest.mark.slow
@pytest.mark.parametrize("recipe,images", [("ae", 16_000), ("vae", 24_000), ("gan", 16_000)])
def test_a_class_that_is_asked_for_is_drawn(recipe, images, tmp_path):
    """One recipe for each network that takes a class: a prior that was fitted, a bottleneck, a discriminator. Judged by
    a classifier trained on one half of the test part, checked on the other."""
    settings = {"width": 16, "conditional": True}
    model = aegean.train(recipe, "digits", tmp_path / "run", images=images, settings=settings, evaluations=1)
    if "sample" not in model.can():
        model = aegean.fit_prior(tmp_path / "run", "mixture")
    dataset = aegean.open_data(Folder(tmp_path / "run").read().data)
    x, y = dataset.test.reshape(len(dataset.test), -1).astype(np.float64), dataset.test_labels
    judge = SVC(gamma="scale").fit(x[::2], y[::2])
    assert judge.score(x[1::2], y[1::2]) > 0.9
    labels = torch.arange(10).repeat(20)
    drawn = dataset.info.restore(model.sample(200, seed=1, labels=labels)).reshape(200, -1)
    assert (judge.predict(drawn) == labels.numpy()).mean() > 0.6  # of 0.1 by chance; after 48,000 images above 0.8
