"""Networks of sounds: spectra and their inverse, chunks, loudness, the discriminator."""

import pytest
import torch
from torch.func import jvp

from aegean.config import net
from aegean.gradients import with_squared_gradient
from aegean.nets.sound import LEVEL, Loudness, SoundDecoder, SoundEncoder, reach
from aegean.nets.spectra import Lapped, Overlap, Spectrum
from aegean.testing import away_from_zero, check_network

SIZES = {"length": 200, "hop": 8, "width": 6, "blocks": 2, "most": 2.0}  # 10 numbers a place
DISCRIMINATOR = net("SoundDiscriminator", windows=[16, 32], periods=[2, 3], width=2)


@pytest.mark.parametrize("hop", [2, 8, 33])
def test_overlapping_frames_are_the_inverse_of_a_spectrum(hop):
    x = torch.randn(2, 1, 20 * hop)
    torch.testing.assert_close(Overlap(hop)(*Spectrum(hop)(x)), x, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("hop", [2, 8, 33])
def test_a_lapped_transform_keeps_power_and_comes_back_all_but_its_last_block(hop):
    x = torch.randn(2, 1, 20 * hop)
    x[..., -hop:] = 0
    found = Lapped(hop)(x)
    assert found.shape == (2, hop, 20)
    torch.testing.assert_close(Lapped(hop).inverse(found)[..., :-hop], x[..., :-hop], rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(found.square().sum((1, 2)), x.square().sum((1, 2)), rtol=1e-3, atol=1e-3)


def test_at_first_the_codec_is_the_transform_alone():
    E, G = SoundEncoder(**SIZES), SoundDecoder(**SIZES)
    for network in (E, G):
        torch.nn.init.zeros_(network.change.weight)
    torch.nn.init.constant_(G.vocoder.magnitude.bias, -30.0)
    x = torch.randn(1, 1, 80) / 4
    torch.testing.assert_close(G(E(x)[0].flatten(1))[..., :-8], x[..., :-8], rtol=1e-4, atol=1e-5)


def test_a_sine_of_full_scale_has_magnitude_one_in_its_bin():
    x = torch.sin(2 * torch.pi * torch.arange(640) / 8)
    real, imaginary = Spectrum(16)(x[None, None])
    assert torch.hypot(real, imaginary)[0, 8, 20] == pytest.approx(1, abs=1e-3)


@pytest.mark.parametrize(
    "spec,shape",
    [
        (net("SoundEncoder", **SIZES), (8, 1, 200)),
        (net("SoundEncoder", **SIZES), (8, 1, 77)),
        (net("SoundDecoder", **SIZES), (8, 250)),
        (net("SoundDecoder", **SIZES), (8, 40)),
        (net("Voice", length=77, frames=16, bands=5, hop=8, width=6), (8, 1, 5, 16)),
        (net("Loudness", hop=8), (8, 1, 77)),
        (net("LogMel", rate=1000, windows=[16, 32], bands=[4, 8], floors=[1e-5, 1e-2]), (8, 1, 77)),
    ],
    ids=str,
)
def test_networks_are_pure_and_take_any_length(spec, shape):
    check_network(spec, torch.randn(shape))


def test_the_discriminator_keeps_the_contract_and_says_how_many_places_it_judges():
    D = check_network(DISCRIMINATOR, torch.randn(8, 1, 77), torch.zeros(8, 0))
    logits = D(torch.randn(1, 1, 77), torch.zeros(1, 0)).logits
    assert sum(each.numel() for each in logits) == D.places(77)


def test_input_gradients_by_forward_mode_equal_double_backward():
    D = DISCRIMINATOR.build()
    away_from_zero(D)
    x, found = torch.randn(3, 1, 64), []
    for forward_mode in (False, True):
        _, squared = with_squared_gradient(lambda x: D(x, torch.zeros(3, 0)), x, forward_mode)
        found.append([squared, *torch.autograd.grad(squared.sum(), list(D.parameters()), allow_unused=True)])
    for a, b in zip(*found):
        assert (a is None) == (b is None)
        if a is not None:
            torch.testing.assert_close(a, b, rtol=1e-3, atol=1e-5)


def test_the_decoder_has_a_forward_mode():
    G = SoundDecoder(**SIZES)
    z = torch.randn(2, 250)
    value, slope = jvp(lambda z: G(z), (z,), (torch.ones_like(z),))
    assert value.shape == slope.shape == (2, 1, 200) and slope.isfinite().all()


def test_nothing_depends_on_more_than_the_reach():
    E, G = SoundEncoder(**SIZES), SoundDecoder(**SIZES)
    for network in (E, G):
        away_from_zero(network)
    x, z = torch.randn(1, 1, 400), torch.randn(1, 10, 50)
    far = reach(2)
    again = x.clone()
    again[..., : 8 * (25 - far)] += 1
    again[..., 8 * (26 + far) :] += 1
    assert torch.equal(E(x)[0][..., 25], E(again)[0][..., 25])
    again = z.clone()
    again[..., : 25 - far] += 1
    again[..., 26 + far :] += 1
    there = slice(8 * 25, 8 * 26)
    torch.testing.assert_close(G(z.flatten(1))[..., there], G(again.flatten(1))[..., there], rtol=0, atol=1e-6)


def test_even_sounds_are_equally_loud_whatever_their_pauses_and_never_beyond_full_scale():
    level = Loudness(16)
    x = torch.randn(1, 1, 1600)
    quiet = torch.cat((0.01 * x, torch.zeros_like(x)), 2)
    for sound in (x / 5, quiet):
        power = (sound * level(sound))[..., :1600].square().mean().sqrt()
        assert power == pytest.approx(LEVEL, rel=0.1)
    click = torch.zeros(1, 1, 1600)
    click[..., 800] = 0.5
    assert (click * Loudness(160)(click)).max() == pytest.approx(1)
    assert torch.equal(level(torch.zeros(1, 1, 64)) * 0, torch.zeros(1, 1, 1))
