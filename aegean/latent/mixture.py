"""Gaussian mixtures of few points in many dimensions, by expectation maximisation."""

from __future__ import annotations

import math
import warnings
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np

COUNTS = (1, 2, 4, 8, 16, 32, 64, 128)  # of components
WHOLE, LEADING = 64, 32  # dimensions up to which components are fitted whole; principal axes that they differ along
FLOOR = 1e-6  # share of the points' variance that a component has at least in every direction
CHOOSING = 4_000  # points at most that the number of components is chosen on; more, where a round is cheap
ROUNDS, LONGEST = 20, 60  # of expectation and maximisation while choosing, and at the end
ENOUGH = 0.02  # nats that a round must gain
FAR = 3  # standard deviations that draws must lie further off than held-out points for more components than likeliest
CHUNK = 1 << 23  # products of coordinates at a time
WORK = 4e9  # products of coordinates, times components, of a round at most: a second or so


class Mixture(NamedTuple):
    """Weights (k,), means (k, d) and covariances (k, d, d)."""

    weights: np.ndarray
    means: np.ndarray
    covariances: np.ndarray


def fitted(groups: Sequence[np.ndarray], most: int) -> list[Mixture]:
    """A mixture of at most `most` components for each group of points (n, d).

    Their number is chosen on held-out points. Covariances are shrunk towards their mean over all components and
    groups, as by an inverse Wishart prior (Fraley and Raftery 2007) that counts as d / 2 points: so a component of
    fewer points than dimensions keeps the form that the others have. In more than WHOLE dimensions components differ
    along the LEADING principal axes alone; along the others, which are uncorrelated with these, all have the variances
    of the points.
    """
    points = np.concatenate(groups)
    d, mean = points.shape[1], points.mean(0)
    variances, axes = np.linalg.eigh(np.cov(points.T, bias=True).reshape(d, d))
    variances = np.maximum(variances, FLOOR * max(variances.mean(), 1e-8))
    first = 0 if d <= WHOLE else d - LEADING
    scale = variances[first:] ** 0.5
    white = [(group - mean) @ axes[:, first:] / scale for group in groups]
    count = _best_count(white, scale, most)
    some = [_some(w, _affordable(len(scale), count, len(white))) for w in white]
    loadings, rest = axes[:, first:] * scale, axes[:, :first] * variances[:first] @ axes[:, :first].T
    return [
        Mixture(weights, mean + means @ loadings.T, loadings @ covariances @ loadings.T + rest)
        for weights, means, covariances in _expectation_maximisation(some, scale, count, LONGEST)
    ]


