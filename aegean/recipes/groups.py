"""Groups of settings that recipes share. Each field is an option of its own (`--set width=8`), with a line of words."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from aegean.config import UserError
from aegean.objectives.penalties import Precision
from aegean.surface import option

Network = Literal["auto", "conv", "mlp", "causal"]
Augmentation = Literal["translation", "cutout", "colour"]
Loss = Literal["relativistic", "non-saturating", "minimax", "hinge", "least-squares", "wasserstein"]

ABSENT: Any = None  # the default of a field that a recipe does not offer


@dataclass(frozen=True)
class Build:
    """What the networks are.

    network: convolutional (conv) or dense (mlp) networks; auto: conv for pictures and
        sounds, mlp for tables, causal (a decoder that goes from token to token) for texts
    width: channels of the first level; dense layers have 8 times as many units; 0 chooses by the data
    latent: dimensions of the latent; 0 chooses by the data
    patch: convolutional networks lay so many places along each axis on top of each other as channels; 0 chooses by
        the data
    conditional: whether the networks are told the class of each sample
    """

    network: Network = "auto"
    width: int = 0
    latent: int = 0
    patch: int = 0
    conditional: bool = False


@dataclass(frozen=True)
class Budget:
    """How long and how fast.

    lr: learning rate of Adam at the start; it falls along a cosine; 0 chooses by the data where it is the default
    batch: samples a step; 0 chooses by the data
    images: samples seen in training, over all phases; 0 chooses by the data
    """

    lr: float = 1e-3
    batch: int = 0
    images: int = 100_000


@dataclass(frozen=True)
class Adversary:
    """What a discriminator is trained by.

    loss: adversarial loss of discriminator and generator
    gamma: weight of the gradient penalties R1 and R2; 0: none
    relax: share of its weight to which gamma falls in the phase that trains the generator, by equal factors
    every: the gradient penalties take every so many samples of a batch: the same mean, estimated in less time
    penalty: precision of the gradient penalties; auto: that of the run; float32: never bfloat16
    pack: samples that the discriminator sees together
    augment: augmentations of what the discriminator sees; several with commas between them
    """

    loss: Loss = "relativistic"
    gamma: float = 1.0
    relax: float = ABSENT
    every: int = 4
    penalty: Precision = "auto"
    pack: int = 1
    augment: tuple[Augmentation, ...] = ()

    @property
    def bias(self) -> bool:
        """Whether a bias at the end of the discriminator would train: some losses only compare logits."""
        return self.loss not in ("relativistic", "wasserstein")

    def check(self, batch: int) -> None:
        """UserError: a batch that is not made of whole packs, a penalty below 0, or one that falls to nothing."""
        if self.pack < 1:
            raise UserError(f"{option('pack', self.pack)}: expected at least 1.")
        if batch % self.pack:
            raise UserError(f"{option('batch', batch)} is not a multiple of {option('pack', self.pack)}.")
        if self.gamma < 0:
            raise UserError(f"{option('gamma', self.gamma)}: expected 0 or more (-1 in ae_to_gan: by the data).")
        if self.relax is not ABSENT and self.relax <= 0:
            raise UserError(f"{option('relax', self.relax)}: expected more than 0; 1 keeps gamma as it is.")


PENALTIES = Adversary(loss=ABSENT, gamma=1.0, pack=ABSENT, augment=ABSENT)  # of a discriminator with one loss
AUTOENCODING = Budget(lr=0.0)
UNLABELLED = Build(conditional=ABSENT)
UNPATCHED = Build(patch=ABSENT, conditional=ABSENT)
SIZELESS = Build(latent=ABSENT, patch=ABSENT, conditional=ABSENT)  # both follow from other options


@dataclass(frozen=True)
class Sharpening:
    """How a discriminator of patches sharpens a decoder.

    warmup: share of the remaining images after which the decoder begins to follow the discriminator
    adversary: pull of the adversarial term at the decoder's output, as a share of the error's own pull
    features: pull of the distance in the discriminator's features, as a share of the error's own pull
    """

    warmup: float = 0.2
    adversary: float = 0.5
    features: float = 0.5


@dataclass(frozen=True)
class HandOver:
    """What the networks of a restorer or translator begin as.

    encoder: with `--from`, begins as that run's (initialise), if it takes as many channels, or new
    decoder: with `--from`, begins as that run's (initialise), if it draws as many channels, or new
    discriminator: with `--from`, begins as that run's (initialise) or new; encoder: of the encoder's form, and begins
        as what that has learnt before
    """

    encoder: Literal["initialise", "new"] = "initialise"
    decoder: Literal["initialise", "new"] = "initialise"
    discriminator: Literal["initialise", "new", "encoder"] = "initialise"


def shares(whom: str = "the GAN", **chosen: float) -> None:
    """UserError: one of these options, shares of the images or of what is left of them, leaves none for `whom`."""
    for name, share in chosen.items():
        if share >= 1:
            raise UserError(f"{option(name, share)} leaves no images for {whom}: expected less than 1.")
