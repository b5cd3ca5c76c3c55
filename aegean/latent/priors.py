"""Priors: networks from plain noise to latents. `fit` moves one onto given latents; sampling stays pure."""

from __future__ import annotations

import math
import warnings
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from aegean.config import network
from aegean.latent.names import NATS_TO_BITS
from aegean.latent.whitening import checked
from aegean.nets.blocks import one_hot

CANDIDATES = (1, 2, 4, 8, 16, 32, 64)  # numbers of components
RIDGES = (1e-6, 1e-2, 3e-2, 1e-1)  # shares of the latents' variance
WHOLE, LEADING = 64, 32  # dimensions up to which components are fitted whole; principal axes that they differ along
CHOOSING = 4_000  # points at most that number and ridge are chosen on


@network
class NormalPrior(nn.Module):
    """N(0, 1) in `latent` dimensions, the same for every class."""

    def __init__(self, latent: int, classes: int = 0):
        super().__init__()
        self.latent, self.classes = latent, classes

    def forward(self, normal: Tensor, uniform: Tensor, labels: Tensor | None = None) -> Tensor:
        """normal (B, latent), uniform (B, 1): as every prior takes them; z (B, latent) comes out."""
        return normal

    def fit(self, z: Tensor, labels: Tensor | None = None) -> None:
        """Nothing can be fitted. UserError, as of every prior: fewer than two latents, or not finite."""
        checked(z)


@network
class MixturePrior(nn.Module):
    """A Gaussian mixture with full covariances, fitted by expectation maximisation to an autoencoder's latents
    (Ghosh et al. 2020, section 4); with classes, one mixture for each class. `components` is the most it may have.

    uniform (B, 1) chooses the component, normal (B, latent) the place within it.
    """

    weights: Tensor
    means: Tensor
    factors: Tensor

    def __init__(self, latent: int, classes: int = 0, components: int = 32):
        super().__init__()
        self.latent, self.classes, self.components = latent, classes, components
        mixtures = max(1, classes)
        self.register_buffer("weights", torch.full((mixtures, components), 1 / components))
        self.register_buffer("means", torch.zeros(mixtures, components, latent))
        self.register_buffer("factors", torch.zeros(mixtures, components, latent, latent))
        self.factors.diagonal(dim1=-2, dim2=-1).fill_(1)

    def forward(self, normal: Tensor, uniform: Tensor, labels: Tensor | None = None) -> Tensor:
        mixture = torch.zeros_like(uniform[:, 0], dtype=torch.int64)
        if self.classes:
            mixture = one_hot(labels, self.classes, normal).argmax(1)
        chosen = (uniform > self.weights[mixture].cumsum(1)).sum(1).clamp(max=self.components - 1)
        return self.means[mixture, chosen] + (self.factors[mixture, chosen] @ normal[:, :, None])[:, :, 0]

    def bits(self, z: Tensor) -> Tensor:
        """-log2 p(z) of latents z (B, latent) under the mixture of a prior without classes: (B,)."""
        centred = (z - self.means[0][:, None]).mT  # (components, latent, B)
        white = torch.linalg.solve_triangular(self.factors[0], centred, upper=False)
        volume = self.factors[0].diagonal(dim1=-2, dim2=-1).log().sum(1) + 0.5 * self.latent * math.log(2 * math.pi)
        nats = 0.5 * white.square().sum(1) + (volume - self.weights[0].log())[:, None]
        return -torch.logsumexp(-nats, 0) * NATS_TO_BITS

    def fit(self, z: Tensor, labels: Tensor | None = None) -> None:
        """Fit to latents z (n, latent), with labels (n,) where the prior has classes.

        A class with fewer than two samples takes the mixture of all. UserError: fewer than two in all, or latents
        that are not finite.
        """
        points = checked(z).detach().double().cpu().numpy()
        for c in range(len(self.weights)):
            rows = points if not self.classes else points[labels.cpu().numpy() == c]  # type: ignore[union-attr]
            self._fit_one(c, rows if len(rows) > 1 else points)

    def _fit_one(self, c: int, points: np.ndarray) -> None:
        weights, means, covariances = _mixture(points, self.components)
        count = len(weights)
        self.weights[c] = 0
        self.weights[c, :count] = torch.from_numpy(weights).float()
        # Spare components repeat the last: rounding of the weights' sum may choose one.
        place = np.minimum(np.arange(self.components), count - 1)
        self.means[c] = torch.from_numpy(means[place]).float()
        self.factors[c] = torch.from_numpy(np.linalg.cholesky(covariances)[place]).float()


def _mixture(points: np.ndarray, most: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Points (n, d) -> weights (k,), means (k, d) and covariances (k, d, d). In more than WHOLE dimensions, where full
    covariances take minutes and have more numbers than the points can tell, components differ along the LEADING
    principal axes alone; along the others, which are uncorrelated with these, all have the variances of the points."""
    d = points.shape[1]
    if d <= WHOLE:
        found = _best_mixture(points, most)
        return found.weights_, found.means_, found.covariances_
    mean = points.mean(0)
    variances, axes = np.linalg.eigh(np.cov(points.T))
    variances, axes = variances[::-1], axes[:, ::-1]
    found = _best_mixture((points - mean) @ axes[:, :LEADING], most)
    k = len(found.weights_)
    means, covariances = np.zeros((k, d)), np.zeros((k, d, d))
    means[:, :LEADING], covariances[:, :LEADING, :LEADING] = found.means_, found.covariances_
    rest = np.arange(LEADING, d)
    covariances[:, rest, rest] = np.maximum(variances[LEADING:], RIDGES[0] * max(variances.mean(), 1e-8))
    return found.weights_, mean + means @ axes.T, axes @ covariances @ axes.T


def _best_mixture(points: np.ndarray, most: int) -> Any:
    """Points (n, d) -> a fitted GaussianMixture of at most `most` components. Their number and their ridge (a variance
    that each gets in every direction) are those that give held-out points the highest likelihood: few points ask for
    wide components or few, narrow modes for narrow ones (docs/log.md)."""
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.mixture import GaussianMixture

    variance = max(points.var(0).mean(), 1e-8)

    def fitted(count: int, ridge: float, part: np.ndarray, rounds: int) -> Any:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            mixture = GaussianMixture(count, reg_covar=ridge * variance, random_state=0, max_iter=rounds)
            return mixture.fit(part)

    held_out, kept = points[::4][:CHOOSING], points[np.arange(len(points)) % 4 > 0][:CHOOSING]
    candidates = [count for count in CANDIDATES if count <= min(most, len(kept) // 4)] or [1]
    best, place = -np.inf, (candidates[0], RIDGES[0])
    for ridge in RIDGES if len(candidates) > 1 else ():
        before = -np.inf
        for count in candidates:  # more components help up to a number, then no more
            score = fitted(count, ridge, kept, 20).score(held_out)
            if score > best:
                best, place = score, (count, ridge)
            if score < before:
                break
            before = score
    return fitted(*place, points, 100)


@network
class GaussianPrior(MixturePrior):
    """One Gaussian with the mean and the covariance of the latents: a mixture of one."""

    def __init__(self, latent: int, classes: int = 0):
        super().__init__(latent, classes, components=1)
