"""Formulas by hand on small numbers, and against torch.distributions."""

import math
from types import SimpleNamespace

import pytest
import torch
import torch.nn.functional as F
from torch.distributions import Bernoulli, Normal

from aegean.config import from_json
from aegean.nets import DiscriminatorOutput
from aegean.objectives import (
    LOSSES,
    AbsoluteError,
    BernoulliBits,
    DiscriminatorLoss,
    FeatureError,
    GaussianBits,
    GeneratorLoss,
    GradientPenalty,
    LatentError,
    Ramp,
    Rate,
    SquaredError,
    WassersteinPenalty,
)
from aegean.objectives.term import at

X, X_HAT = torch.randn(4, 2, 3, 3), torch.randn(4, 2, 3, 3)
EG = {"trains": ("E", "G")}


def test_errors_are_sums_over_data_dimensions():
    p = SimpleNamespace(x=torch.tensor([[1.0, -1.0], [0.0, 0.5]]), x_hat=torch.tensor([[0.0, 1.0], [0.0, 0.0]]))
    torch.testing.assert_close(SquaredError(**EG)(p), torch.tensor([5.0, 0.25]))
    torch.testing.assert_close(AbsoluteError(**EG)(p), torch.tensor([3.0, 0.5]))


def test_gaussian_bits_against_torch_distributions():
    log_variance = torch.tensor(-1.3)
    p = SimpleNamespace(x=X, x_hat=X_HAT, log_variance=log_variance)
    nats = -Normal(X_HAT, (log_variance / 2).exp()).log_prob(X).flatten(1).sum(1)
    torch.testing.assert_close(GaussianBits(**EG)(p), nats / math.log(2))


def test_bernoulli_bits_against_torch_distributions():
    x = torch.rand(4, 6).round() * 2 - 1
    logits = torch.randn(4, 6)
    nats = -Bernoulli(logits=logits).log_prob((x + 1) / 2).sum(1)
    torch.testing.assert_close(BernoulliBits(**EG)(SimpleNamespace(x=x, raw_hat=logits)), nats / math.log(2))


@pytest.mark.parametrize("term", [SquaredError, AbsoluteError, GaussianBits, BernoulliBits])
def test_twice_the_pixels_are_twice_the_bits(term):
    """The mean instead of the sum would change beta by the number of pixels, in silence."""
    x, h = X.clamp(-1, 1), X_HAT
    one = term(**EG)(SimpleNamespace(x=x, x_hat=h, raw_hat=h, log_variance=torch.tensor(0.0)))
    x, h = (torch.cat((v, v), 3) for v in (x, h))
    two = term(**EG)(SimpleNamespace(x=x, x_hat=h, raw_hat=h, log_variance=torch.tensor(0.0)))
    torch.testing.assert_close(two, 2 * one)


def test_the_rate_is_the_bottlenecks():
    rate = torch.tensor([1.0, 2.0])
    assert torch.equal(Rate(trains=("E",))(SimpleNamespace(latent=SimpleNamespace(rate=rate))), rate)


def output(*logits, features=()):
    return DiscriminatorOutput(tuple(torch.tensor(v) for v in logits), features)


def softplus(v):
    return math.log1p(math.exp(v))


BY_HAND = {  # discriminator and generator at real logit r, fake logit f
    "minimax": (lambda r, f: softplus(-r) + softplus(f), lambda r, f: math.log(1 - 1 / (1 + math.exp(-f)))),
    "non-saturating": (lambda r, f: softplus(-r) + softplus(f), lambda r, f: -math.log(1 / (1 + math.exp(-f)))),
    "hinge": (lambda r, f: max(0, 1 - r) + max(0, 1 + f), lambda r, f: -f),
    "least-squares": (lambda r, f: ((r - 1) ** 2 + f**2) / 2, lambda r, f: (f - 1) ** 2 / 2),
    "wasserstein": (lambda r, f: f - r, lambda r, f: -f),
    "relativistic": (lambda r, f: softplus(-(r - f)), lambda r, f: softplus(-(f - r))),
}


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("r,f", [(0.7, -0.3), (-1.5, 2.0)])
def test_adversarial_losses_by_hand(loss, r, f):
    p = SimpleNamespace(real=output([r]), fake=output([f]))
    d, g = BY_HAND[loss]
    assert DiscriminatorLoss(trains=("D",), loss=loss)(p).item() == pytest.approx(d(r, f), abs=1e-6)
    assert GeneratorLoss(trains=("G",), loss=loss)(p).item() == pytest.approx(g(r, f), abs=1e-6)


