"""What holds for every prior; whitening folded into networks; the mapping network."""

import copy
import functools
import math

import pytest
import torch

from aegean.config import UserError, net, network_class
from aegean.data.info import DataInfo
from aegean.latent import FITTED, PRIORS, Gaussian, Identity, MappingPrior, WhiteningPrior, fold
from aegean.latent.whitening import RIDGE, moments, whitened
from aegean.model import Model
from aegean.nets import ConvDecoder, MLPDecoder
from aegean.training import mapping
from aegean.training.trainer import fit


@pytest.fixture
def few_steps(monkeypatch):
    monkeypatch.setattr(mapping, "STEPS", 40)


def latents(count=300, classes=0):
    """Latents (count, 3) far from N(0, 1), that depend on each other and on the class, and labels or None."""
    generator = torch.Generator().manual_seed(0)
    labels = torch.arange(count) % classes if classes else None
    z = torch.randn(count, 3, generator=generator) @ torch.tensor([[2.0, 0.5, 0.0], [0.0, 0.3, 0.1], [0.0, 0.0, 1.0]])
    shift = labels[:, None] if labels is not None else 0
    return z + torch.tensor([5.0, -1.0, 0.0]) + shift, labels


def noise(count):
    generator = torch.Generator().manual_seed(1)
    return torch.randn(count, 3, generator=generator), torch.rand(count, 1, generator=generator)


@pytest.fixture(params=[(kind, classes) for kind in PRIORS for classes in (0, 2)], ids=lambda p: f"{p[0]}-{p[1]}")
def fitted(request, monkeypatch):
    """(specification, prior fitted to `latents`, classes)"""
    monkeypatch.setattr(mapping, "STEPS", 12)
    spec, prior = fit_once(*request.param)
    return spec, copy.deepcopy(prior), request.param[1]


@functools.cache
def fit_once(kind, classes):
    spec = net(PRIORS[kind], latent=3, classes=classes)
    prior = spec.build()
    fit(prior, *latents(classes=classes))
    return spec, prior


def test_a_sample_is_a_pure_function_of_its_own_noise(fitted):
    _, prior, classes = fitted
    (normal, uniform), y = noise(6), torch.arange(6) % 2 if classes else None
    z = prior(normal, uniform, y)
    assert z.shape == (6, 3) and z.isfinite().all() and torch.equal(z, prior(normal, uniform, y))
    torch.testing.assert_close(prior(normal[2:4], uniform[2:4], None if y is None else y[2:4]), z[2:4])


@pytest.mark.slow
def test_the_same_latents_give_the_same_prior_and_others_another(fitted):
    spec, prior, classes = fitted
    before = {key: value.clone() for key, value in prior.state_dict().items()}
    again = spec.build()
    fit(again, *latents(classes=classes))
    fit(prior, *latents(classes=classes))  # what it was fitted to before leaves no trace
    for key, value in before.items():
        assert torch.equal(value, again.state_dict()[key]) and torch.equal(value, prior.state_dict()[key])
    z, labels = latents(classes=classes)
    fit(prior, 9 - 2 * z, labels)
    assert not before or any(not torch.equal(value, prior.state_dict()[key]) for key, value in before.items())


def test_a_prior_goes_through_a_model_file(fitted, tmp_path):
    spec, prior, classes = fitted
    specs = {"G": net(MLPDecoder, shape=[3], latent=spec.args["latent"], widths=[4], classes=classes), "prior": spec}
    info = DataInfo("rows", (3,), (0.0,), (1.0,), classes=("a", "b")[:classes], class_counts=(1, 1)[:classes])
    Model(specs, {"G": specs["G"].build(), "prior": prior}, info).save(tmp_path / "model.safetensors")
    loaded = Model.load(tmp_path).nets["prior"]
    y = torch.arange(8) % 2 if classes else None
    assert torch.equal(loaded(*noise(8), y), prior(*noise(8), y))


def test_a_fit_leaves_the_global_generator_and_the_gradients_alone(fitted):
    _, prior, classes = fitted
    torch.manual_seed(5)
    expected = torch.randn(3)
    torch.manual_seed(5)
    with torch.no_grad():
        fit(prior.requires_grad_(False), *latents(classes=classes))
    assert torch.equal(torch.randn(3), expected)
    assert not any(p.requires_grad or p.grad is not None for p in prior.parameters())


