"""Adversarially regularised autoencoders: a generator learns the latents, and the latents come to meet it."""

from __future__ import annotations

from dataclasses import replace

from aegean.data.info import DataInfo
from aegean.nets.kinds import kind_of
from aegean.objectives import GeneratorLoss
from aegean.recipes.ae import AUTOENCODER, autoencoder_nets, error_of
from aegean.recipes.architecture import latent_discriminator, latent_size, prior
from aegean.recipes.groups import PENALTIES, UNLABELLED, Adversary, Budget, Build
from aegean.recipes.registry import recipe
from aegean.recipes.turns import autoencoder_turn, falling, latent_turn
from aegean.recipes.vae import evidence_terms
from aegean.training.schedule import Phase, Run, Turn


@recipe
def arae(
    data: DataInfo,
    *,
    beta: float = 0.1,
    meeting: float = 1.0,
    opponent: Adversary = replace(PENALTIES, gamma=0.1),
    build: Build = UNLABELLED,
    budget: Budget = Budget(),
) -> Run:
    """An autoencoder and a GAN in its latents, trained together; the critic moves the encoder, too.

    A mapping network makes latents from noise, a critic tells them from those of the data, and the encoder learns to
    reconstruct and, a little, to make latents that the critic takes for generated ones.
    Papers: Zhao et al. 2018, algorithm 1 (texts; here with the noise of a posterior in the place of one that decays,
    and the critic's pull beside the bits of a whole sample); Huang et al. 2024 (loss and penalties, in the place of
    clipped weights). Expected: digits, 40,000 images: fd@digits-classifier:397 9.5, coverage 0.55 (floor 0.79 and
    0.98), psnr@test:397 23.6 dB.

    beta: weight of the rate, which keeps latents at the scale of their noise
    meeting: weight of the critic's pull on the encoder
    """
    size = latent_size(data, build)
    error = error_of(data, "gaussian")
    nets = autoencoder_nets(data, build, "gaussian", error)
    nets |= {"prior": prior("mapping", size), "Dz": latent_discriminator(size)}
    rate = falling(budget.lr / 2)
    meet = GeneratorLoss(trains=("E", "bottleneck"), real="prior_z", fake="data_z", weight=meeting)
    turns = (
        autoencoder_turn(*evidence_terms(error, beta), meet, lr=budget.lr),
        latent_turn("data_z", "prior_z", opponent, rate),
        Turn("G", (GeneratorLoss(trains=("prior",), real="data_z", fake="prior_z"),), lr=rate),
    )
    phase = Phase("together", budget.images, turns, averages=(*AUTOENCODER, "prior"))
    return Run(nets, (phase,), budget.batch, wiring=kind_of(data).wiring)
