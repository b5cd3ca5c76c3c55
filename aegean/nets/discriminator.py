"""A discriminator: augmentation and packing, an encoder as backbone, and a head."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn

from aegean.config import Net, network
from aegean.nets.augment import AUGMENTATIONS, augment, numbers
from aegean.nets.blocks import act, flat, one_hot


class DiscriminatorOutput(NamedTuple):
    """What a discriminator says of B samples: a tuple of logits, (B / pack,) per head, or (B / pack, patches); its
    feature levels; and what it saw: the samples augmented and packed (B / pack, pack * C, ...)."""

    logits: tuple[Tensor, ...]
    features: tuple[Tensor, ...]
    seen: Tensor | None = None


@network
class Discriminator(nn.Module):
    """Samples (B, *shape), and noise (B, *noise_shape) for the augmentation -> DiscriminatorOutput.

    backbone: an encoder, built for `pack` times the channels of the samples
    classes: of a conditional discriminator, whose logit gains the inner product of features and class vector (Miyato
        and Koyama 2018); 0: without
    pack: samples that are seen together, stacked along channels (PacGAN, Lin et al. 2018)
    augmentation: names in AUGMENTATIONS, applied in this order
    bias: of the last layer; it cancels in a relativistic or Wasserstein loss and would never train, others want it
    patches: a logit for each place of the last level, which sees a patch of the sample (Isola et al. 2017, section
        3.2.2), instead of one for all of it

    `shares` names the network whose features are looked at, where it is not the discriminator's own.

    Autocast ends before the head: a logit of three digits would be too coarse for a loss, or for its own gradient.
    """

    shares = ""

    def __init__(
        self,
        backbone: Net,
        classes: int = 0,
        pack: int = 1,
        augmentation: Sequence[str] = (),
        bias: bool = True,
        patches: bool = False,
    ):
        super().__init__()
        assert all(name in AUGMENTATIONS for name in augmentation)
        self.patches = patches
        self.pack, self.classes, self.augmentation = pack, classes, tuple(augmentation)
        self.backbone = backbone.build()
        last = self.backbone.levels[-1]
        width = last[0] if patches else math.prod(last)
        self.head = nn.Linear(width, 1, bias=bias)
        nn.init.normal_(self.head.weight, std=width**-0.5)
        self.label = nn.Linear(classes, width, bias=False) if classes else None
        if self.label is not None:
            nn.init.normal_(self.label.weight, std=width**-0.5)

    @property
    def noise_shape(self) -> tuple[int, ...]:
        return (numbers(self.augmentation),)

    def forward(self, x: Tensor, noise: Tensor, labels: Tensor | None = None) -> DiscriminatorOutput:
        x = augment(x, noise, self.augmentation)
        if self.pack > 1:
            x = x.unflatten(0, (-1, self.pack)).flatten(1, 2)
        features = self.backbone(x)
        with torch.autocast(x.device.type, enabled=False):
            return DiscriminatorOutput((self._logit(features[-1].to(self.head.weight.dtype), labels),), features, x)

    def _logit(self, level: Tensor, labels: Tensor | None) -> Tensor:
        h = act(level).flatten(2).mT if self.patches else flat(level)
        logits = self.head(h)[..., 0]
        if self.label is not None:
            vectors = self.label(one_hot(labels, self.classes, h)).unflatten(0, (-1, self.pack)).mean(1)
            logits = logits + (h * (vectors[:, None] if self.patches else vectors)).sum(-1)
        return logits


def widen(weight: Tensor, shape: torch.Size) -> Tensor:
    """A first layer's weight repeated along its inputs for a packed discriminator, at the same total gain."""
    times = shape[1] // weight.shape[1]
    return weight.repeat(1, times, *(1,) * (weight.dim() - 2)) / times
