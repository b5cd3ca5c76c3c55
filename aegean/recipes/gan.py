"""Generative adversarial networks."""

from __future__ import annotations

from aegean.data.info import DataInfo
from aegean.recipes.architecture import class_count, decoder, discriminator, encoder, latent_size, prior
from aegean.recipes.groups import Adversary, Budget, Build
from aegean.recipes.registry import recipe
from aegean.recipes.turns import discriminator_turn, falling, generator_turn
from aegean.training.schedule import Phase, Run


@recipe
def gan(
    data: DataInfo,
    *,
    opponent: Adversary = Adversary(),
    build: Build = Build(),
    budget: Budget = Budget(lr=5e-4),
) -> Run:
    """A GAN from scratch: the relativistic loss with R1 and R2, or another loss by name.

    Papers: Goodfellow et al. 2014; Huang et al. 2024 (R3GAN: loss and penalties); Lin et al. 2018 (`pack`); Zhao et al.
    2020 (`augment`). The Wasserstein loss has its own penalty (Gulrajani et al. 2017, weight 10) in the place of R1 and
    R2. Expected: digits, 40,000 images, 47 s of one core: fd@digits-classifier:397 8.9, coverage 0.46 (floor 0.79 and
    0.98); 100,000 images, 92 s: 4.5 and 0.72.
    """
    opponent.check(budget.batch)
    classes = class_count(data, build)
    nets = {
        "prior": prior("normal", latent_size(data, build), classes),
        "G": decoder(data, build, classes),
        "D": discriminator(data, encoder(data, build), opponent, classes),
    }
    rate = falling(budget.lr)
    turns = (discriminator_turn(opponent, rate), generator_turn(opponent.loss, rate))
    return Run(nets, (Phase("adversarial", budget.images, turns, averages=("G",)),), budget.batch)
