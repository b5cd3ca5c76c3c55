"""Adversarial autoencoders: an adversary brings the latents to the prior."""

from __future__ import annotations

from aegean.data.info import DataInfo
from aegean.objectives import GeneratorLoss, Ramp, SquaredError
from aegean.objectives.penalties import Precision
from aegean.recipes.ae import autoencoder_nets
from aegean.recipes.architecture import Network, latent_discriminator, latent_size, prior
from aegean.recipes.registry import recipe
from aegean.recipes.turns import autoencoder_turn, latent_turn
from aegean.training.schedule import Phase, Run, Turn


@recipe
def aae(
    data: DataInfo,
    *,
    gamma: float = 0.1,
    penalty: Precision = "auto",
    network: Network = "auto",
    width: int = 0,
    latent: int = 0,
    lr: float = 1e-3,
    batch: int = 64,
    images: int = 100_000,
) -> Run:
    """An autoencoder whose latents a small adversary makes look like the prior, in the place of a divergence.

    Paper: Makhzani et al. 2015 (section 2; here with the relativistic loss and R1 and R2, weight `gamma`, on latents:
    Huang et al. 2024).
    Expected: digits, 40,000 images: fd@digits-classifier:397 12.3, coverage 0.25 (floor 0.79 and 0.98); not tuned.
    """
    size = latent_size(data, latent)
    nets = autoencoder_nets(data, "identity", network, width, latent, "squared", 0)
    nets |= {"prior": prior("normal", size), "Dz": latent_discriminator(size)}
    rate = Ramp(lr / 4, lr / 16, cosine=True)
    deceive = GeneratorLoss(trains=("E", "bottleneck"), real="prior_z", fake="data_z")
    turns = (
        autoencoder_turn(SquaredError(trains=("E", "bottleneck", "G")), lr=lr),
        latent_turn("prior_z", "data_z", "relativistic", gamma, rate, penalty),
        Turn("E", (deceive,), lr=rate),
    )
    return Run(nets, (Phase("together", images, turns, averages=("E", "bottleneck", "G")),), batch)
