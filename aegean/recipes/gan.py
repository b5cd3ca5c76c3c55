"""Generative adversarial networks."""

from __future__ import annotations

from aegean.data.info import DataInfo
from aegean.objectives import Ramp
from aegean.objectives.penalties import Precision
from aegean.recipes.architecture import (
    Augmentation,
    Loss,
    Network,
    class_count,
    decoder,
    discriminator,
    encoder,
    latent_size,
    prior,
)
from aegean.recipes.registry import recipe
from aegean.recipes.turns import discriminator_turn, generator_turn, whole_packs
from aegean.training.schedule import Phase, Run


@recipe
def gan(
    data: DataInfo,
    *,
    loss: Loss = "relativistic",
    gamma: float = 1.0,
    penalty: Precision = "auto",
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
    """A GAN from scratch: the relativistic loss with R1 and R2, or another loss by name.

    Papers: Goodfellow et al. 2014; Huang et al. 2024 (R3GAN: loss and penalties, `gamma` their weight);
    Lin et al. 2018 (`pack`); Zhao et al. 2020 (`augment`). The Wasserstein loss has its own penalty (Gulrajani et al.
    2017, weight 10) instead of `gamma`. `penalty=float32` keeps either of them out of a run's bfloat16. Expected:
    digits, 40,000 images, 45 s on two cores: fd@digits-classifier:397 9.1, coverage 0.40 (floor 0.79 and 0.98);
    100,000 images (before decoders were clipped): 7.8 and 0.60.
    """
    whole_packs(batch, pack)
    classes, size = class_count(data, conditional), latent_size(data, latent)
    nets = {
        "prior": prior("normal", size, classes),
        "G": decoder(data, network, width, size, classes),
        "D": discriminator(data, encoder(data, network, width), loss, classes, pack, augment),
    }
    rate = Ramp(lr, lr / 4, cosine=True)
    turns = (discriminator_turn(loss, gamma, rate, penalty=penalty), generator_turn(loss, rate))
    return Run(nets, (Phase("adversarial", images, turns, averages=("G",)),), batch)
