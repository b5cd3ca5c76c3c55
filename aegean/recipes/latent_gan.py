"""A GAN in the latents of a frozen autoencoder."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from aegean.config import Net, UserError
from aegean.data.info import DataInfo
from aegean.nets.kinds import kind_of
from aegean.objectives import GeneratorLoss
from aegean.recipes.architecture import latent_discriminator, prior
from aegean.recipes.groups import PENALTIES, UNLABELLED, Adversary, Budget, Build, shares
from aegean.recipes.registry import recipe
from aegean.recipes.teacher import teacher as the_teacher
from aegean.recipes.teacher import unlabelled
from aegean.recipes.turns import falling, latent_turn
from aegean.surface import either
from aegean.training.schedule import Phase, Run, Turn


@recipe
def latent_gan(
    data: DataInfo,
    *,
    beta: float = 0.1,
    teacher: float = 0.5,
    opponent: Adversary = replace(PENALTIES, gamma=0.1),
    build: Build = UNLABELLED,
    budget: Budget = Budget(lr=5e-4),
    inherited: Mapping[str, Net] | None = None,
) -> Run:
    """A mapping network from plain noise to an autoencoder's latents, trained as a GAN; the decoder does the rest.

    First a VAE, or with `--from RUN` a trained one; then dense networks alone: a step of the second phase costs a small
    part of a GAN's on pictures. Papers: Kingma and Welling 2013; Engel et al. 2018 (a generator in latents); Huang et
    al. 2024 (loss and penalties). Expected: digits, 40,000 images, `batch=32`: fd@digits-classifier:397 9.6, coverage
    0.57 (floor 0.75 and 0.99); a step at a seventh of a GAN's cost at 16x16.

    beta: weight of the rate of the VAE
    teacher: share of the images that the VAE is trained on
    """
    shares(teacher=teacher)
    taught = the_teacher(data, build, round(budget.images * teacher), beta, inherited, variational=True)
    unlabelled(taught, "latent_gan")
    if taught.nets["bottleneck"].kind != "Gaussian":
        fit = either("aegean fit RUN --prior mapping", 'aegean.fit_prior(run, "mapping")')
        raise UserError(
            f"latent_gan needs a VAE, whose latents are of the scale of its noise; for a plain autoencoder use {fit}."
        )
    nets = taught.nets | {"prior": prior("mapping", taught.latent), "Dz": latent_discriminator(taught.latent)}
    rate = falling(budget.lr)
    turns = (
        latent_turn("data_z", "prior_z", opponent, rate),
        Turn("G", (GeneratorLoss(trains=("prior",), real="data_z", fake="prior_z"),), lr=rate),
    )
    phase = Phase("latents", round(budget.images * (1 - teacher)), turns, averages=("prior",))
    return Run(nets, (*taught.phases, phase), budget.batch, wiring=kind_of(data).wiring)