def _affordable(d: int, count: int, groups: int) -> int:
    """Points of a group that may be looked at."""
    return max(8, max(CHOOSING, int(WORK / (count * d**2))) // groups)


def _some(points: np.ndarray, rows: int) -> np.ndarray:
    """So many of the points at most, evenly from first to last: they may be sorted."""
    return points if len(points) <= rows else points[np.linspace(0, len(points) - 1, rows).astype(int)]


def _best_count(groups: Sequence[np.ndarray], scale: np.ndarray, most: int) -> int:
    """Held-out points are likelier with more components up to a number, then less; one number may be an accident.

    A likelihood fears a point that lies far from all components more than draws that lie far from all points. So
    twice as many are taken as long as draws stay further from the points than held-out ones are.
    """
    rows = _affordable(len(scale), 8 * COUNTS[-1], len(groups))
    held_out = [_some(group[::4], rows) for group in groups]
    kept = [_some(group[np.arange(len(group)) % 4 > 0], rows) for group in groups]
    likelihoods, distances = dict[int, float](), dict[int, float]()
    for count in COUNTS[: 1 + bisect_right(COUNTS[1:], min(most, max(map(len, kept)) // 4))]:
        mixtures = _expectation_maximisation(kept, scale, count, ROUNDS)
        densities = [log_density(group, mixture) for group, mixture in zip(held_out, mixtures)]
        likelihoods[count] = float(np.concatenate(densities).mean())
        distances[count] = _distance(kept, held_out, mixtures, scale)
        if max([*likelihoods.values()][-2:]) < max(likelihoods.values()) and distances[count] < FAR:
            break
    likeliest = max(likelihoods, key=likelihoods.__getitem__)
    return max([likeliest, *(count for count in distances if count > likeliest and distances[count] > FAR)])


def _distance(
    kept: Sequence[np.ndarray], held_out: Sequence[np.ndarray], mixtures: Sequence[Mixture], scale: np.ndarray
) -> float:
    """How much further draws lie from the points of their mixture than held-out points do, in standard deviations of
    chance: negative where it copies (Meehan, Chaudhuri and Dasgupta 2020, the z of C_T, of one cell a group)."""
    from scipy.stats import mannwhitneyu
    from sklearn.neighbors import NearestNeighbors

    random, excess, variance = np.random.default_rng(0), 0.0, 0.0
    for points, others, (weights, means, covariances) in zip(kept, held_out, mixtures):
        n = len(others)
        component = random.choice(len(weights), n, p=weights)
        noise = random.normal(size=(n, 1, len(scale)))
        draws = means[component] + (noise @ np.linalg.cholesky(covariances).mT[component])[:, 0]
        search = NearestNeighbors(n_neighbors=1).fit(points * scale)
        far, usual = (search.kneighbors(x * scale)[0][:, 0] for x in (draws, others))
        excess += mannwhitneyu(far, usual).statistic - n * n / 2
        variance += n * n * (2 * n + 1) / 12
    return excess / math.sqrt(variance)


def _expectation_maximisation(
    groups: Sequence[np.ndarray], scale: np.ndarray, count: int, rounds: int
) -> list[Mixture]:
    """White points of each group (n, d) -> a mixture each, which begins as clusters in the points' own units: white
    ones times `scale` (d,)."""
    sums = [_sums(group, _clusters(group * scale, max(1, min(count, len(group) // 4)))) for group in groups]
    total, before = sum(map(len, groups)), -math.inf
    for _ in range(rounds):
        mixtures = _maximised(sums, total)
        found = [_expected(group, mixture) for group, mixture in zip(groups, mixtures)]
        sums = [part for part, _ in found]
        likelihood = sum(value for _, value in found) / total
        if likelihood - before < ENOUGH:
            break
        before = likelihood
    return mixtures


def _clusters(points: np.ndarray, count: int) -> np.ndarray:
    """Points (n, d) -> which of so many clusters each belongs to, as shares (n, count)."""
    from sklearn.cluster import KMeans
    from sklearn.exceptions import ConvergenceWarning

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # fewer different points than clusters
        return np.eye(count)[KMeans(count, n_init=1, random_state=0).fit_predict(points)]


def _products(points: np.ndarray) -> Iterator[tuple[slice, np.ndarray]]:
    """Parts of the points (n, d), and 1, x and x x^T of each (rows, 1 + d + d^2): a Gaussian's logarithm is linear in
    these, and its moments are their sums."""
    rows = max(1, CHUNK // points.shape[1] ** 2)
    for start in range(0, len(points), rows):
        x = points[start : start + rows]
        squares = (x[:, :, None] * x[:, None]).reshape(len(x), -1)
        yield slice(start, start + len(x)), np.concatenate((np.ones((len(x), 1)), x, squares), 1)


def _sums(points: np.ndarray, shares: np.ndarray) -> np.ndarray:
    """The sums (k, 1 + d + d^2) of the products of points (n, d), of which each component has a share (n, k)."""
    return sum(shares[part].T @ products for part, products in _products(points))  # type: ignore[return-value]


def _maximised(sums: Sequence[np.ndarray], total: int) -> list[Mixture]:
    d = math.isqrt(sums[0].shape[1])
    counts = [np.maximum(part[:, 0], 1e-8) for part in sums]
    means = [part[:, 1 : 1 + d] / n[:, None] for part, n in zip(sums, counts)]
    scatters = [
        part[:, 1 + d :].reshape(-1, d, d) - n[:, None, None] * m[:, :, None] * m[:, None]
        for part, n, m in zip(sums, counts, means)
    ]
    pooled = sum(scatter.sum(0) for scatter in scatters) / total
    weight, floor = d / 2, FLOOR * np.eye(d)
    return [
        Mixture(n / n.sum(), m, (scatter + weight * pooled) / (n + weight)[:, None, None] + floor)
        for n, m, scatter in zip(counts, means, scatters)
    ]


def _expected(points: np.ndarray, mixture: Mixture) -> tuple[np.ndarray, float]:
    """The sums that the next mixture is made of, and the logarithm of the density of all points."""
    sums, likelihood, forms = 0.0, 0.0, _forms(mixture)
    for _, products in _products(points):
        density, shares = _shares(products @ forms.T)
        likelihood += density.sum()
        sums = sums + shares.T @ products
    return sums, likelihood  # type: ignore[return-value]


def log_density(points: np.ndarray, mixture: Mixture) -> np.ndarray:
    """Of points (n, d): (n,), in nats."""
    forms = _forms(mixture)
    return np.concatenate([_shares(products @ forms.T)[0] for _, products in _products(points)])


def _forms(mixture: Mixture) -> np.ndarray:
    """What the products of a point are multiplied by for the logarithm of each component's density (k, 1 + d + d^2)."""
    weights, means, covariances = mixture
    precision = np.linalg.inv(covariances)
    linear = (precision @ means[:, :, None])[:, :, 0]
    volume = 0.5 * (np.linalg.slogdet(covariances)[1] + means.shape[1] * math.log(2 * math.pi))
    constant = np.log(weights) - volume - 0.5 * (linear * means).sum(1)
    return np.concatenate((constant[:, None], linear, -0.5 * precision.reshape(len(means), -1)), 1)


def _shares(logits: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Logarithms (n, k) -> that of their sum (n,), and the share of each (n, k)."""
    largest = logits.max(1, keepdims=True)
    values = np.exp(logits - largest)
    total = values.sum(1, keepdims=True)
    return (np.log(total) + largest)[:, 0], values / total
