"""A variational autoencoder each of whose latent dimensions stands for one factor, by a larger weight of the rate."""

from __future__ import annotations

from aegean.data.info import DataInfo
from aegean.recipes.groups import AUTOENCODING, UNLABELLED, Budget, Build
from aegean.recipes.registry import recipe
from aegean.recipes.vae import Either, likelihood_of, vae
from aegean.training.schedule import Run


@recipe
def beta_vae(
    data: DataInfo,
    *,
    beta: float = 4.0,
    likelihood: Either = "auto",
    build: Build = UNLABELLED,
    budget: Budget = AUTOENCODING,
) -> Run:
    """A VAE with more weight on its rate, so that each latent dimension comes to stand for one factor of the data.

    The price is a worse reconstruction.

    Paper: Higgins et al. 2017, eq. 4.
    Expected: sprites, network=mlp latent=10, 100,000 images, 10 s of one thread: mig@factors:4608 0.21 and
    factorvae@factors:4608 0.76 (vae with the same likelihood: 0.08 and 0.56), psnr@test:460 19.0 dB (25.6).

    beta: weight of the rate, the divergence of latents from the prior
    likelihood: bernoulli takes pixels for probabilities, as the paper does; auto: gaussian for tables
    """
    return vae(data, beta=beta, likelihood=likelihood_of(data, likelihood), prior="normal", build=build, budget=budget)
