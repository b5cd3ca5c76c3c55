"""Frequencies as an ear tells them apart."""

from __future__ import annotations

import numpy as np


def mel_bank(window: int, rate: int, bands: int) -> np.ndarray:
    """Triangles (window // 2 + 1, bands) of equal width on the mel scale, 2595 log10(1 + f / 700), each of sum 1; one
    that falls between two frequencies is the nearest of them."""
    frequencies = np.arange(window // 2 + 1) * rate / window
    top = 2595 * np.log10(1 + rate / 2 / 700)
    edges = 700 * (10 ** (np.linspace(0, top, bands + 2) / 2595) - 1)
    low, centre, high = edges[:-2], edges[1:-1], edges[2:]
    f = frequencies[:, None]
    bank = np.clip(np.minimum((f - low) / (centre - low), (high - f) / (high - centre)), 0, None)
    empty = bank.sum(0) == 0
    bank[abs(f - centre).argmin(0)[empty], np.flatnonzero(empty)] = 1
    return bank / bank.sum(0)
