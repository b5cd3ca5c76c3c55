"""Latents: bottlenecks (features -> Latent) and priors (noise -> latent)."""

from aegean.latent.bottlenecks import BOTTLENECKS, Gaussian, Identity, Latent
from aegean.latent.priors import PRIORS, MixturePrior, NormalPrior

__all__ = ["BOTTLENECKS", "PRIORS", "Gaussian", "Identity", "Latent", "MixturePrior", "NormalPrior"]
