"""A variational autoencoder whose latent numbers stand for one factor each, by a larger weight of the rate."""

from __future__ import annotations

from aegean.data.info import DataInfo
from aegean.recipes.architecture import Network
from aegean.recipes.registry import recipe
from aegean.recipes.vae import Either, likelihood_of, vae
from aegean.training.schedule import Run


@recipe
def beta_vae(
    data: DataInfo,
    *,
    beta: float = 4.0,
    likelihood: Either = "auto",
    network: Network = "auto",
    width: int = 0,
    latent: int = 0,
    lr: float = 1e-3,
    batch: int = 64,
    images: int = 100_000,
) -> Run:
    """Not yet described."""
    return vae(
        data,
        beta=beta,
        likelihood=likelihood_of(data, likelihood),
        network=network,
        width=width,
        latent=latent,
        lr=lr,
        batch=batch,
        images=images,
    )
