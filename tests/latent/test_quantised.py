"""Codes to symbols and back; codebooks that learn once a step, whatever the split, and never die."""

import math

import pytest
import torch

from aegean.config import network_class
from aegean.latent import QUANTISED, FiniteScalar, VectorQuantised

LEVEL = (6, 3, 2)
SIZES = {
    "finite": {"latent": 4 * 6, "levels": 5},
    "vector": {"latent": 4 * 6, "levels": 16},
    "residual": {"latent": 4 * 6, "levels": 8, "stages": 3},
}


def make(kind, **changes):
    torch.manual_seed(0)
    return network_class(QUANTISED[kind])(level=LEVEL, **{**SIZES[kind], **changes})


def features(n=7, seed=1):
    torch.manual_seed(seed)
    return 2 * torch.randn(n, *LEVEL)


@pytest.mark.parametrize("kind", QUANTISED)
def test_symbols_are_whole_numbers_of_the_grid_and_give_z_exactly(kind):
    b = make(kind)
    latent = b(features())
    assert latent.z.shape == (7, 24) and latent.symbols.shape == (7, *b.grid)
    assert torch.equal(latent.symbols, latent.symbols.round())
    assert latent.symbols.min() >= 0 and latent.symbols.max() < b.levels
    assert torch.equal(b.to_codes(latent.symbols.long()), latent.z)
    assert latent.rate.tolist() == pytest.approx([math.prod(b.grid) * math.log2(b.levels)] * 7)


@pytest.mark.parametrize("kind", ["finite", "vector"])
def test_codes_to_symbols_and_back(kind):
    b = make(kind)
    symbols = torch.randint(0, b.levels, (50, *b.grid))
    assert torch.equal(b.to_symbols(b.to_codes(symbols)), symbols)


@pytest.mark.parametrize("kind", ["vector", "residual"])
def test_what_was_not_quantised_yet_has_the_symbols_that_training_gives_it(kind):
    """A residual code is greedy: each stage takes what is nearest to the rest. So codes of codes may differ."""
    b, h = make(kind), features()
    assert torch.equal(b.to_symbols(b.places(h).flatten(1)), b(h).symbols.long())


@pytest.mark.parametrize("kind", QUANTISED)
@pytest.mark.parametrize("level", [(6, 3, 2), (6,)])
def test_features_without_places_are_a_grid_of_one(kind, level):
    b = network_class(QUANTISED[kind])(level=level, **{**SIZES[kind], "latent": 12})
    assert b(torch.randn(5, *level)).z.shape == (5, 12)


@pytest.mark.parametrize("kind", QUANTISED)
def test_gradients_pass_straight_through_to_the_features(kind):
    b, h = make(kind), features().requires_grad_()
    (gradient,) = torch.autograd.grad(b(h).z.square().sum(), h)
    assert gradient.isfinite().all() and (gradient != 0).any()


def test_finite_scalars_are_as_published():
    """The nearest of L even steps in [-1, 1] (Mentzer et al. 2023, section 3.1, clipped instead of tanh)."""
    b = make("finite")
    h = features()
    bounded = 2 * b.places(h).clamp(-1, 1)
    assert torch.equal(b(h).z, ((bounded + 0.5).floor() / 2).flatten(1))


def test_vectors_are_nearest_by_distance():
    b = make("vector")
    places = b.places(features()).movedim(1, -1)
    distance = torch.cdist(places.reshape(-1, 4), b.book[0])
    assert torch.equal(b(features()).symbols[:, 0].flatten().long(), distance.argmin(1))


def test_the_commitment_is_the_squared_distance_and_moves_the_encoder_alone():
    b, h = make("vector"), features().requires_grad_()
    latent = b(h)
    expected = (b.places(h).flatten(1) - latent.z).square().sum(1)
    torch.testing.assert_close(latent.loss, expected)
    assert not b.book.requires_grad
    assert torch.autograd.grad(latent.loss.sum(), h)[0].abs().sum() > 0


