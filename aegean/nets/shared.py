"""A discriminator on the features of another network, which is frozen (Sauer et al. 2021, Projected GAN)."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from aegean.config import network
from aegean.nets.augment import AUGMENTATIONS, augment, numbers
from aegean.nets.blocks import CONVOLVE, act, he_, linear, upsample
from aegean.nets.discriminator import DiscriminatorOutput


@network
class SharedDiscriminator(nn.Module):
    """Samples (B, *shape), noise (B, *noise_shape) and the encoder that is shared -> its output, a logit a level.

    levels: shapes of the encoder's levels, (C, H, W), (C, L) or (C,) each; where they begin with the samples' own, a
        head looks at those too: no encoder shows all of what it sees
    width: channels of each head
    project: a head sees its level as section 3.2 of the paper has it, mixed across channels by a fixed random
        projection, and across scales by adding the coarser level through another; else as it is
    augmentation: names in AUGMENTATIONS, applied in this order

    The projections are buffers, so nothing trains them, and the encoder is frozen because no term of the turn names it.
    """

    shares = "E"
    pack = 1

    def __init__(
        self,
        levels: Sequence[Sequence[int]],
        width: int = 64,
        project: bool = True,
        augmentation: Sequence[str] = (),
    ):
        super().__init__()
        assert all(name in AUGMENTATIONS for name in augmentation)
        self.augmentation, self.project = tuple(augmentation), project
        self.levels = [tuple(level) for level in levels]
        self.channels, self.scales, self.heads = nn.ModuleList(), nn.ModuleList(), nn.ModuleList()
        for number, level in enumerate(self.levels):
            if project:
                self.channels.append(FixedMap((width, level[0])))
                if number:
                    self.scales.append(FixedMap((width, width)))
            self.heads.append(_head(width if project else level[0], width, axes=len(level) - 1))

    @property
    def noise_shape(self) -> tuple[int, ...]:
        return (numbers(self.augmentation),)

    def forward(
        self, x: Tensor, noise: Tensor, labels: Tensor | None = None, *, backbone: nn.Module
    ) -> DiscriminatorOutput:
        x = augment(x, noise, self.augmentation)
        features = backbone(x)
        seen = (x, *features)[-len(self.levels) :]
        if self.project:
            seen = self._mixed(seen)
        with torch.autocast(x.device.type, enabled=False):
            logits = tuple(head(h.float()).flatten(1).mean(1) for head, h in zip(self.heads, seen))
        return DiscriminatorOutput(logits, features, x)

    def _mixed(self, levels: Sequence[Tensor]) -> tuple[Tensor, ...]:
        """The projected levels, nearest the data first, each with the coarser ones added."""
        mixed: list[Tensor] = []
        for number in reversed(range(len(levels))):
            h = self.channels[number](act(levels[number]))
            if mixed:
                coarser = self.scales[number](act(mixed[-1]))
                h = h + (upsample(coarser, places) if (places := h.shape[2:]) else coarser)
            mixed.append(h)
        return tuple(reversed(mixed))


class FixedMap(nn.Module):
    """A random linear map of channels that never learns: (B, in, ...) -> (B, out, ...)."""

    weight: Tensor

    def __init__(self, shape: tuple[int, int]):
        super().__init__()
        self.register_buffer("weight", torch.randn(shape) * shape[1] ** -0.5)

    def forward(self, h: Tensor) -> Tensor:
        weight, axes = self.weight.to(h.dtype), h.dim() - 2
        return CONVOLVE[axes](h, weight[(..., *(None,) * axes)])


class _Act(nn.Module):
    def forward(self, h: Tensor) -> Tensor:
        return act(h)


def _head(channels: int, width: int, axes: int) -> nn.Sequential:
    """A small head on one level: (B, channels, ...) -> (B, 1, ...). Without a last bias, which a relativistic loss
    would never train."""
    if axes:
        layers = [he_(linear(axes, channels, width, 3, stride=2)), he_(linear(axes, width, width, 3))]
    else:
        layers = [he_(linear(axes, channels, width))]
    layers.append(he_(linear(axes, width, 1, bias=False)))
    return nn.Sequential(*(part for layer in layers for part in (_Act(), layer)))
