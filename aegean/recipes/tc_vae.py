"""A variational autoencoder whose latent numbers are made independent of each other."""

from __future__ import annotations

from aegean.data.info import DataInfo
from aegean.objectives import TotalCorrelation
from aegean.recipes.architecture import Network
from aegean.recipes.registry import recipe
from aegean.recipes.turns import autoencoder_turn
from aegean.recipes.vae import Likelihood, evidence_terms, vae
from aegean.training.schedule import Run


@recipe
def tc_vae(
    data: DataInfo,
    *,
    beta: float = 6.0,
    likelihood: Likelihood = "gaussian",
    network: Network = "auto",
    width: int = 0,
    latent: int = 0,
    lr: float = 1e-3,
    batch: int = 64,
    images: int = 100_000,
) -> Run:
    """Not yet described."""
    run = vae(data, likelihood=likelihood, network=network, width=width, latent=latent, batch=batch, images=images)
    correlation = TotalCorrelation(trains=("E", "bottleneck"), weight=beta - 1, count=max(data.count, batch))
    turn = autoencoder_turn(*evidence_terms(likelihood), correlation, lr=lr)
    (phase,) = run.schedule
    return run.replace(schedule=(phase.replace(turns=(turn,)),))
