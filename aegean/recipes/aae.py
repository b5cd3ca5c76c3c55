"""Adversarial autoencoders: an adversary brings the latents to the prior."""

from __future__ import annotations

from dataclasses import replace

from aegean.data.info import DataInfo
from aegean.nets.kinds import kind_of
from aegean.objectives import GeneratorLoss, Ramp
from aegean.recipes.ae import AUTOENCODER, ERRORS, autoencoder_nets, error_of
from aegean.recipes.architecture import latent_discriminator, latent_size, prior
from aegean.recipes.groups import PENALTIES, UNLABELLED, Adversary, Budget, Build
from aegean.recipes.registry import recipe
from aegean.recipes.turns import autoencoder_turn, latent_turn
from aegean.training.schedule import Phase, Run, Turn


@recipe
def aae(
    data: DataInfo,
    *,
    opponent: Adversary = replace(PENALTIES, gamma=0.1),
    build: Build = UNLABELLED,
    budget: Budget = Budget(),
) -> Run:
    """An autoencoder whose latents an adversary, instead of a divergence, makes look like the prior.

    Paper: Makhzani et al. 2015 (section 2; here with the relativistic loss and R1 and R2, weight `gamma`, on latents:
    Huang et al. 2024).
    Expected: digits, 40,000 images: fd@digits-classifier:397 12.3, coverage 0.25 (floor 0.79 and 0.98); not tuned.
    """
    size = latent_size(data, build)
    nets = autoencoder_nets(data, build)
    nets |= {"prior": prior("normal", size), "Dz": latent_discriminator(size)}
    rate = Ramp(budget.lr / 4, budget.lr / 16, cosine=True)
    turns = (
        autoencoder_turn(ERRORS[error_of(data, "squared")](trains=AUTOENCODER), lr=budget.lr),
        latent_turn("prior_z", "data_z", opponent, rate),
        Turn("E", (GeneratorLoss(trains=("E", "bottleneck"), real="prior_z", fake="data_z"),), lr=rate),
    )
    phase = Phase("together", budget.images, turns, averages=AUTOENCODER)
    return Run(nets, (phase,), budget.batch, wiring=kind_of(data).wiring)
