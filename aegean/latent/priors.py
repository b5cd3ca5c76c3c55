"""Priors: networks from plain noise to latents. `fit` moves one onto given latents; sampling stays pure."""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import Tensor, nn

from aegean.config import network
from aegean.latent.mixture import fitted
from aegean.latent.names import NATS_TO_BITS
from aegean.latent.whitening import checked
from aegean.nets.blocks import one_hot


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
    (Ghosh et al. 2020, section 4); with classes, one mixture for each class, and a form that all share where they are
    few (aegean/latent/mixture.py). `components` is the most it may have.

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
        points, mixtures = checked(z).detach().double().cpu().numpy(), len(self.weights)
        of = labels.cpu().numpy() if self.classes else np.zeros(len(points), int)  # type: ignore[union-attr]
        groups = [points[of == c] if (of == c).sum() > 1 else points for c in range(mixtures)]
        for c, (weights, means, covariances) in enumerate(fitted(groups, self.components)):
            self.weights[c] = 0
            self.weights[c, : len(weights)] = torch.from_numpy(weights).float()
            # Spare components repeat the last: rounding of the weights' sum may choose one.
            place = np.minimum(np.arange(self.components), len(weights) - 1)
            self.means[c] = torch.from_numpy(means[place]).float()
            self.factors[c] = torch.from_numpy(np.linalg.cholesky(covariances)[place]).float()


@network
class GaussianPrior(MixturePrior):
    """One Gaussian with the mean and the covariance of the latents, with classes one each: a mixture of one."""

    def __init__(self, latent: int, classes: int = 0):
        super().__init__(latent, classes, components=1)
