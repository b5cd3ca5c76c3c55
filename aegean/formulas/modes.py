"""Modes: which classes a classifier sees in the samples, or which known centres they lie at, and how evenly."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from aegean.config import UserError


@dataclass(frozen=True)
class Modes:
    """How samples spread over the modes."""

    covered: int  # modes with at least one sample
    confident: int  # modes with at least one sample of confidence >= 0.9
    kl: float  # KL(samples || reference) of the mode histograms, in nats


def mode_statistics(probabilities: np.ndarray, reference: np.ndarray | None = None, confidence: float = 0.9) -> Modes:
    """Modes of a classifier's probabilities (n, modes); a sample's mode is the likeliest one.

    `reference` (modes,): how often each mode occurs in the data, as counts or shares; uniform by default.
    Srivastava et al. 2017, "VEEGAN", section 4; confidence because blur falls into some mode too.
    """
    predictions = probabilities.argmax(1)
    sure = predictions[probabilities.max(1) >= confidence]
    counts = np.bincount(predictions, minlength=probabilities.shape[1])
    return Modes(int((counts > 0).sum()), len(np.unique(sure)), mode_kl(counts, reference))


def mode_kl(counts: np.ndarray, reference: np.ndarray | None = None) -> float:
    """KL in nats of the histogram `counts` (modes,) to `reference` (modes,), uniform by default.

    Infinite where samples fall into a mode that the reference does not have.
    """
    if counts.sum() == 0:
        raise UserError("There are no samples whose modes could be counted.")
    reference = np.ones(len(counts)) if reference is None else np.asarray(reference, np.float64)
    if reference.shape != counts.shape:
        raise UserError(f"The reference has {reference.size} modes where the samples have {counts.size}.")
    hit = counts > 0
    p, q = counts[hit] / counts.sum(), reference[hit] / reference.sum()
    with np.errstate(divide="ignore"):
        return max(float((p * (np.log(p) - np.log(q))).sum()), 0.0)


@dataclass(frozen=True)
class PointModes:
    """How points spread over known centres."""

    covered: int  # centres with at least one point of high quality
    quality: float  # share of the points that lie within three standard deviations of a centre
    kl: float  # KL(points || uniform) of the nearest centres of all points, in nats


def point_modes(points: np.ndarray, centres: np.ndarray, deviation: float) -> PointModes:
    """Modes of points (n, d) of an even mixture of Gaussians at `centres` (modes, d), all of standard deviation
    `deviation`.

    Srivastava et al. 2017, "VEEGAN", section 4.1; Lin et al. 2018, "PacGAN", section 4.1: a point belongs to its
    nearest centre and is of high quality within three deviations of it (in the plane 98.9 % of real points are).
    The histogram counts all points, not those of high quality alone: otherwise a model whose few good points lie
    evenly would have no divergence.
    """
    distances = np.linalg.norm(points[:, None] - centres, axis=2)
    nearest, good = distances.argmin(1), distances.min(1) <= 3 * deviation
    counts = np.bincount(nearest, minlength=len(centres))
    return PointModes(len(np.unique(nearest[good])), float(good.mean()), mode_kl(counts))


def joint_probabilities(parts: list[np.ndarray]) -> np.ndarray:
    """Probabilities of independent factors, each (n, c_i), to those of their product modes (n, prod c_i).

    Stacked MNIST: three digits' (n, 10) -> (n, 1000), the first digit the slowest axis.
    """
    joint = parts[0]
    for part in parts[1:]:
        joint = (joint[:, :, None] * part[:, None, :]).reshape(len(joint), -1)
    return joint
