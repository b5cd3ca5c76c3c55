"""A GAN whose discriminator looks at the features of an autoencoder of the same data."""

from __future__ import annotations

from collections.abc import Mapping

from aegean.config import Net
from aegean.data.info import DataInfo
from aegean.recipes.architecture import prior, shared_discriminator
from aegean.recipes.groups import ABSENT, UNLABELLED, Adversary, Budget, Build, shares
from aegean.recipes.registry import recipe
from aegean.recipes.teacher import teacher as the_teacher
from aegean.recipes.teacher import unlabelled
from aegean.recipes.turns import discriminator_turn, falling, generator_turn
from aegean.training.schedule import Fit, Phase, Run


@recipe
def projected_gan(
    data: DataInfo,
    *,
    beta: float = 0.1,
    teacher: float = 0.5,
    opponent: Adversary = Adversary(pack=ABSENT),
    build: Build = UNLABELLED,
    budget: Budget = Budget(lr=5e-4),
    inherited: Mapping[str, Net] | None = None,
) -> Run:
    """A GAN whose discriminator sees the levels of a frozen encoder through random projections, a head for each.

    First a VAE, or with `--from RUN` a trained autoencoder: its encoder is shared and frozen, its decoder begins the
    generator. Paper: Sauer et al. 2021 (with features of the same data instead of ImageNet's, which leak nothing).
    Expected: digits, 40,000 images, `batch=32`: fd@digits-classifier:397 1.34, coverage 0.93 (floor 0.75 and 0.99).

    beta: weight of the rate of the VAE
    teacher: share of the images that the VAE is trained on
    """
    shares(teacher=teacher)
    taught = the_teacher(data, build, round(budget.images * teacher), beta, inherited)
    unlabelled(taught, "projected_gan")
    D = shared_discriminator(data, taught.nets["E"], opponent.augment)
    nets = taught.nets | {"prior": prior("mixture", taught.latent), "D": D}
    rate = falling(budget.lr)
    turns = (discriminator_turn(opponent, rate), generator_turn(opponent.loss, rate))
    phase = Phase("adversarial", round(budget.images * (1 - teacher)), turns, (Fit(),), averages=("G",))
    return Run(nets, (*taught.phases, phase), budget.batch)
