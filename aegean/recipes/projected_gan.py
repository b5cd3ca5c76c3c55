"""A GAN that is judged in the features of an autoencoder of the same data."""

from __future__ import annotations

from collections.abc import Mapping

from aegean.config import Net
from aegean.data.info import DataInfo
from aegean.objectives import Ramp
from aegean.objectives.penalties import Precision
from aegean.recipes.architecture import Augmentation, Loss, Network, on_features, prior
from aegean.recipes.registry import recipe
from aegean.recipes.teacher import shares, unlabelled
from aegean.recipes.teacher import teacher as the_teacher
from aegean.recipes.turns import discriminator_turn, generator_turn
from aegean.training.schedule import Fit, Phase, Run


@recipe
def projected_gan(
    data: DataInfo,
    *,
    beta: float = 0.1,
    teacher: float = 0.5,
    loss: Loss = "relativistic",
    gamma: float = 1.0,
    penalty: Precision = "auto",
    augment: tuple[Augmentation, ...] = (),
    network: Network = "auto",
    width: int = 0,
    latent: int = 0,
    lr: float = 5e-4,
    batch: int = 64,
    images: int = 100_000,
    inherited: Mapping[str, Net] | None = None,
) -> Run:
    """A GAN whose discriminator sees the levels of a frozen encoder through random projections, a head for each.

    A VAE first (`teacher` of the images; none with `--from RUN`): its encoder is shared and frozen, its decoder begins
    the generator. Paper: Sauer et al. 2021 (with features of the same data instead of ImageNet's, which leak nothing).
    Expected: digits, 40,000 images, `batch=32`: fd@digits-classifier:397 1.34, coverage 0.93 (floor 0.75 and 0.99).
    """
    shares(teacher)
    taught = the_teacher(data, round(images * teacher), beta, network, width, latent, False, inherited)
    unlabelled(taught, "projected_gan")
    nets = taught.nets | {"prior": prior("mixture", taught.latent), "D": on_features(data, taught.nets["E"], augment)}
    rate = Ramp(lr, lr / 4, cosine=True)
    turns = (discriminator_turn(loss, gamma, rate, penalty=penalty), generator_turn(loss, rate))
    phase = Phase("adversarial", round(images * (1 - teacher)), turns, (Fit(),), averages=("G",))
    return Run(nets, (*taught.phases, phase), batch)
