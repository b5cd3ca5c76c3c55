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
    """A variational autoencoder whose rate weighs `beta` times as much, so that a number of its latent comes to stand
    for one factor of the data; it pays in reconstruction.

    Paper: Higgins et al. 2017, eq. 4. The pixels are taken for probabilities, as there (for rows likelihood=gaussian).
    Expected: sprites, network=mlp latent=10, 100,000 images, 10 s of one thread: mig@factors:4608 0.21 and
    factorvae@factors:4608 0.76 (vae with the same likelihood: 0.08 and 0.56), psnr@test:460 19.0 dB (25.6).
    """
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
