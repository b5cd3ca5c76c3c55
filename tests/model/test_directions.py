"""Directions in latent space: what is found in models whose latents and weights are known."""

import numpy as np
import pytest
import torch

import aegean
from aegean import recipes
from aegean.config import UserError, net
from aegean.data.batch import Batch
from aegean.data.info import DataInfo
from aegean.latent import Gaussian, GaussianPrior, Identity, NormalPrior
from aegean.latent.quantised import FiniteScalar
from aegean.model import Model
from aegean.model.directions import WAYS, directions, levels_of, prior_latents, walk
from aegean.nets import MLPDecoder, MLPEncoder

ROWS = DataInfo("rows", (4,), (0.0,), (1.0,), "float32")


def made(prior=None, bottleneck=Identity, latent=3, **more):
    """A small dense model of rows of 4 numbers, with random weights."""
    torch.manual_seed(0)
    specs = {
        "E": net(MLPEncoder, shape=[4], widths=[8]),
        "bottleneck": net(bottleneck, level=[8], latent=latent, **more),
        "G": net(MLPDecoder, shape=[4], latent=latent, widths=[16]),
    }
    if prior:
        specs["prior"] = net(prior, latent=latent)
    return Model(specs, {name: spec.build() for name, spec in specs.items()}, ROWS)


@pytest.fixture(scope="module")
def x():
    return torch.randn(500, 4, generator=torch.Generator().manual_seed(1)) * torch.tensor([3.0, 1.0, 0.5, 0.1])


def test_components_are_the_principal_components_of_the_latents(x):
    from sklearn.decomposition import PCA

    model = made()
    found, truth = directions(model, "components", x), PCA().fit(model.encode(x).numpy())
    assert (found.vectors.shape, found.scale.shape, found.centre.shape) == ((3, 3), (3,), (3,))
    overlap = np.abs((found.vectors.numpy() * truth.components_).sum(1))
    np.testing.assert_allclose(overlap, 1, atol=1e-4)
    np.testing.assert_allclose(found.scale, truth.explained_variance_**0.5, rtol=1e-4)
    np.testing.assert_allclose(found.share, truth.explained_variance_ratio_, rtol=1e-3, atol=1e-6)
    np.testing.assert_allclose(found.centre, truth.mean_, atol=1e-5)


def test_without_data_components_are_those_of_the_prior():
    model = made(GaussianPrior)
    model.nets["prior"].factors[0, 0] = torch.diag(torch.tensor([0.1, 5.0, 1.0]))
    model.nets["prior"].means[0, 0] = torch.tensor([1.0, 2.0, 3.0])
    found = directions(model)
    torch.testing.assert_close(found.vectors.abs(), torch.eye(3)[[1, 2, 0]], atol=0.02, rtol=0)
    torch.testing.assert_close(found.scale, torch.tensor([5.0, 1.0, 0.1]), rtol=0.05, atol=0)
    torch.testing.assert_close(found.centre, torch.tensor([1.0, 2.0, 3.0]), rtol=0, atol=0.2)


def test_weights_are_the_directions_that_the_first_layer_amplifies_most(x):
    model = made(NormalPrior)
    stem, found = model.nets["G"].stem.weight, directions(model)  # N(0, 1) has no components: weights are chosen
    longer = (found.vectors @ stem.T).square().sum(1)
    assert (longer.diff() < 0).all()
    torch.testing.assert_close(longer / longer.sum(), found.share)
    values = torch.linalg.eigvalsh(stem.T @ stem).flip(0)  # Shen and Zhou 2021, eq. 6
    torch.testing.assert_close(longer, values, rtol=1e-4, atol=1e-6)
    torch.testing.assert_close(found.scale, torch.ones(3), atol=0.05, rtol=0)


def test_axes_are_sorted_by_their_rate(x):
    model = made(NormalPrior, Gaussian)
    found = directions(model, "axes", x)
    assert found.vectors.sum(1).eq(1).all() and found.vectors.max(1).values.eq(1).all()
    assert (found.share.diff() <= 0).all() and found.share.sum() == pytest.approx(1)
    mean, log_variance = model.wiring(model.nets, Batch(x)).latent.stats
    rate = torch.distributions.kl_divergence(
        torch.distributions.Normal(mean, (log_variance / 2).exp()), torch.distributions.Normal(0.0, 1.0)
    ).mean(0)
    assert found.vectors.argmax(1).tolist() == rate.argsort(descending=True).tolist()


def test_a_walk_passes_through_its_start_and_goes_as_far_as_it_says(x):
    found = directions(made(), "components", x, count=2)
    z = walk(found, torch.ones(3), steps=5, span=2.0)
    assert z.shape == (2, 5, 3)
    torch.testing.assert_close(z[:, 2], torch.ones(2, 3))
    torch.testing.assert_close((z[:, -1] - 1).norm(dim=1), 2 * found.scale)


def test_latents_of_the_prior_are_those_of_samples():
    model = made(NormalPrior)
    torch.testing.assert_close(model.decode(prior_latents(model, 3, 4).z), model.sample(4, seed=3))


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("recipe", ["hierarchical_vae", "stacked_gan", "vae", "gan", "ae_to_gan"])
def test_every_kind_of_model_has_directions(recipe, way, tmp_path):
    digits = aegean.open_data("digits")
    run = recipes.smoke(recipe, digits.info)
    model = Model(run.nets, {name: spec.build() for name, spec in run.nets.items()}, digits.info, wiring=run.wiring)
    x = digits.info.normalise(digits.test[:50])
    if recipe == "gan" and way == "components":
        with pytest.raises(UserError, match="take the way weights"):
            directions(model, way, x)
        return
    found = directions(model, way, x)
    torch.testing.assert_close(found.vectors.norm(dim=1), torch.ones(len(found.vectors)))
    assert found.share.sum() == pytest.approx(1, abs=1e-4) and found.vectors.shape[1] == model.latent
    assert len(levels_of(model)) == model.latent
    pictures = model.decode(walk(found, found.centre, 3)[:2].flatten(0, 1))
    assert pictures.shape == (6, 1, 8, 8) and pictures.isfinite().all()


def test_numbers_of_a_ladder_belong_to_levels_the_top_one_first():
    digits = aegean.open_data("digits")
    run = recipes.smoke("hierarchical_vae", digits.info)
    model = Model(run.nets, {name: spec.build() for name, spec in run.nets.items()}, digits.info, wiring=run.wiring)
    assert levels_of(model) == [1] * 4 + [0] * 64
    assert directions(model, "weights").vectors[:, 4:].eq(0).all()


def test_what_has_no_directions_is_refused_in_words(x):
    with pytest.raises(UserError, match="no way 'pca'"):
        directions(made(), "pca", x)
    with pytest.raises(UserError, match="no prior"):
        directions(made(), "axes")
    with pytest.raises(UserError, match="quantised"):
        directions(made(bottleneck=FiniteScalar, latent=4, levels=3), "axes", x)
    with pytest.raises(UserError, match="shape"):
        directions(made(), "axes", x[:, :3])
    encoder = made()
    del encoder.nets["G"]
    with pytest.raises(UserError, match="no decoder"):
        directions(encoder, "axes", x)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_weights_that_have_diverged_have_no_directions(x, way, value):
    model = made(NormalPrior)
    for part in model.nets.values():
        for param in part.parameters():
            param.fill_(value)
    with pytest.raises(UserError, match="diverged"):
        directions(model, way, x)
    with pytest.raises(UserError, match="diverged"):
        directions(model)  # of the prior, by weights
