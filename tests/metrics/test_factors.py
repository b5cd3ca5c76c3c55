"""Scores of encoders on sprites, and whom they are shown for."""

import numpy as np
import pytest
import torch

import aegean
from aegean.config import net
from aegean.data.read.sprites import PLACES, SIDE
from aegean.latent import Identity
from aegean.metrics.factors import Factors, untrained
from aegean.metrics.features import feature_network_from
from aegean.metrics.protocol import Evaluator
from aegean.model import Model
from aegean.nets import MLPDecoder, MLPEncoder
from aegean.recipes import smoke

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def dataset():
    return aegean.open_data("sprites")


@pytest.fixture(scope="module")
def factors(dataset):
    return Factors.of(dataset)


def built(dataset, recipe="vae", **settings):
    run = smoke(recipe, dataset.info, network="mlp", **settings)
    nets = {name: spec.build() for name, spec in run.nets.items()}
    return Model(run.nets, nets, dataset.info, run.bound, wiring=run.wiring)


def test_an_encoder_that_reads_x_and_y_off_the_pixels_has_a_number_for_each(dataset, factors):
    """Two linear maps of the pixels, on sprites of one size: sums of their columns' and of their rows' places."""
    place = torch.arange(SIDE) - float(PLACES.mean())
    specs = {
        "E": net(MLPEncoder, shape=[1, SIDE, SIDE], widths=[2]),
        "bottleneck": net(Identity, level=[2], latent=2),
        "G": net(MLPDecoder, shape=[1, SIDE, SIDE], latent=2, widths=[8]),
    }
    model = Model(specs, {name: spec.build() for name, spec in specs.items()}, dataset.info)
    for parameter in (*model.nets["E"].parameters(), *model.nets["bottleneck"].parameters()):
        parameter.zero_()
    maps = torch.stack((place.expand(SIDE, SIDE), place[:, None].expand(SIDE, SIDE)))
    model.nets["E"].stem.weight.copy_(maps.flatten(1))
    model.nets["bottleneck"].project.features.weight.copy_(torch.eye(2))
    largest = factors.factors[:, 1] == 5
    scores = Factors(factors.x[largest], factors.factors[largest][:, 2:]).scores(model)
    assert scores["mig"] > 0.6 and scores["factorvae"] == 1


def test_scores_stand_beside_those_of_the_same_encoder_untrained(dataset):
    features = feature_network_from(lambda x: x.flatten(1)[:, :16])
    model = built(dataset)
    evaluator = Evaluator(dataset, features, 20, probes=True)
    scores = evaluator(model)
    for name in ("mig", "factorvae"):
        score = scores[f"{name}@factors:4608"]
        assert 0 <= score.value <= 1 and 0 <= score.floor <= 1 and score.better == "higher"
    floor = Factors.of(dataset).scores(untrained(model))
    assert scores["mig@factors:4608"].floor == floor["mig"] == Factors.of(dataset).scores(untrained(model))["mig"]


def test_only_encoders_of_data_with_factors_have_them(dataset):
    features = feature_network_from(lambda x: x.flatten(1)[:, :16])
    assert Factors.of(aegean.open_data("digits")) is None
    for model in (built(dataset, "gan"), built(dataset, conditional=True)):
        assert not [key for key in Evaluator(dataset, features, 20, probes=True)(model) if "factors" in key]
    assert not [key for key in Evaluator(dataset, features, 20)(built(dataset)) if "factors" in key]


def test_hierarchies_are_scored_over_all_their_numbers(dataset, factors):
    scores = factors.scores(built(dataset, "hierarchical_vae"))
    assert all(np.isfinite(value) for value in scores.values())
