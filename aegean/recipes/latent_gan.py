"""A GAN in the latents of an autoencoder that holds still."""

from __future__ import annotations

from collections.abc import Mapping

from aegean.config import Net, UserError
from aegean.data.info import DataInfo
from aegean.objectives import GeneratorLoss, Ramp
from aegean.objectives.penalties import Precision
from aegean.recipes.architecture import Network, latent_discriminator, prior
from aegean.recipes.registry import recipe
from aegean.recipes.teacher import shares, unlabelled
from aegean.recipes.teacher import teacher as the_teacher
from aegean.recipes.turns import latent_turn
from aegean.training.schedule import Phase, Run, Turn


@recipe
def latent_gan(
    data: DataInfo,
    *,
    beta: float = 0.1,
    teacher: float = 0.5,
    gamma: float = 0.1,
    penalty: Precision = "auto",
    network: Network = "auto",
    width: int = 0,
    latent: int = 0,
    lr: float = 5e-4,
    batch: int = 64,
    images: int = 100_000,
    inherited: Mapping[str, Net] | None = None,
) -> Run:
    """A mapping network from plain noise to an autoencoder's latents, trained as a GAN; the decoder draws.

    A VAE (`teacher` of the images; none with `--from RUN`), then dense networks alone: a step of the second phase
    costs a small part of a GAN's on pictures. Papers: Kingma and Welling 2013; Engel et al. 2018 (a generator in
    latents); Huang et al. 2024 (loss and penalties). Expected: digits, 40,000 images, `batch=32`:
    fd@digits-classifier:397 9.6, coverage 0.57 (floor 0.75 and 0.99); a step at a seventh of a GAN's cost at 16x16.
    """
    shares(teacher)
    taught = the_teacher(
        data, round(images * teacher), beta, network, width, latent, False, inherited, variational=True
    )
    unlabelled(taught, "latent_gan")
    if taught.nets["bottleneck"].kind != "Gaussian":
        raise UserError(
            "latent_gan needs a VAE, whose latents are of the scale of its noise; for a plain autoencoder: "
            "aegean fit RUN --prior mapping."
        )
    nets = taught.nets | {"prior": prior("mapping", taught.latent), "Dz": latent_discriminator(taught.latent)}
    rate = Ramp(lr, lr / 4, cosine=True)
    turns = (
        latent_turn("data_z", "prior_z", "relativistic", gamma, rate, penalty),
        Turn("G", (GeneratorLoss(trains=("prior",), real="data_z", fake="prior_z"),), lr=rate),
    )
    phase = Phase("latents", round(images * (1 - teacher)), turns, averages=("prior",))
    return Run(nets, (*taught.phases, phase), batch)