@pytest.mark.parametrize("loss", LOSSES)
def test_real_is_one_and_fake_is_zero(loss):
    """The discriminator gains by raising real and lowering fake; the generator by raising fake."""
    r, f = (torch.zeros(1, requires_grad=True) for _ in range(2))
    gr, gf = torch.autograd.grad(LOSSES[loss].discriminator(r, f).sum(), (r, f), materialize_grads=True)
    assert gr < 0 and (gf > 0 or (loss == "least-squares" and gf == 0))
    (gf,) = torch.autograd.grad(LOSSES[loss].generator(r, f).sum(), f)
    assert gf < 0
    assert LOSSES[loss].discriminator(*torch.tensor([3.0, -3.0])) < LOSSES[loss].discriminator(
        *torch.tensor([-3.0, 3.0])
    )


def test_several_heads_are_averaged():
    p = SimpleNamespace(real=output([1.0], [0.0]), fake=output([0.0], [0.0]))
    value = DiscriminatorLoss(trains=("D",))(p).item()
    assert value == pytest.approx((softplus(-1) + softplus(0)) / 2, abs=1e-6)


def test_penalties_by_hand():
    p = SimpleNamespace(squared_gradient=lambda name: {"real": torch.tensor([4.0]), "mixed": torch.tensor([9.0])}[name])
    assert GradientPenalty(trains=("D",))(p).item() == 2.0
    assert WassersteinPenalty(trains=("D",))(p).item() == pytest.approx(4.0)


@pytest.mark.parametrize("kind", [SquaredError, AbsoluteError, GaussianBits, BernoulliBits])
def test_an_error_has_two_ends_and_counts_within_a_mask(kind):
    """Where the mask is 0 nothing that either end says changes the error."""
    target, mask = torch.rand(2, 3), torch.tensor([[1.0, 0.0, 1.0], [0.0, 0.0, 0.0]])
    p = SimpleNamespace(
        x=X, y=target, y_hat=torch.rand(2, 3), given=SimpleNamespace(mask=mask), log_variance=torch.tensor(0.3)
    )
    term = kind(trains=("G",), of="y_hat", to="y", within="given.mask")
    before = term(p)
    assert before[0] > 0 and before[1] == 0
    p.y_hat = torch.where(mask > 0, p.y_hat, 9.0)
    torch.testing.assert_close(term(p), before)
    whole = kind(trains=("G",), of="y_hat", to="y")
    assert whole(p)[1] != 0
    assert term.label == f"{kind.__name__}(y_hat, y, given.mask)" and kind(trains=("G",)).label == kind.__name__


def test_terms_of_older_files_are_read_with_the_usual_ends():
    old = {"type": "SquaredError", "trains": ["G"], "weight": 1.0, "of": "x_top.1"}
    assert from_json(old) == SquaredError(trains=("G",), of="x_top.1", to="x", within="")


def test_feature_error_by_hand():
    a, b = torch.tensor([[1.0, 2.0]]), torch.tensor([[0.0, 4.0]])
    p = SimpleNamespace(x=X[:1], real=output(features=(a,)), recon=output(features=(b,)))
    assert FeatureError(**EG)(p).item() == pytest.approx(2.5 / math.log(2))
    p.x = X[:2]  # a pack of two: its error is shared out, so beta keeps its meaning
    assert FeatureError(**EG)(p).item() == pytest.approx(1.25 / math.log(2))


def test_the_latent_error_is_relative_and_by_hand():
    z, z_hat = torch.tensor([[3.0, 4.0], [1.0, 0.0]]), torch.tensor([[3.0, 5.0], [0.0, 0.0]])
    p = SimpleNamespace(z=z, z_hat=z_hat)
    torch.testing.assert_close(LatentError(trains=("G",))(p), torch.tensor([1 / 25, 1.0]))
    p = SimpleNamespace(z=10 * z, z_hat=10 * z_hat)
    torch.testing.assert_close(LatentError(trains=("G",))(p), torch.tensor([1 / 25, 1.0]))


def test_a_rate_that_rises_and_then_falls():
    rate = Ramp(1.0, 0.5, rise=0.5)
    found = [float(at(rate, torch.tensor(t))) for t in (0.0, 0.25, 0.5, 1.0)]
    assert found == pytest.approx([0.0, 0.875 / 2, 0.75, 0.5])


def test_ramps():
    half = torch.tensor(0.5)
    assert at(3.0, half) == 3.0
    assert [float(at(Ramp(0.0, 4.0, 0.5), torch.tensor(t))) for t in (0.0, 0.25, 0.5, 1.0)] == [0.0, 2.0, 4.0, 4.0]
    assert float(at(Ramp(1.0, 0.0, cosine=True), half)) == pytest.approx(0.5)
    assert float(at(Ramp(1.0, 2.0, 0.0), 0 * half)) == 2.0


def test_softplus_is_the_log_of_a_sigmoid():
    v = torch.linspace(-5, 5, 11)
    torch.testing.assert_close(F.softplus(-v), -torch.sigmoid(v).log())
