"""An autoencoder whose error is measured by a discriminator."""

from __future__ import annotations

from aegean.data.info import DataInfo
from aegean.objectives import FeatureError, GeneratorLoss, Ramp, Rate
from aegean.objectives.penalties import Precision
from aegean.recipes.ae import autoencoder_nets
from aegean.recipes.architecture import Augmentation, Loss, Network, class_count, discriminator, latent_size, prior
from aegean.recipes.registry import recipe
from aegean.recipes.turns import discriminator_turn, whole_packs
from aegean.training.schedule import Phase, Run, Turn


@recipe
def vae_gan(
    data: DataInfo,
    *,
    loss: Loss = "relativistic",
    gamma: float = 1.0,
    penalty: Precision = "auto",
    beta: float = 1.0,
    adversary: float = 1.0,
    pack: int = 1,
    augment: tuple[Augmentation, ...] = (),
    network: Network = "auto",
    width: int = 0,
    latent: int = 0,
    conditional: bool = False,
    lr: float = 5e-4,
    batch: int = 64,
    images: int = 100_000,
) -> Run:
    """A VAE that reconstructs in the discriminator's features, and whose decoder is also a generator.

    Paper: Larsen et al. 2016, algorithm 1: the divergence trains the encoder, the feature error the encoder and
    the decoder, the adversarial terms (on samples and on reconstructions, weight `adversary`) the decoder alone.
    Expected: digits, 40,000 images, 64 s on two cores: fd@digits-classifier:397 15.6, coverage 0.24 (floor 0.79 and
    0.98): behind `ae_to_gan` at the same budget.
    """
    whole_packs(batch, pack)
    classes, size = class_count(data, conditional), latent_size(data, latent)
    nets = autoencoder_nets(data, "gaussian", network, width, latent, "squared", classes)
    nets["prior"] = prior("normal", size, classes)
    nets["D"] = discriminator(data, nets["E"], loss, classes, pack, augment)
    rate = Ramp(lr, lr / 4, cosine=True)
    turn = Turn(
        "AE",
        (
            FeatureError(trains=("E", "bottleneck", "G")),
            Rate(trains=("E", "bottleneck"), weight=beta),
            GeneratorLoss(trains=("G",), loss=loss, weight=adversary),
            GeneratorLoss(trains=("G",), loss=loss, fake="recon", weight=adversary),
        ),
        lr=rate,
    )
    turns = (discriminator_turn(loss, gamma, rate, ("fake", "recon"), penalty), turn)
    return Run(nets, (Phase("together", images, turns, averages=("E", "bottleneck", "G")),), batch)
