"""Probes of a model's levels: what they read, what they stand beside."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch

from aegean.metrics.probes import WIDEST, Probes, readable
from aegean.metrics.protocol import Evaluator
from aegean.model import Level


class Levelled:
    """A model of two levels: pixels as they are, and four numbers of noise with a latent of the left half."""

    conditional = False
    floors = 1

    def __init__(self, info, verbs=("levels",)):
        self.info, self.verbs = info, list(verbs)

    def can(self):
        return self.verbs

    def levels(self, x, labels=None):
        noise = torch.rand(len(x), 4, generator=torch.Generator().manual_seed(len(x)))
        return [Level(x, None), Level(noise, x[..., :4].flatten(1))]


def test_a_probe_of_the_pixels_is_the_floor_and_one_of_noise_is_chance(digits):
    x, y = digits.info.normalise(digits.test), torch.as_tensor(digits.test_labels)
    probes = Probes(digits, x, y)
    found = probes(Levelled(digits.info))
    assert set(found) == {"level0", "level1", "latent1"}
    assert found["level0"] == probes.floor > 0.94
    assert found["level1"] < 0.2 < found["latent1"] < found["level0"]


def test_a_model_with_classes_is_probed_in_its_features_alone(digits):
    model = Levelled(digits.info)
    model.conditional = True
    x, y = digits.info.normalise(digits.test), torch.as_tensor(digits.test_labels)
    assert set(Probes(digits, x, y)(model)) == {"level0", "level1"}


def test_scores_of_probes_carry_level_count_and_floor(digits, features):
    scores = Evaluator(digits, features, probes=True)(Levelled(digits.info))
    assert set(scores) == {"probe@level0:397", "probe@level1:397", "probe@latent1:397"}
    assert {score.better for score in scores.values()} == {"higher"}
    assert scores["probe@level0:397"].value == scores["probe@level1:397"].floor
    assert Evaluator(digits, features)(Levelled(digits.info)) == {}


def test_data_without_labels_are_not_probed(digits, features):
    info = digits.info.replace(classes=(), class_counts=())
    unlabelled = SimpleNamespace(**{**vars(digits), "info": info, "train_labels": None, "test_labels": None})
    assert Evaluator(unlabelled, features, probes=True)(Levelled(info)) == {}


@pytest.mark.parametrize("shape", [(3, 28, 28), (64, 7, 7), (16, 28, 28), (2000, 2, 2), (5,)])
def test_wide_maps_are_averaged_over_areas(shape):
    rows = readable(torch.full((3, *shape), 2.0))
    assert rows.shape[1] <= max(WIDEST, shape[0]) and np.all(rows == 2.0)
    assert rows.shape[1] > WIDEST / 8 or rows.shape[1] == np.prod(shape)
