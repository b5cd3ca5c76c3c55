"""Latents: bottlenecks (features -> Latent) and priors (noise -> latent)."""

from aegean.latent.bottlenecks import BOTTLENECKS, Gaussian, Identity, Latent
from aegean.latent.given import GivenCodes, GivenGaussian, GivenIdentity, GivenScalars
from aegean.latent.ladder import LadderPosterior
from aegean.latent.mapping import MappingPrior
from aegean.latent.priors import FITTED, PRIORS, GaussianPrior, MixturePrior, NormalPrior
from aegean.latent.quantised import QUANTISED, FiniteScalar, Quantised, VectorQuantised, quantiser_of
from aegean.latent.whitening import WhiteningPrior, fold, foldable

__all__ = [
    "BOTTLENECKS",
    "FITTED",
    "PRIORS",
    "QUANTISED",
    "FiniteScalar",
    "Gaussian",
    "GaussianPrior",
    "GivenCodes",
    "GivenGaussian",
    "GivenIdentity",
    "GivenScalars",
    "Identity",
    "LadderPosterior",
    "Latent",
    "MappingPrior",
    "MixturePrior",
    "NormalPrior",
    "Quantised",
    "VectorQuantised",
    "WhiteningPrior",
    "fold",
    "foldable",
    "quantiser_of",
]
