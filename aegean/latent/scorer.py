"""How odd a sample is beside those that a model was trained on."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from aegean.config import network
from aegean.latent.names import NATS_TO_BITS
from aegean.latent.priors import MixturePrior

KEPT = 64  # dimensions of a latent that count, its first principal ones
NEAREST = 5  # latents that a distance is the mean of
LEAST = 0.01  # of the mean variance of a reconstruction's errors, for values that are always right
FLATTEST = 1e-3  # of the widest direction's deviation, for any other
TINY = 1e-6  # of any variance or deviation


@network
class Scorer(nn.Module):
    """What is usual of a model's data. Three costs, in bits, add up to how odd a sample is:

    error: of a table's columns, minus log2 of their probabilities; else (x - x^)^2 / (2 variance ln 2) of every value,
        with the variance that its error has on held-out samples.
    density: minus log2 of that of the latent, under a Gaussian mixture fitted to training latents.
    distance: d r^2 / (2 R^2 ln 2) in d dimensions, where r^2 is the mean squared distance to the nearest training
        latents and R^2 that of held-out samples: a Gaussian around every training latent.

    Latents are white here: principal components, divided by their deviations. 0 bits are those of the median held-out
    sample. `calibration` holds the bits of held-out samples in ascending order, for p-values.

    shape: of the values that have an error
    latent: dimensions of the latents, `kept` of which count
    memory: training latents
    calibration: held-out samples
    """

    variance: Tensor
    usual: Tensor
    mean: Tensor
    directions: Tensor
    memory: Tensor
    spread: Tensor
    median: Tensor
    calibration: Tensor

    def __init__(self, shape: Sequence[int], latent: int, kept: int, memory: int, calibration: int):
        super().__init__()
        self.density = MixturePrior(kept)
        self.register_buffer("variance", torch.ones(tuple(shape)))
        self.register_buffer("usual", torch.zeros(tuple(shape)))  # mean bits of each error
        self.register_buffer("mean", torch.zeros(latent))
        self.register_buffer("directions", torch.zeros(latent, kept))  # to white latents
        self.register_buffer("memory", torch.zeros(memory, kept))
        self.register_buffer("spread", torch.ones(()))
        self.register_buffer("median", torch.zeros(()))
        self.register_buffer("calibration", torch.zeros(calibration))

    def forward(self, error: Tensor, z: Tensor) -> Tensor:
        """The bits of errors (B, *shape) and latents (B, latent) -> how odd the samples are, in bits (B,)."""
        white = self.white(z)
        return self._sum(error, white, self.distance(white) / self.spread) - self.median

    def left_out(self, error: Tensor, z: Tensor) -> Tensor:
        """The same of the held-out samples themselves, each beside the spread that the others have, so that they are
        no less odd than new ones are."""
        n, white = len(self.calibration), self.white(z)
        near = self.distance(white)
        return self._sum(error, white, near * (n - 1) / (n * self.spread - near).clamp(min=TINY))

    def _sum(self, error: Tensor, white: Tensor, near: Tensor) -> Tensor:
        distance = 0.5 * NATS_TO_BITS * white.shape[1] * near
        return error.flatten(1).sum(1) + self.density.bits(white) + distance

    def error(self, squares: Tensor, left_out: bool = False) -> Tensor:
        """Squared errors (B, *shape) -> their bits; `left_out`: of held-out samples, as above."""
        n, variance = len(self.calibration), self.variance
        if left_out:
            variance = ((n * variance - squares) / (n - 1)).clamp(min=variance.min())
        return 0.5 * NATS_TO_BITS * squares / variance

    def white(self, z: Tensor) -> Tensor:
        """Latents (B, latent) -> white ones (B, kept)."""
        return (z - self.mean) @ self.directions

    def distance(self, white: Tensor) -> Tensor:
        """The mean squared distance to the nearest training latents (B,)."""
        squares = torch.cdist(white, self.memory).square()
        return squares.topk(min(NEAREST, len(self.memory)), largest=False).values.mean(1)

    def p_value(self, bits: Tensor) -> Tensor:
        """How odd samples are (n,) -> the share of usual samples that are at least as odd: (1 + number of held-out
        samples with as many bits) / (n + 1) (Vovk et al. 2005)."""
        above = len(self.calibration) - torch.searchsorted(self.calibration, bits.to(self.calibration.dtype))
        return (1 + above) / (len(self.calibration) + 1)

    def learn(self, z: Tensor) -> None:
        """Training latents z (memory, latent): what is near, and what is dense."""
        points = z.double()
        _, spread, axes = torch.linalg.svd(points - points.mean(0), full_matrices=False)
        deviations = (spread / len(z) ** 0.5).clamp(min=max(FLATTEST * float(spread[0]) / len(z) ** 0.5, TINY))
        kept = self.directions.shape[1]
        self.mean.copy_(points.mean(0))
        self.directions.copy_((axes[:kept] / deviations[:kept, None]).T)
        self.memory.copy_(self.white(z))
        self.density.fit(self.memory)

    def widen(self, squares: Tensor, z: Tensor) -> None:
        """Mean squared errors (*shape) and the latents (n, latent) of held-out samples: how wide both are."""
        self.variance.copy_(squares.clamp(min=max(LEAST * float(squares.mean()), TINY)))
        self.spread.copy_(torch.cat([self.distance(part) for part in self.white(z).split(256)]).mean().clamp(min=TINY))

    def calibrate(self, bits: Tensor, errors: Tensor) -> None:
        """How odd held-out samples are (calibration,), by `left_out`; the mean bits of their errors (*shape)."""
        self.usual.copy_(errors)
        self.median.copy_(bits.median())
        self.calibration.copy_((bits - bits.median()).sort().values)
