"""A variational autoencoder whose latent numbers are made independent of each other."""

from __future__ import annotations

from aegean.config import UserError
from aegean.data.info import DataInfo
from aegean.objectives import TotalCorrelation
from aegean.recipes.architecture import Network
from aegean.recipes.registry import recipe
from aegean.recipes.turns import autoencoder_turn
from aegean.recipes.vae import Either, evidence_terms, likelihood_of, vae
from aegean.training.schedule import Run


@recipe
def tc_vae(
    data: DataInfo,
    *,
    beta: float = 6.0,
    likelihood: Either = "auto",
    network: Network = "auto",
    width: int = 0,
    latent: int = 0,
    lr: float = 1e-3,
    batch: int = 64,
    images: int = 100_000,
) -> Run:
    """A variational autoencoder whose latent's numbers are kept from saying the same: their total correlation weighs
    `beta` times as much as in the evidence bound, the rest of the rate no more.

    Paper: Chen et al. 2018 (beta-TCVAE), eq. 4 with alpha = gamma = 1. It needs the whole batch at once: one process,
    no --accumulate. The pixels are taken for probabilities (for rows likelihood=gaussian).
    Expected: sprites, network=mlp latent=10, 100,000 images, 12 s of one thread: mig@factors:4608 0.14 and
    factorvae@factors:4608 0.73 (vae with the same likelihood: 0.08 and 0.56), psnr@test:460 24.5 dB (25.6).
    """
    if beta < 1:
        raise UserError(
            f"beta={beta:g}: below 1 the latent's numbers would be made to depend on each other; give 1 or more."
        )
    chosen = likelihood_of(data, likelihood)
    run = vae(data, likelihood=chosen, network=network, width=width, latent=latent, batch=batch, images=images)
    correlation = TotalCorrelation(trains=("E", "bottleneck"), weight=beta - 1, count=max(data.count, batch))
    turn = autoencoder_turn(*evidence_terms(chosen), correlation, lr=lr)
    (phase,) = run.schedule
    return run.replace(schedule=(phase.replace(turns=(turn,)),))
