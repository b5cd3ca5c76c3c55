"""Membership: how well a score tells members, the records that were trained on, from records that were not."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from aegean.config import UserError

LEVEL = 0.05  # of an error that an interval or an alarm may make
FALSE = 0.01  # share of non-members that an attacker may accuse


class Told(NamedTuple):
    """What an attack reaches. Higher scores are to mean members."""

    auc: float  # chance that a random member scores higher than a random other record; 0.5: nothing is told
    interval: tuple[float, float]
    p: float  # of an AUC as large or larger where nothing is told
    caught: float  # true positives, the share of members above a threshold that FALSE of the others pass
    caught_interval: tuple[float, float]
    epsilon: float  # differential privacy below this is refuted, at the same level; 0: nothing is


def told(members: np.ndarray, others: np.ndarray, level: float = LEVEL) -> Told:
    """Scores (m,) of members and (n,) of others -> what they tell, intervals at 1 - level. UserError: one part is
    empty."""
    if not len(members) or not len(others):
        raise UserError(f"{len(members)} members and {len(others)} other records: some of each are needed.")
    from scipy.stats import mannwhitneyu

    test = mannwhitneyu(members, others, alternative="greater")
    auc = float(test.statistic) / (len(members) * len(others))
    allowed = math.floor(FALSE * len(others))
    threshold = np.sort(others)[::-1][allowed]  # so many others, or fewer, score higher
    caught = int((members > threshold).sum())
    within = clopper_pearson(caught, len(members), level)
    accused = clopper_pearson(allowed, len(others), level)[1]
    epsilon = max(0.0, math.log(within[0] / accused)) if within[0] > 0 else 0.0
    p = float(test.pvalue) if np.ptp(np.concatenate((members, others))) > 0 else 1.0
    return Told(auc, auc_interval(auc, len(members), len(others), level), p, caught / len(members), within, epsilon)


def auc_interval(auc: float, m: int, n: int, level: float = LEVEL) -> tuple[float, float]:
    """The interval at 1 - level of an AUC between m and n scores: all values whose own deviation explains it.

    Newcombe 2006 ("Confidence intervals for an effect size measure based on the Mann-Whitney statistic", part 2),
    method 5, with the variance of Hanley and McNeil 1982 for exponential scores.
    """
    from scipy.optimize import brentq
    from scipy.special import ndtri

    z, half = -float(ndtri(level / 2)), (m + n) / 2 - 1

    def beyond(value: float) -> float:
        spread = 1 + half * ((1 - value) / (2 - value) + value / (1 + value))
        return (auc - value) ** 2 - z * z * value * (1 - value) * spread / (m * n)

    low = brentq(beyond, 0, auc) if auc > 0 else 0.0
    high = brentq(beyond, auc, 1) if auc < 1 else 1.0
    return float(low), float(high)


def clopper_pearson(count: int, of: int, level: float = LEVEL) -> tuple[float, float]:
    """The interval at 1 - level of a share of which `count` of `of` draws were seen (Clopper and Pearson 1934): never
    too narrow."""
    from scipy.special import betaincinv

    low = betaincinv(count, of - count + 1, level / 2) if count else 0.0
    high = betaincinv(count + 1, of - count, 1 - level / 2) if count < of else 1.0
    return float(low), float(high)