def test_each_stage_of_a_residual_code_brings_it_nearer():
    b, h = make("residual"), features(100)
    for _ in range(100):
        b.observe(b.observed(b(h)))
    symbols = b(h).symbols.long()
    errors = [(b.places(h).flatten(1) - b.to_codes(symbols[:, :n])).square().mean() for n in (1, 2, 3)]
    assert errors[0] > 1.5 * errors[1] > 1.5 * errors[2]


def test_dropout_uses_as_many_stages_as_noise_says():
    b, h = make("residual"), features(3)
    noise = torch.tensor([[0.1], [0.5], [0.9]])
    latent, symbols = b(h, noise), b(h).symbols.long()
    for n in range(3):
        torch.testing.assert_close(latent.z[n], b.to_codes(symbols[n : n + 1, : n + 1])[0])
    assert b.draws == ("uniform", (1,)) and make("vector").draws is None


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["vector", "residual"])
def test_a_code_is_the_mean_of_what_it_is_nearest_to(kind):
    """After many looks at the same vectors: k-means, stage by stage."""
    b, h = make(kind), features(60)
    for _ in range(3000):
        b.observe(b.observed(b(h)))
    latent = b(h)
    given = latent.stats[0].movedim(2, -1)
    for stage in range(b.stages):
        number = latent.symbols[:, stage].long()
        for code in number.unique():
            mine = given[:, stage][number == code]
            torch.testing.assert_close(b.book[stage, code], mine.mean(0), atol=2e-3, rtol=1e-3)


@pytest.mark.parametrize("kind", QUANTISED)
def test_sums_of_parts_are_the_sums_of_the_whole(kind):
    b, h = make(kind), features(9)
    whole = b.observed(b(h))
    parts = sum(b.observed(b(h[rows])) for rows in (slice(0, 4), slice(4, 9)))
    assert whole.shape == (b.observed_size,)
    torch.testing.assert_close(whole, parts)


@pytest.mark.slow
def test_dead_codes_are_revived_and_all_are_used():
    """64 codes, all of them far away but one: it alone is used at first."""
    torch.manual_seed(0)
    b = VectorQuantised(level=(2,), latent=2, levels=64)
    with torch.no_grad():
        b.project.weight.copy_(torch.eye(2)[:, :, None, None])
        b.sums[0, 1:] += 1000
    for step in range(600):
        torch.manual_seed(step)
        b.observe(b.observed(b(torch.rand(256, 2) + 1)))
    use = b.use()
    assert use["use"] >= 0.95
    assert use["entropy"] > 5.5  # of 6
    points = torch.rand(2000, 2) + 1
    assert (b.places(points).flatten(1) - b(points).z).square().sum(1).mean() < 2 * (
        1 / 64
    ) / 6 * 1.3  # a grid's is 1/6


def test_a_code_is_split_along_its_spread():
    torch.manual_seed(0)
    b = VectorQuantised(level=(2,), latent=2, levels=2)
    with torch.no_grad():
        b.project.weight.copy_(torch.eye(2)[:, :, None, None])
        b.sums[0, 0], b.sums[0, 1] = torch.tensor([1.0, 1.0]), torch.tensor([500.0, 500.0])
    points = torch.stack((torch.where(torch.arange(100) % 2 == 0, 0.5, 1.5), torch.ones(100)), 1)
    for _ in range(600):
        b.observe(b.observed(b(points)))
    book = b.book[0][b.book[0, :, 0].argsort()]
    torch.testing.assert_close(book, torch.tensor([[0.5, 1.0], [1.5, 1.0]]), atol=1e-3, rtol=0)


def test_use_and_entropy_are_those_of_the_symbols():
    b = FiniteScalar(level=(1,), latent=1, levels=4)
    b.mass.copy_(torch.tensor([[8.0, 8.0, 0.0, 0.0]]))
    assert b.use() == {"use": 0.5, "entropy": pytest.approx(1.0, abs=1e-6)}
