"""Latents: bottlenecks (features -> Latent) and priors (noise -> latent)."""

from aegean.latent.bottlenecks import BOTTLENECKS, Gaussian, Identity, Latent
from aegean.latent.ladder import LadderPosterior
from aegean.latent.mapping import MappingPrior
from aegean.latent.priors import PRIORS, MixturePrior, NormalPrior, prior_for
from aegean.latent.whitening import WhiteningPrior, fold, foldable

__all__ = [
    "BOTTLENECKS",
    "PRIORS",
    "Gaussian",
    "Identity",
    "LadderPosterior",
    "Latent",
    "MappingPrior",
    "MixturePrior",
    "NormalPrior",
    "WhiteningPrior",
    "fold",
    "foldable",
    "prior_for",
]
