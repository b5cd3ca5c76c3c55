"""PSNR, SSIM and squared error by hand and against scikit-style loops."""

import math

import numpy as np
import pytest

from aegean.config import UserError
from aegean.formulas import pictures
from aegean.formulas.pictures import mean_squared_error, psnr, ssim


def pair(n=3, shape=(1, 16, 16), noise=0.2):
    rng = np.random.default_rng(0)
    x = rng.uniform(-1, 1, size=(n, *shape)).astype(np.float32)
    return x, (x + noise * rng.normal(size=x.shape)).clip(-1, 1).astype(np.float32)


def test_squared_error_by_hand():
    assert mean_squared_error(np.array([[1.0, 2]]), np.array([[0.0, 4]])) == 2.5


def test_psnr_is_the_mean_over_pictures():
    x = np.zeros((2, 1, 4, 4), np.float32)
    y = np.stack([np.full((1, 4, 4), 0.2), np.full((1, 4, 4), 0.02)]).astype(np.float32)
    expected = np.mean([10 * math.log10(4 / 0.2**2), 10 * math.log10(4 / 0.02**2)])
    assert psnr(x, y) == pytest.approx(expected, abs=1e-4)
    assert psnr(x, x) == 100
    assert psnr(x + 1, x + 1.5) == 100  # outside the range is clipped


def window_similarity(a, b, half, sigma):
    """Wang et al. 2004, eq. 13, one picture in [0, 1], Gaussian windows that lie inside it."""
    t = np.arange(-half, half + 1)
    w = np.exp(-(t**2) / (2 * sigma**2))
    w = np.outer(w, w) / w.sum() ** 2
    size, values = 2 * half + 1, []
    for i in range(a.shape[0] - size + 1):
        for j in range(a.shape[1] - size + 1):
            p, q = a[i : i + size, j : j + size], b[i : i + size, j : j + size]
            mp, mq = (w * p).sum(), (w * q).sum()
            vp, vq, cov = (w * p * p).sum() - mp**2, (w * q * q).sum() - mq**2, (w * p * q).sum() - mp * mq
            values.append((2 * mp * mq + 1e-4) * (2 * cov + 9e-4) / ((mp**2 + mq**2 + 1e-4) * (vp + vq + 9e-4)))
    return np.mean(values)


@pytest.mark.parametrize("side,half", [(16, 5), (11, 5), (8, 3), (4, 1)])
def test_ssim_equals_loops(side, half):
    x, y = pair(shape=(1, side, side))
    expected = [
        window_similarity((a[0] + 1) / 2, (b[0] + 1) / 2, half, 1.5 * half / 5)
        for a, b in zip(x.astype(float), y.astype(float))
    ]
    assert ssim(x, y) == pytest.approx(np.mean(expected), abs=1e-5)
    assert ssim(x, x) == pytest.approx(1)


def test_colour_and_batches(monkeypatch):
    x, y = pair(n=5, shape=(3, 12, 13))
    whole = [f(x, y) for f in (mean_squared_error, psnr, ssim)]
    monkeypatch.setattr(pictures, "BATCH", 2)
    assert [f(x, y) for f in (mean_squared_error, psnr, ssim)] == pytest.approx(whole)


def test_what_cannot_be_compared_is_refused():
    x, _ = pair()
    with pytest.raises(UserError, match="cannot be compared"):
        psnr(x, x[:, :, :8])
    with pytest.raises(UserError, match="at least 3 pixels"):
        ssim(x[:, :, :2], x[:, :, :2])
