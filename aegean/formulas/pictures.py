"""How near a reconstruction is to its picture."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch

from aegean.config import UserError

PSNR_CAP = 100.0  # dB; equal pictures would be infinite and make every mean infinite
BATCH = 100  # pictures at a time, so that the five window means of each stay in the processor's cache


def mean_squared_error(x: np.ndarray, y: np.ndarray) -> float:
    """Mean over all values of (x - y)^2, float64; x and y (n, *shape) in model range."""
    _same_shape(x, y)
    return float(sum(((np.float64(a) - np.float64(b)) ** 2).sum() for a, b in _batches(x, y)) / x.size)


def psnr(x: np.ndarray, y: np.ndarray) -> float:
    """Peak signal-to-noise ratio in dB: the mean over pictures (n, c, h, w) in [-1, 1], each at most 100.

    10 log10(4 / mse) of each picture; values outside the range are clipped to it first.
    """
    from torchmetrics.functional.image import peak_signal_noise_ratio

    _same_shape(x, y)
    total = 0.0
    for a, b in _batches(x, y):
        each = peak_signal_noise_ratio(_unit(a), _unit(b), data_range=1.0, reduction="none", dim=(1, 2, 3))
        total += float(each.clamp(max=PSNR_CAP).sum())
    return total / len(x)


def ssim(x: np.ndarray, y: np.ndarray) -> float:
    """Structural similarity in [-1, 1]: the mean over pictures (n, c, h, w) in [-1, 1].

    Wang et al. 2004, "Image quality assessment", on values mapped to [0, 1], with the paper's Gaussian window
    (11 pixels, standard deviation 1.5), where it lies inside the picture. Pictures smaller than 11 pixels a
    side get the largest odd window that fits and a standard deviation in proportion; 3 pixels at least. In
    float32, good to 1e-5.
    """
    from torchmetrics.functional.image import structural_similarity_index_measure

    _same_shape(x, y)
    side = min(x.shape[2:])
    if side < 3:
        raise UserError(f"SSIM needs images of at least 3 pixels a side; these are {x.shape[2]} x {x.shape[3]}.")
    margin = min(5, (side - 1) // 2)  # of the window: how far it reaches from its centre
    inside = (..., slice(margin, x.shape[2] - margin), slice(margin, x.shape[3] - margin))
    total = 0.0
    for a, b in _batches(x, y):
        _, similarity = structural_similarity_index_measure(
            _unit(a).float(), _unit(b).float(), sigma=0.3 * margin, data_range=1.0, return_full_image=True
        )
        total += float(similarity[inside].mean(dim=(1, 2, 3)).sum())
    return total / len(x)


def _unit(x: np.ndarray) -> torch.Tensor:
    """Pictures in [-1, 1] -> float64 in [0, 1]."""
    return (torch.from_numpy(np.float64(x)).clamp(-1, 1) + 1) / 2


def _batches(x: np.ndarray, y: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    for start in range(0, len(x), BATCH):
        yield x[start : start + BATCH], y[start : start + BATCH]


def _same_shape(x: np.ndarray, y: np.ndarray) -> None:
    if x.shape != y.shape or len(x) == 0:
        raise UserError(f"Shapes {x.shape} and {y.shape} cannot be compared: expected two equal ones, not empty.")
