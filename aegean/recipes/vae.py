"""Variational autoencoders."""

from __future__ import annotations

from typing import Literal, cast

from aegean.data.info import DataInfo
from aegean.nets.kinds import kind_of
from aegean.objectives import Rate, Term
from aegean.recipes.ae import AUTOENCODER, ERRORS, autoencoder_nets, error_of
from aegean.recipes.architecture import class_count, latent_size, prior
from aegean.recipes.groups import Budget, Build
from aegean.recipes.registry import recipe
from aegean.recipes.turns import autoencoder_turn
from aegean.training.schedule import Phase, Run

Likelihood = Literal["gaussian", "bernoulli"]
Either = Literal["auto", "gaussian", "bernoulli"]


def evidence_terms(likelihood: str, beta: float = 1.0) -> tuple[Term, Term]:
    """Minus the evidence bound in bits (Kingma and Welling 2013, eq. 3), its rate weighted by beta."""
    return ERRORS[likelihood](trains=AUTOENCODER), Rate(trains=("E", "bottleneck"), weight=beta)


def likelihood_of(data: DataInfo, likelihood: Either) -> Likelihood:
    """The likelihood that was chosen; "auto" is that of the kind of data: bernoulli for pictures, as in the papers on
    beta, gaussian for tables."""
    return cast(Likelihood, kind_of(data).likelihood) if likelihood == "auto" else likelihood


@recipe
def vae(
    data: DataInfo,
    *,
    beta: float = 1.0,
    likelihood: Likelihood = "gaussian",
    build: Build = Build(),
    budget: Budget = Budget(),
) -> Run:
    """A variational autoencoder; beta = 1 maximises the evidence bound, a larger beta gives a smaller rate.

    Papers: Kingma and Welling 2013; Higgins et al. 2017 (beta); Rybkin et al. 2021 (the learned variance of the
    Gaussian likelihood). Likelihood and divergence are both in bits a sample.
    Expected: digits, 40,000 images, 13 s on two cores: fd@digits-classifier:397 9.4, coverage 0.38 (floor 0.79 and
    0.98), psnr@test:397 21.9 dB.

    beta: weight of the rate, the divergence of latents from the prior
    likelihood: distribution of the data given a latent; bernoulli takes pixels for probabilities
    """
    classes = class_count(data, build)
    nets = autoencoder_nets(data, build, "gaussian", likelihood, classes)
    nets["prior"] = prior("normal", latent_size(data, build), classes)
    turn = autoencoder_turn(*evidence_terms(error_of(data, likelihood), beta), lr=budget.lr)
    phase = Phase("autoencoder", budget.images, (turn,), averages=AUTOENCODER)
    return Run(nets, (phase,), budget.batch, bound=evidence_terms(error_of(data, likelihood)))
