"""A GAN for few pictures."""

from __future__ import annotations

from aegean.config import UserError
from aegean.data.info import DataInfo
from aegean.nets.kinds import kind_of
from aegean.objectives import ReadError
from aegean.recipes.architecture import reader
from aegean.recipes.gan import gan
from aegean.recipes.groups import Adversary, Budget, Build
from aegean.recipes.registry import recipe
from aegean.surface import option
from aegean.training.schedule import Run


@recipe
def few_shot_gan(
    data: DataInfo,
    *,
    reading: float = 1.0,
    opponent: Adversary = Adversary(pack=2, augment=("translation", "cutout", "colour")),
    build: Build = Build(),
    budget: Budget = Budget(lr=5e-4),
) -> Run:
    """A GAN that sees its data through augmentations, in packs, and whose discriminator must be able to redraw them.

    Papers: Zhao et al. 2020 (differentiable augmentation); Lin et al. 2018 (packs); Liu et al. 2021 (FastGAN: the
    discriminator as an encoder, whose features a decoder reads).
    Expected: digits, 40,000 images: fd@digits-classifier:397 18.6, coverage 0.21 (floor 0.79 and 0.98); not tuned.

    reading: weight of the mean squared error of what is redrawn from the discriminator's features
    """
    if not kind_of(data).augmentations:
        raise UserError(
            f"few_shot_gan augments its samples, and there are no augmentations for {data.name!r}, of kind "
            f"{data.kind}: use gan with {option('pack', 2)}."
        )
    run = gan(data, opponent=opponent, build=build, budget=budget)
    (phase,) = run.schedule
    D, G = phase.turns
    D = D.replace(terms=(*D.terms, ReadError(trains=("D.backbone", "R"), weight=reading)))
    nets = {**run.nets, "R": reader(data, run.nets["D"], build)}
    return run.replace(nets=nets, schedule=(phase.replace(turns=(D, G)),), training_only=("corruption", "R"))
