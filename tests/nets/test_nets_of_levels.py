"""The contract of networks, for those of hierarchies: shapes, purity, odd sizes, input gradients, no idle parameter."""

import pytest
import torch

from aegean.config import net
from aegean.gradients import with_squared_gradient
from aegean.latent import LadderPosterior
from aegean.nets import (
    ConvDecoder,
    ConvEncoder,
    ConvLadder,
    DenseLadder,
    MLPDecoder,
    MLPEncoder,
    NoiseReaders,
    ScaleDiscriminator,
    Stack,
    Tower,
)
from aegean.nets.scales import bundle, pyramid
from aegean.nets.tower import unit

SHAPES = [(1, 8, 8), (3, 28, 28), (2, 7, 13), (5, 33, 20), (2, 37)]
WIDTHS = [4, 6, 8]


def ladders(shape):
    """Ladders of two and of three floors."""
    found = [DenseLadder(shape, 5, WIDTHS, floors) for floors in (2, 3)]
    if len(shape) > 1:
        found += [ConvLadder(shape, 5, WIDTHS, floors, channels=2, pictures=True) for floors in (2, 3)]
    return found


def perturbed(network):
    with torch.no_grad():  # away from layers that begin at zero
        for p in network.parameters():
            p.add_(0.1 * torch.randn_like(p))
    return network


@pytest.mark.parametrize("shape", [*SHAPES, (10,), (1,)], ids=str)
def test_a_ladder_draws_samples_of_any_shape_from_one_vector(shape):
    for G in ladders(shape):
        perturbed(G)
        z = torch.randn(4, G.latent)
        out = G(z)
        assert out.shape == (4, *shape) and sum(G.spans) == G.latent
        torch.testing.assert_close(out[:2], G(z[:2]), rtol=1e-4, atol=1e-5)
        state = {k: v.clone() for k, v in G.state_dict().items()}
        assert torch.equal(G(z), out) and all(torch.equal(v, state[k]) for k, v in G.state_dict().items())
        for level, drawn in enumerate(G.split(z)):
            assert drawn.shape == (4, G.spans[level])


@pytest.mark.parametrize("shape", [(1, 8, 8), (2, 7, 13), (10,)], ids=str)
def test_every_draw_of_a_ladder_moves_its_output(shape):
    for G in ladders(shape):
        z = torch.randn(4, G.latent, requires_grad=True)
        (slope,) = torch.autograd.grad(perturbed(G)(z).square().sum(), z)
        assert (slope.abs().sum(0) > 0).all()


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_a_ladder_with_pictures_shows_each_level_at_its_size(shape):
    G = ConvLadder(shape, 5, WIDTHS, 3, pictures=True)
    z = torch.randn(2, G.latent)
    drawn, h = G.split(z), None
    for level in (2, 1, 0):
        h = G.descend(level, drawn[2] if h is None else h, drawn[level])
        assert G.show(level, h).shape == (2, shape[0], *G.scales[level])
    torch.testing.assert_close(G.show(0, h), G(z))


def test_the_posterior_of_a_ladder_begins_near_its_prior_and_needs_noise_to_draw():
    E, G = ConvEncoder((1, 8, 8), WIDTHS), ConvLadder((1, 8, 8), 5, WIDTHS, 3)
    posterior = LadderPosterior(E.levels, G.states, [1, 1, 5], G.latent)
    h = E(torch.randn(16, 1, 8, 8))
    for level in range(3):
        state, noise = torch.randn(16, *G.states[level]), torch.randn(16, G.spans[level])
        still, drawn = (posterior.read(level, h[level], state, n) for n in (None, noise))
        assert still.z.shape == drawn.z.shape == (16, G.spans[level]) and still.rate.shape == (16,)
        torch.testing.assert_close(drawn.rate, still.rate)
        assert not torch.equal(drawn.z, still.z) and (still.rate >= 0).all()
        assert still.rate.mean() / G.spans[level] < 3


@pytest.mark.parametrize("shape", [*SHAPES, (10,)], ids=str)
def test_a_stack_mirrors_its_tower(shape):
    kinds = (ConvEncoder, ConvDecoder) if len(shape) == 3 else (MLPEncoder, MLPDecoder)
    stages = [net(kinds[0], shape=shape, widths=WIDTHS), net(MLPEncoder, shape=[7], widths=[9])]
    floors = [net(kinds[1], shape=shape, widths=WIDTHS, latent=7 + 2), net(MLPDecoder, shape=[7], widths=[9], latent=5)]
    E, G = perturbed(Tower(stages, [7])), perturbed(Stack(floors, 2))
    x = torch.randn(4, *shape)
    levels = E(x)
    assert [tuple(h.shape[1:]) for h in levels] == E.levels == [(7,), (9,)]
    torch.testing.assert_close(levels[0].square().mean(1), torch.ones(4), rtol=1e-3, atol=1e-3)
    assert G.latent == 3 and G(torch.randn(4, 3)).shape == (4, *shape)
    above, noise = torch.randn(4, 3), torch.randn(4, 2)
    assert torch.equal(G.descend(1, above), G.descend(1, above, torch.zeros(4, 2)))
    assert not torch.equal(G.descend(1, above), G.descend(1, above, noise))
    assert G.descend(0, levels[0]).shape == (4, *shape)
    assert NoiseReaders([(9,), (9,)], 2).read(1, levels[1]).shape == (4, 2)


def test_features_of_no_length_are_left_at_nothing():
    assert torch.isfinite(unit(torch.zeros(2, 5))).all()


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_input_gradients_of_a_discriminator_of_scales_are_exact_in_both_forms(shape):
    torch.manual_seed(0)
    D = perturbed(ScaleDiscriminator(shape, WIDTHS))
    sizes = [tuple(s[1:]) for s in D.shapes]
    for lowest in (0, 1):
        x = bundle(pyramid(torch.randn(4, *shape), sizes)[lowest:])
        found = []
        for forward_mode in (False, True):
            judged, slope = with_squared_gradient(lambda v: D(v, torch.zeros(4, 0)), x, forward_mode)
            grads = torch.autograd.grad(slope.sum(), list(D.parameters()), materialize_grads=True)
            found.append((slope.detach(), torch.cat([g.flatten() for g in grads])))
            assert len(judged.logits) == 3 - lowest
        torch.testing.assert_close(found[0][0], found[1][0], rtol=1e-5, atol=1e-6)
        assert (found[0][1] - found[1][1]).norm() < 1e-5 * found[0][1].norm()


def test_pictures_of_noise_keep_their_mean_at_every_scale():
    x = torch.randn(3, 2, 8, 8)
    for picture in pyramid(x, [(8, 8), (4, 4), (2, 2)]):
        torch.testing.assert_close(picture.mean((2, 3)), x.mean((2, 3)))
