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

    error: of columns and tokens, minus log2 of their probabilities; else sum (x - x^)^2 / variance, with the variance
        that the error of each value has on held-out samples.
    density: minus log2 of that of the latent, under a Gaussian mixture fitted to training latents.
    distance: the mean squared distance to the nearest training latents.

    Squares of values that depend on each other are worth less than as many that do not: squares s whose mean on
    held-out samples is m and whose variance is v become s m / (v ln 2) bits, as a scaled chi-square has (Satterthwaite
    1946). Latents are principal components, for the density divided by their deviations. 0 bits are those of the median
    held-out sample. `calibration` holds the bits of held-out samples in ascending order, for p-values.

    shape: of the values that have an error
    latent: dimensions of the latents, `kept` of which count
    memory: training latents
    calibration: held-out samples
    """

    variance: Tensor
    usual: Tensor
    mean: Tensor
    directions: Tensor
    deviations: Tensor
    memory: Tensor
    rates: Tensor
    median: Tensor
    calibration: Tensor

    def __init__(self, shape: Sequence[int], latent: int, kept: int, memory: int, calibration: int):
        super().__init__()
        self.density = MixturePrior(kept)
        self.register_buffer("variance", torch.ones(tuple(shape)))
        self.register_buffer("usual", torch.zeros(tuple(shape)))  # mean of each error
        self.register_buffer("mean", torch.zeros(latent))
        self.register_buffer("directions", torch.zeros(latent, kept))  # to principal components
        self.register_buffer("deviations", torch.ones(kept))
        self.register_buffer("memory", torch.zeros(memory, kept))
        self.register_buffer("rates", torch.ones(2))  # bits of an error, and of a distance
        self.register_buffer("median", torch.zeros(()))
        self.register_buffer("calibration", torch.zeros(calibration))

    def forward(self, error: Tensor, z: Tensor) -> Tensor:
        """Errors (B, *shape) and latents (B, latent) -> how odd the samples are, in bits (B,)."""
        places = self.places(z)
        error, near = error.flatten(1).sum(1), self.distance(places)
        return self.rates[0] * error + self.density.bits(places / self.deviations) + self.rates[1] * near - self.median

    def error(self, squares: Tensor, left_out: bool = False) -> Tensor:
        """Squared errors (B, *shape) in units of their variance; `left_out`: of held-out samples, each beside the
        variance of the others, so that they are no less odd than new ones are."""
        n, variance = len(self.calibration), self.variance
        if left_out:
            variance = ((n * variance - squares) / (n - 1)).clamp(min=variance.min())
        return squares / variance

    def places(self, z: Tensor) -> Tensor:
        """Latents (B, latent) -> their principal components (B, kept)."""
        return (z - self.mean) @ self.directions

    def distance(self, places: Tensor) -> Tensor:
        """The mean squared distance to the nearest training latents (B,)."""
        squares = torch.cdist(places, self.memory).square()
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
        self.directions.copy_(axes[:kept].T)
        self.deviations.copy_(deviations[:kept])
        self.memory.copy_(self.places(z))
        self.density.fit(self.memory / self.deviations)

    def widen(self, squares: Tensor) -> None:
        """The mean squared errors of held-out samples (*shape)."""
        self.variance.copy_(squares.clamp(min=max(LEAST * float(squares.mean()), TINY)))

    def calibrate(self, error: Tensor, z: Tensor, probable: bool) -> None:
        """The summed errors (calibration,), by `left_out`, and the latents (calibration, latent) of held-out samples.
        probable: the errors are bits already."""
        places = self.places(z)
        near = torch.cat([self.distance(part) for part in places.split(256)])
        bits = self.density.bits(places / self.deviations)
        for i, (values, size) in enumerate(((error, self.variance.numel()), (near, places.shape[1]))):
            if i or not probable:
                self.rates[i], others = rates(values, size)
                bits = bits + others * values
            else:
                bits = bits + values
        self.median.copy_(bits.median())
        self.calibration.copy_((bits - bits.median()).sort().values)


def rates(squares: Tensor, size: int) -> tuple[Tensor, Tensor]:
    """Sums of `size` squares of n samples (n,) -> bits of a unit, and the same without each of them (n,)."""
    n, values = len(squares), squares.double()

    def of(first: Tensor, second: Tensor) -> Tensor:
        """From both moments; never more than where all squares are independent."""
        variance = (second - first.square()).maximum(2 * first.square() / size)
        return (NATS_TO_BITS * first / variance.clamp(min=TINY**2)).to(squares.dtype)

    first, second = values.sum(), values.square().sum()
    others = of((first - values) / (n - 1), (second - values.square()) / (n - 1))
    return of(first / n, second / n), others
