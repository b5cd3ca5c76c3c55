"""Distances of sounds: exact copies, known noise, silence."""

import numpy as np
import pytest

from aegean.formulas.sounds import SDR_CAP, log_spectral_distance, mel_bank, mel_distance, si_sdr

RNG = np.random.default_rng(0)
NOISE = RNG.normal(0, 0.1, (3, 1, 4000))


def test_an_exact_copy_is_perfect():
    assert mel_distance(NOISE, NOISE, 8000) == log_spectral_distance(NOISE, NOISE, 8000) == 0
    assert si_sdr(NOISE, NOISE) == SDR_CAP


def test_a_gain_is_the_same_everywhere():
    assert mel_distance(NOISE, 10 * NOISE, 8000) == pytest.approx(1, abs=0.01)
    assert log_spectral_distance(NOISE, 10 * NOISE, 8000) == pytest.approx(20, abs=0.2)
    assert si_sdr(NOISE, 10 * NOISE) > 90


def test_noise_of_a_tenth_is_twenty_decibels():
    assert si_sdr(NOISE, NOISE + RNG.normal(0, 0.01, NOISE.shape)) == pytest.approx(20, abs=0.3)


def test_silence_is_finite():
    still = np.zeros((2, 1, 400))
    assert mel_distance(still, still, 8000) == 0 and np.isfinite(mel_distance(still, NOISE[:2, :, :400], 8000))
    assert si_sdr(still, still) == SDR_CAP and si_sdr(NOISE, np.zeros_like(NOISE)) == pytest.approx(0, abs=1)


@pytest.mark.parametrize("window,bands", [(64, 5), (1024, 80), (8, 20)])
def test_every_band_hears_something(window, bands):
    bank = mel_bank(window, 8000, bands)
    assert bank.shape == (window // 2 + 1, bands) and np.allclose(bank.sum(0), 1) and (bank >= 0).all()