@pytest.mark.slow
@pytest.mark.parametrize("kind", FITTED)
@pytest.mark.parametrize("classes", [0, 2])
def test_samples_have_the_mean_and_covariance_of_the_latents(kind, classes, few_steps):
    prior = network_class(PRIORS[kind])(latent=3, classes=classes)
    z, labels = latents(2000, classes)
    fit(prior, z, labels)
    drawn = prior(*noise(2000), labels).detach()
    scale = z.std(0)
    torch.testing.assert_close(drawn.mean(0) / scale, z.mean(0) / scale, atol=0.15, rtol=0)
    torch.testing.assert_close(drawn.T.cov() / scale.outer(scale), z.T.cov() / scale.outer(scale), atol=0.2, rtol=0)


@pytest.mark.parametrize("kind", PRIORS)
@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_latents_that_are_not_finite_are_refused(kind, value):
    z, _ = latents()
    z[3, 1] = value
    with pytest.raises(UserError, match="not finite"):
        fit(network_class(PRIORS[kind])(latent=3), z)


@pytest.mark.parametrize("kind", PRIORS)
@pytest.mark.parametrize("count", [0, 1])
def test_too_few_latents_are_refused(kind, count):
    with pytest.raises(UserError, match="2 samples at least"):
        fit(network_class(PRIORS[kind])(latent=3), torch.zeros(count, 3))


@pytest.mark.slow
@pytest.mark.parametrize("kind", PRIORS)
@pytest.mark.parametrize("z", [torch.zeros(2, 3), torch.ones(9, 3), torch.eye(3) * 1e4], ids=["two", "equal", "large"])
def test_odd_latents_give_finite_samples(kind, z, monkeypatch):
    monkeypatch.setattr(mapping, "STEPS", 8)
    prior = network_class(PRIORS[kind])(latent=3)
    fit(prior, z)
    assert prior(*noise(50)).isfinite().all()


# whitening


def test_whitened_latents_are_white_but_for_the_ridge_and_the_map_leads_back():
    z = latents()[0].double()
    mean, factor = moments(z)
    covariance = z.T.cov(correction=0)
    ridge = RIDGE * covariance.diagonal().mean() * torch.eye(3)
    torch.testing.assert_close(factor @ factor.T, covariance + ridge)
    white = whitened(z, mean, factor)
    torch.testing.assert_close(white.mean(0), torch.zeros(3).double())
    torch.testing.assert_close(factor @ white.T.cov(correction=0) @ factor.T, covariance)
    torch.testing.assert_close(mean + white @ factor.T, z)


@pytest.mark.parametrize("classes", [0, 2])
@pytest.mark.parametrize("decoder", [MLPDecoder, ConvDecoder])
def test_a_folded_map_changes_no_sample_and_no_reconstruction(decoder, classes):
    torch.manual_seed(0)
    G = decoder(shape=(1, 8, 8), latent=3, widths=(8, 16), classes=classes)
    bottleneck = Identity(level=(5,), latent=3, classes=classes)
    h, y = torch.randn(300, 5), torch.arange(300) % 2 if classes else None
    prior = WhiteningPrior(latent=3, classes=classes)
    with torch.no_grad():
        fit(prior, bottleneck(h, labels=y).z, y)
        normal, uniform = noise(300)
        reconstructed, drawn = G(bottleneck(h, labels=y).z, y), G(prior(normal, uniform, y), y)
        fold(prior, bottleneck, G)
        z = bottleneck(h, labels=y).z
        torch.testing.assert_close(G(z, y), reconstructed, atol=2e-5, rtol=1e-4)
        torch.testing.assert_close(G(normal, y), drawn, atol=2e-5, rtol=1e-4)
        torch.testing.assert_close(z.T.cov(correction=0), torch.eye(3), atol=0.01, rtol=0)
        assert torch.equal(prior(normal, uniform, y), normal)  # plain noise from here on


