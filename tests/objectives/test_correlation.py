"""The total correlation of a latent, where it is known in closed form."""

import math
from types import SimpleNamespace

import pytest
import torch
from torch.distributions import Normal

from aegean.objectives import TotalCorrelation
from aegean.objectives.correlation import total_correlation


def drawn(mean, log_variance):
    return mean + (log_variance / 2).exp() * torch.randn(mean.shape, generator=torch.Generator().manual_seed(1))


def test_posteriors_that_say_nothing_have_none():
    mean = torch.zeros(16, 5)
    found = total_correlation(drawn(mean, mean), mean, mean, count=10_000)
    torch.testing.assert_close(found, torch.zeros(16), atol=1e-4, rtol=0)


@pytest.mark.slow
@pytest.mark.parametrize("rho", [0.0, 0.5, 0.9])
def test_correlated_gaussian_posteriors_have_that_of_a_gaussian(rho):
    """Means ~ N(0, [[1, rho], [rho, 1]]) and variance 1/4: q(z) = N(0, C), and its total correlation is
    -1/2 log2(1 - r^2) with r = rho / 1.25 the correlation of C."""
    g = torch.Generator().manual_seed(0)
    mean = torch.randn(3000, 2, generator=g) @ torch.linalg.cholesky(torch.tensor([[1.0, rho], [rho, 1.0]])).T
    log_variance = torch.full((3000, 2), math.log(0.25))
    found = total_correlation(drawn(mean, log_variance), mean, log_variance, count=3000).mean()
    assert float(found) == pytest.approx(-0.5 * math.log2(1 - (rho / 1.25) ** 2), abs=0.03)


def test_two_numbers_that_both_tell_one_of_two_groups_share_a_bit():
    """Whatever the size of the data, of which the batch is a part."""
    mean = torch.tensor([[-3.0, -3.0], [3.0, 3.0]]).repeat(32, 1)
    log_variance = torch.full_like(mean, math.log(0.01))
    for count in (64, 1000, 100_000):
        found = total_correlation(drawn(mean, log_variance), mean, log_variance, count).mean()
        assert float(found) == pytest.approx(1, abs=0.03)


def test_the_densities_are_the_weighted_sums_of_the_paper():
    """By loops: a sample's own posterior weighs 1 / count, the others share the rest."""
    g = torch.Generator().manual_seed(0)
    mean, log_variance = torch.randn(5, 3, generator=g).double(), torch.randn(5, 3, generator=g).double()
    z, count = drawn(mean.float(), log_variance.float()).double(), 40
    for i, found in enumerate(total_correlation(z, mean, log_variance, count)):
        q = [Normal(mean[j], (log_variance[j] / 2).exp()).log_prob(z[i]).exp() for j in range(5)]
        weight = [1 / count if j == i else (1 - 1 / count) / 4 for j in range(5)]
        joint = sum(w * p.prod() for w, p in zip(weight, q))
        apart = sum(w * p for w, p in zip(weight, q)).prod()
        torch.testing.assert_close(found, (joint / apart).log2())


def test_the_term_reads_the_posterior_of_its_paths():
    mean = torch.tensor([[-3.0, -3.0], [3.0, 3.0]])
    log_variance = torch.zeros(2, 2)
    z = drawn(mean, log_variance)
    p = SimpleNamespace(latent=SimpleNamespace(z=z, stats=(mean, log_variance)))
    term = TotalCorrelation(trains=("E",), count=2)
    torch.testing.assert_close(term(p), total_correlation(z, mean, log_variance, 2))
    assert term.couples
    assert total_correlation(z[:1], mean[:1], log_variance[:1], 1).isfinite().all()
