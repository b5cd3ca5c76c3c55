"""A GAN whose generator must also reach every training sample."""

from __future__ import annotations

import math

from aegean.data.info import DataInfo
from aegean.objectives import GeneratorLoss, Ramp, SquaredError
from aegean.objectives.penalties import Precision
from aegean.recipes.ae import autoencoder_nets
from aegean.recipes.architecture import Augmentation, Loss, Network, discriminator, latent_size, prior
from aegean.recipes.registry import recipe
from aegean.recipes.turns import discriminator_turn, generator_turn, whole_packs
from aegean.training.schedule import Phase, Run


@recipe
def mode_regularised_gan(
    data: DataInfo,
    *,
    distance: float = 12.0,
    reached: float = 0.2,
    loss: Loss = "relativistic",
    gamma: float = 1.0,
    penalty: Precision = "auto",
    pack: int = 1,
    augment: tuple[Augmentation, ...] = (),
    network: Network = "auto",
    width: int = 0,
    latent: int = 0,
    lr: float = 5e-4,
    batch: int = 64,
    images: int = 100_000,
) -> Run:
    """A GAN with an encoder beside it: what the encoder makes of the data must come back, and pass for real.

    Paper: Che et al. 2017, section 3.1: the mean squared distance of a sample to its reconstruction (weight
    `distance`), and the discriminator's judgement of that reconstruction (weight `reached`), for generator and encoder.
    Expected: digits, 40,000 images: fd@digits-classifier:397 11.2, coverage 0.31 (floor 0.79 and 0.98); not tuned.
    """
    whole_packs(batch, pack)
    size = latent_size(data, latent)
    nets = autoencoder_nets(data, "identity", network, width, latent, "squared", 0)
    nets["prior"] = prior("normal", size)
    nets["D"] = discriminator(data, nets["E"], loss, 0, pack, augment)
    rate, both = Ramp(lr, lr / 4, cosine=True), ("E", "bottleneck", "G")
    near = SquaredError(trains=both, weight=distance / math.prod(data.shape))
    real = GeneratorLoss(trains=both, loss=loss, fake="recon", weight=reached)
    turns = (discriminator_turn(loss, gamma, rate, penalty=penalty), generator_turn(loss, rate, near, real))
    return Run(nets, (Phase("together", images, turns, averages=both),), batch)