def test_folding_is_exact_in_double_precision():
    torch.manual_seed(0)
    G = MLPDecoder(shape=(6,), latent=3, widths=(8,), classes=2).double()
    bottleneck, prior = Identity(level=(5,), latent=3, classes=2).double(), WhiteningPrior(latent=3, classes=2)
    fit(prior, latents()[0])
    h, y = torch.randn(40, 5).double(), torch.arange(40) % 2
    normal, uniform = (values.double() for values in noise(40))
    with torch.no_grad():
        expected = G(bottleneck(h, labels=y).z, y), G(prior.double()(normal, uniform), y)
        fold(prior, bottleneck, G)
        torch.testing.assert_close((G(bottleneck(h, labels=y).z, y), G(normal, y)), expected, rtol=1e-12, atol=1e-12)


def test_a_gaussian_bottleneck_is_not_folded():
    prior, G = WhiteningPrior(latent=3), MLPDecoder(shape=(6,), latent=3, widths=(8,))
    fit(prior, latents()[0])
    before = prior(*noise(9))
    with pytest.raises(UserError, match="independent in every dimension"):
        fold(prior, Gaussian(level=(5,), latent=3), G)
    assert torch.equal(prior(*noise(9)), before)


# the mapping network


def test_a_mapping_network_begins_as_plain_noise():
    normal, uniform = noise(9)
    y = torch.arange(9) % 2
    assert torch.equal(MappingPrior(latent=3)(normal, uniform), normal)
    assert torch.equal(MappingPrior(latent=3, classes=2, widths=[8])(normal, uniform, y), normal)


def test_a_training_that_diverges_is_said_and_leaves_the_prior_as_it_was(monkeypatch):
    monkeypatch.setattr(mapping, "STEPS", 20)
    monkeypatch.setattr(mapping, "RATE", 1e30)
    prior = MappingPrior(latent=3)
    with pytest.raises(UserError, match="diverged"):
        fit(prior, latents()[0])
    assert torch.equal(prior(*noise(9)), noise(9)[0])


@pytest.mark.slow
def test_a_mapping_network_draws_a_ring_that_no_gaussian_can(monkeypatch):
    monkeypatch.setattr(mapping, "STEPS", 1000)
    monkeypatch.setattr(mapping, "BATCH", 64)
    generator = torch.Generator().manual_seed(0)
    angle = torch.rand(5000, generator=generator) * 2 * math.pi
    ring = torch.stack((angle.cos(), angle.sin(), 0.1 * torch.randn(5000, generator=generator)), 1)
    inside = {}
    for kind in ("whitening", "mapping"):
        prior = network_class(PRIORS[kind])(latent=3)
        fit(prior, ring * 4 + 1)
        drawn = (prior(*noise(2000)).detach() - 1) / 4
        inside[kind] = (drawn[:, :2].norm(dim=1) < 0.7).float().mean()
        shares = torch.histc(torch.atan2(drawn[:, 1], drawn[:, 0]), 8, -math.pi, math.pi) / len(drawn)
        assert shares.min() > 0.06  # of 0.125: no part of the ring is forgotten
    assert inside["mapping"] < 0.1 < inside["whitening"]


@pytest.mark.slow
def test_a_mapping_network_learns_each_class(monkeypatch):
    monkeypatch.setattr(mapping, "STEPS", 150)
    z, labels = latents(2000, classes=2)
    z = z + labels[:, None] * 20
    prior = MappingPrior(latent=3, classes=2)
    fit(prior, z, labels)
    for c in (0, 1):
        drawn = prior(*noise(1000), torch.full((1000,), c)).detach()
        torch.testing.assert_close(drawn.mean(0), z[labels == c].mean(0), atol=1.0, rtol=0)


def test_in_many_dimensions_a_mixture_differs_along_the_leading_axes():
    generator = torch.Generator().manual_seed(0)
    z = torch.randn(400, 80, generator=generator)
    z[:200, 3] += 12
    mixture, gaussian = (net(PRIORS[kind], latent=80).build() for kind in ("mixture", "gaussian"))
    for prior in (mixture, gaussian):
        fit(prior, z)
    assert mixture.bits(z).mean() < gaussian.bits(z).mean()
    drawn = mixture(torch.randn(400, 80, generator=generator), torch.rand(400, 1, generator=generator))
    assert (drawn[:, 3] - z[:, 3].mean()).abs().min() > 0.5 and (drawn.std(0) - z.std(0)).abs().max() < 1
