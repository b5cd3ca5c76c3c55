"""A GAN whose generator must also reach every training sample."""

from __future__ import annotations

import math

from aegean.data.info import DataInfo
from aegean.objectives import GeneratorLoss, SquaredError
from aegean.recipes.ae import AUTOENCODER, autoencoder_nets
from aegean.recipes.architecture import discriminator, latent_size, prior
from aegean.recipes.groups import UNLABELLED, Adversary, Budget, Build
from aegean.recipes.registry import recipe
from aegean.recipes.turns import discriminator_turn, falling, generator_turn
from aegean.training.schedule import Phase, Run


@recipe
def mode_regularised_gan(
    data: DataInfo,
    *,
    distance: float = 12.0,
    reached: float = 0.2,
    opponent: Adversary = Adversary(),
    build: Build = UNLABELLED,
    budget: Budget = Budget(lr=5e-4),
) -> Run:
    """A GAN with an encoder beside it: what the generator makes of an encoded sample must be close to it and look real.

    Paper: Che et al. 2017, section 3.1. Both terms train generator and encoder.
    Expected: digits, 40,000 images: fd@digits-classifier:397 11.2, coverage 0.31 (floor 0.79 and 0.98); not tuned.

    distance: weight of the mean squared error of reconstructions
    reached: weight of the adversarial term on reconstructions
    """
    opponent.check(budget.batch)
    nets = autoencoder_nets(data, build)
    nets["prior"] = prior("normal", latent_size(data, build))
    nets["D"] = discriminator(data, nets["E"], opponent)
    rate = falling(budget.lr)
    near = SquaredError(trains=AUTOENCODER, weight=distance / math.prod(data.shape))
    real = GeneratorLoss(trains=AUTOENCODER, loss=opponent.loss, fake="recon", weight=reached)
    turns = (discriminator_turn(opponent, rate), generator_turn(opponent.loss, rate, near, real))
    return Run(nets, (Phase("together", budget.images, turns, averages=AUTOENCODER),), budget.batch)
