"""A GAN for few pictures."""

from __future__ import annotations

from aegean.config import UserError
from aegean.data.info import DataInfo
from aegean.objectives import Ramp, ReadError
from aegean.objectives.penalties import Precision
from aegean.recipes.architecture import Augmentation, Loss, Network, reader
from aegean.recipes.gan import gan
from aegean.recipes.registry import recipe
from aegean.recipes.turns import discriminator_turn, generator_turn
from aegean.training.schedule import Phase, Run


@recipe
def few_shot_gan(
    data: DataInfo,
    *,
    reading: float = 1.0,
    loss: Loss = "relativistic",
    gamma: float = 1.0,
    penalty: Precision = "auto",
    pack: int = 2,
    augment: tuple[Augmentation, ...] = ("translation", "cutout", "colour"),
    network: Network = "auto",
    width: int = 0,
    latent: int = 0,
    conditional: bool = False,
    lr: float = 5e-4,
    batch: int = 64,
    images: int = 100_000,
) -> Run:
    """A GAN that sees its data through augmentations, in packs, and whose discriminator must be able to redraw them.

    Papers: Zhao et al. 2020 (differentiable augmentation); Lin et al. 2018 (packs); Liu et al. 2021 (FastGAN: the
    discriminator as an encoder that a reader decodes, weight `reading` on the mean squared error).
    Expected: digits, 40,000 images: fd@digits-classifier:397 18.6, coverage 0.21 (floor 0.79 and 0.98); not tuned.
    """
    if not data.is_image:
        raise UserError(f"few_shot_gan augments pictures; {data.name!r} has rows: use gan with pack=2.")
    base = gan(data, loss=loss, gamma=gamma, penalty=penalty, pack=pack, augment=augment, network=network, width=width,
               latent=latent, conditional=conditional, lr=lr, batch=batch, images=images)  # fmt: skip
    rate = Ramp(lr, lr / 4, cosine=True)
    D = discriminator_turn(loss, gamma, rate, penalty=penalty)
    D = D.replace(terms=(*D.terms, ReadError(trains=("D.backbone", "R"), weight=reading)))
    nets = {**base.nets, "R": reader(data, base.nets["D"], width, network)}
    phase = Phase("adversarial", images, (D, generator_turn(loss, rate)), averages=("G",))
    return Run(nets, (phase,), batch, training_only=("corruption", "R"))
