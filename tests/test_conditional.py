"""Labels: every recipe takes a class, and samples are of the class that was asked for."""

import numpy as np
import pytest
import torch
from sklearn.svm import SVC

import aegean
from aegean.recipes import RECIPES, options
from aegean.training.folder import Folder

SLOW = ("vae", "vae_gan")  # to learn their classes


@pytest.mark.slow
@pytest.mark.parametrize("recipe", [name for name in RECIPES if "conditional" in options(name) and "few" not in name])
def test_a_class_that_is_asked_for_is_drawn(recipe, tmp_path):
    """Judged by a classifier trained on one half of the test part, checked on the other."""
    settings = {"width": 16, "conditional": True}
    model = aegean.train(
        recipe,
        "digits",
        tmp_path / "run",
        images=24_000 if recipe in SLOW else 16_000,
        settings=settings,
        evaluations=1,
    )
    if "sample" not in model.can():
        model = aegean.fit_prior(tmp_path / "run", "mixture")
    dataset = aegean.open_data(Folder(tmp_path / "run").read().data)
    x, y = dataset.test.reshape(len(dataset.test), -1).astype(np.float64), dataset.test_labels
    judge = SVC(gamma="scale").fit(x[::2], y[::2])
    assert judge.score(x[1::2], y[1::2]) > 0.9
    labels = torch.arange(10).repeat(20)
    drawn = dataset.info.restore(model.sample(200, seed=1, labels=labels)).reshape(200, -1)
    assert (judge.predict(drawn) == labels.numpy()).mean() > 0.6  # of 0.1 by chance; after 48,000 images above 0.8
