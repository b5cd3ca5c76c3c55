"""Variational autoencoders."""

from __future__ import annotations

from typing import Literal

from aegean.data.info import DataInfo
from aegean.objectives import BernoulliBits, GaussianBits, Rate, Term
from aegean.recipes.ae import autoencoder_nets
from aegean.recipes.architecture import Network, class_count, latent_size, prior
from aegean.recipes.registry import recipe
from aegean.recipes.turns import autoencoder_turn
from aegean.training.schedule import Phase, Run

Likelihood = Literal["gaussian", "bernoulli"]
Either = Literal["auto", "gaussian", "bernoulli"]


def evidence_terms(likelihood: str, beta: float = 1.0) -> tuple[Term, Term]:
    """Minus the evidence bound in bits (Kingma and Welling 2013, eq. 3), its rate weighted by beta."""
    distortion = {"gaussian": GaussianBits, "bernoulli": BernoulliBits}[likelihood]
    return distortion(trains=("E", "bottleneck", "G")), Rate(trains=("E", "bottleneck"), weight=beta)


def likelihood_of(data: DataInfo, likelihood: Either) -> Likelihood:
    """ "auto" is bernoulli for pictures, as in the papers on beta: a Gaussian's learned variance would answer a larger
    weight of the rate by weighing the error more (docs/interpretation.md). For rows it is gaussian."""
    if likelihood == "auto":
        return "bernoulli" if data.is_image else "gaussian"
    return likelihood


@recipe
def vae(
    data: DataInfo,
    *,
    beta: float = 1.0,
    likelihood: Likelihood = "gaussian",
    network: Network = "auto",
    width: int = 0,
    latent: int = 0,
    conditional: bool = False,
    lr: float = 1e-3,
    batch: int = 64,
    images: int = 100_000,
) -> Run:
    """A variational autoencoder; beta = 1 maximises the evidence bound, a larger beta gives a smaller rate.

    Papers: Kingma and Welling 2013; Higgins et al. 2017 (beta); Rybkin et al. 2021 (the learned variance of the
    Gaussian likelihood). Likelihood and divergence are both in bits a sample.
    Expected: digits, 40,000 images, 13 s on two cores: fd@digits-classifier:397 9.4, coverage 0.38 (floor 0.79 and
    0.98), psnr@test:397 21.9 dB.
    """
    classes = class_count(data, conditional)
    nets = autoencoder_nets(data, "gaussian", network, width, latent, likelihood, classes)
    nets["prior"] = prior("normal", latent_size(data, latent), classes)
    turn = autoencoder_turn(*evidence_terms(likelihood, beta), lr=lr)
    phase = Phase("autoencoder", images, (turn,), averages=("E", "bottleneck", "G"))
    return Run(nets, (phase,), batch, bound=evidence_terms(likelihood))
