"""Whether each number of a code stands for one factor of its data: scores on codes (n, d) and factors (n, k)."""

from __future__ import annotations

import numpy as np

BINS = 20  # of each number of a code (Locatello et al. 2019, appendix C)
VOTES, GROUP = 800, 64  # of the FactorVAE score: votes to learn from, as many to test; samples in a vote
SILENT = 0.1  # bits: a number that takes less says nothing


def mutual_information_gap(codes: np.ndarray, factors: np.ndarray) -> float:
    """How much more the number that tells most of a factor says than the second, in parts of the factor's entropy; the
    mean over factors: 1 where each has one number of its own, 0 where two numbers say the same.

    codes (n, d) floats, draws of q(z|x), so that a number that is all noise says nothing; factors (n, k) whole numbers.
    Chen et al. 2018, eq. 6; the mutual information is that of a histogram with 20 equal bins a number.
    """
    gaps = []
    for factor in factors.T:
        entropy = mutual_information(factor, factor)
        told = sorted((mutual_information(_binned(code), factor) for code in codes.T), reverse=True)
        gaps.append((told[0] - (told[1] if len(told) > 1 else 0.0)) / max(entropy, 1e-12))
    return float(np.mean(gaps))


def mutual_information(a: np.ndarray, b: np.ndarray) -> float:
    """Of two columns (n,) of whole numbers from 0, in bits; of a column with itself its entropy."""
    joint = np.zeros((a.max() + 1, b.max() + 1))
    np.add.at(joint, (a, b), 1 / len(a))
    apart = joint.sum(1, keepdims=True) * joint.sum(0)
    some = joint > 0
    return float((joint[some] * np.log2(joint[some] / apart[some])).sum())


def factor_score(codes: np.ndarray, factors: np.ndarray, rates: np.ndarray | None = None, seed: int = 0) -> float:
    """How often the number of a code that varies least among samples that share one factor tells which factor that is.

    Kim and Mnih 2018, section 4: 64 samples share a random value of a random factor; the number with the least variance
    among them, in parts of its variance over all, votes; a majority of 800 such votes is learnt for each number, and
    800 others are tested. Chance is 1 / k. codes (n, d): posteriors' means; factors (n, k) whole numbers; rates (d,)
    bits: numbers below 0.1, which say nothing, are left out, as those that never vary are.
    """
    rng = np.random.default_rng(seed)
    spread = codes.var(0)
    telling = spread > 0 if rates is None else (spread > 0) & (rates >= SILENT)
    scaled = codes[:, telling] / np.sqrt(spread[telling])
    groups = [[np.flatnonzero(column == value) for value in np.unique(column)] for column in factors.T]
    votes = np.zeros((2, max(1, scaled.shape[1]), len(groups)))
    for half in range(2):
        for _ in range(VOTES):
            factor = rng.integers(len(groups))
            rows = rng.choice(groups[factor][rng.integers(len(groups[factor]))], GROUP)
            least = int(scaled[rows].var(0).argmin()) if scaled.shape[1] else 0
            votes[half, least, factor] += 1
    learnt, tested = votes
    return float(tested[np.arange(len(tested)), learnt.argmax(1)].sum() / VOTES)


def _binned(code: np.ndarray) -> np.ndarray:
    """(n,) floats -> the number of the bin of each (n,)."""
    return np.digitize(code, np.linspace(code.min(), code.max(), BINS + 1)[1:-1])
