"""An autoencoder whose error is measured by a discriminator."""

from __future__ import annotations

from aegean.data.info import DataInfo
from aegean.objectives import FeatureError, GeneratorLoss, Rate
from aegean.recipes.ae import AUTOENCODER, autoencoder_nets
from aegean.recipes.architecture import class_count, discriminator, latent_size, prior
from aegean.recipes.groups import Adversary, Budget, Build
from aegean.recipes.registry import recipe
from aegean.recipes.turns import discriminator_turn, falling
from aegean.training.schedule import Phase, Run, Turn


@recipe
def vae_gan(
    data: DataInfo,
    *,
    beta: float = 1.0,
    adversary: float = 1.0,
    opponent: Adversary = Adversary(),
    build: Build = Build(),
    budget: Budget = Budget(lr=5e-4),
) -> Run:
    """A VAE that reconstructs in the discriminator's features, and whose decoder is also a generator.

    Paper: Larsen et al. 2016, algorithm 1: the divergence trains the encoder, the feature error the encoder and
    the decoder, the adversarial terms (on samples and on reconstructions) the decoder alone.
    Expected: digits, 40,000 images, 64 s on two cores: fd@digits-classifier:397 15.6, coverage 0.24 (floor 0.79 and
    0.98): behind `ae_to_gan` at the same budget.

    beta: weight of the rate, the divergence of latents from the prior
    adversary: weight of the adversarial terms
    """
    opponent.check(budget.batch)
    classes, rate, loss = class_count(data, build), falling(budget.lr), opponent.loss
    nets = autoencoder_nets(data, build, "gaussian", classes=classes)
    nets["prior"] = prior("normal", latent_size(data, build), classes)
    nets["D"] = discriminator(data, nets["E"], opponent, classes)
    terms = (
        FeatureError(trains=AUTOENCODER),
        Rate(trains=("E", "bottleneck"), weight=beta),
        GeneratorLoss(trains=("G",), loss=loss, weight=adversary),
        GeneratorLoss(trains=("G",), loss=loss, fake="recon", weight=adversary),
    )
    turns = (discriminator_turn(opponent, rate, ("fake", "recon")), Turn("AE", terms, lr=rate))
    return Run(nets, (Phase("together", budget.images, turns, averages=AUTOENCODER),), budget.batch)
