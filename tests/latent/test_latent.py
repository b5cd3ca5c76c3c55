import pytest
import torch
from torch.distributions import Normal, kl_divergence

from aegean.config import network_class
from aegean.latent import BOTTLENECKS, MixturePrior
from aegean.latent.bottlenecks import kl_to_normal
from aegean.latent.names import NATS_TO_BITS


@pytest.mark.parametrize("kind", BOTTLENECKS)
@pytest.mark.parametrize("classes", [0, 3])
def test_every_bottleneck(kind, classes):
    b = network_class(BOTTLENECKS[kind])(level=(6, 3, 2), latent=4, classes=classes)
    h, y = torch.randn(5, 6, 3, 2), torch.arange(5) % 3 if classes else None
    latent = b(h, torch.randn(5, 4), y)
    assert latent.z.shape == (5, 4) and latent.rate.shape == (5,) and latent.rate.min() >= 0
    assert torch.equal(b(h, None, y).z, b(h, None, y).z)


def test_kl_against_torch_distributions():
    mean, log_variance = torch.randn(7, 5).double(), torch.randn(7, 5).double()
    expected = kl_divergence(Normal(mean, (log_variance / 2).exp()), Normal(0.0, 1.0)).sum(1)
    torch.testing.assert_close(kl_to_normal(mean, log_variance), expected)
    assert kl_to_normal(torch.zeros(1, 3), torch.zeros(1, 3)).item() == 0


def test_the_gaussian_rate_is_in_bits_and_z_has_its_moments():
    b = network_class(BOTTLENECKS["gaussian"])(level=(3,), latent=2)
    h = torch.randn(1, 3).expand(50_000, 3)
    latent = b(h, torch.randn(50_000, 2))
    mean, log_variance = (s[0] for s in latent.stats)
    torch.testing.assert_close(latent.z.mean(0), mean, atol=0.03, rtol=0)
    torch.testing.assert_close(latent.z.var(0), log_variance.exp(), atol=0.03, rtol=0)
    expected = kl_to_normal(mean[None], log_variance[None])[0] * NATS_TO_BITS
    torch.testing.assert_close(latent.rate[0], expected)


def test_a_mixture_finds_two_clusters():
    torch.manual_seed(0)
    centres = torch.tensor([[-4.0, 0.0], [4.0, 1.0]])
    points = centres[torch.randint(0, 2, (4000,))] + torch.tensor([0.5, 0.1]) * torch.randn(4000, 2)
    prior = MixturePrior(latent=2, components=2)
    prior.fit(points)
    z = prior(torch.randn(4000, 2), torch.rand(4000, 1))
    right = z[:, 0] > 0
    assert 0.45 < right.float().mean() < 0.55
    for centre, part in ((centres[1], z[right]), (centres[0], z[~right])):
        torch.testing.assert_close(part.mean(0), centre, atol=0.06, rtol=0)
        torch.testing.assert_close(part.std(0), torch.tensor([0.5, 0.1]), atol=0.03, rtol=0)


def test_a_mixture_for_each_class():
    torch.manual_seed(0)
    labels = torch.arange(2000) % 2
    points = torch.randn(2000, 2) * 0.1 + labels[:, None] * 5
    prior = MixturePrior(latent=2, classes=2, components=3)
    prior.fit(points, labels)
    z = prior(torch.randn(500, 2), torch.rand(500, 1), torch.ones(500, dtype=torch.long))
    assert (z - 5).abs().max() < 1


def test_a_class_too_rare_for_a_mixture_takes_that_of_all():
    prior = MixturePrior(latent=2, classes=3)
    prior.fit(torch.randn(50, 2) + 9, torch.tensor([2] + [0] * 49))
    z = prior(torch.randn(300, 2), torch.rand(300, 1), torch.arange(300) % 3)
    assert ((z - 9).abs() < 6).all()


def test_spare_components_are_never_drawn_as_they_were_made():
    prior = MixturePrior(latent=2)
    prior.fit(torch.randn(20, 2) + 9)  # too few points for ten components
    prior.weights.mul_(1 - 1e-6)  # the sum of the weights may be rounded below one
    z = prior(torch.randn(50, 2), torch.full((50, 1), 1 - 2**-24))
    assert ((z - 9).abs() < 6).all()


def test_few_points_get_few_components():
    torch.manual_seed(0)
    for count in (2, 7, 40):
        prior = MixturePrior(latent=8)
        prior.fit(torch.randn(count, 8))
        assert (prior.weights > 0).sum() <= max(1, count // 4)
    prior.fit(torch.randn(2000, 8))
    assert (prior.weights > 0).sum() == 1  # one Gaussian is one Gaussian
