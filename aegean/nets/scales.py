"""A discriminator of one picture at all its scales at once (Karnewar and Wang 2020, MSG-GAN)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from aegean.config import network
from aegean.nets.blocks import DEEPEST, Residual, act, channels_last, he_, linear
from aegean.nets.conv import downs, sizes
from aegean.nets.discriminator import DiscriminatorOutput

POOL: dict[int, Any] = {1: F.adaptive_avg_pool1d, 2: F.adaptive_avg_pool2d}  # by the number of axes


def pyramid(x: Tensor, scales: Sequence[tuple[int, ...]]) -> tuple[Tensor, ...]:
    """A sample (B, C, ...) at each of its scales, by means over areas; the first is the sample itself."""
    return tuple(x if i == 0 else POOL[len(scale)](x, scale) for i, scale in enumerate(scales))


def bundle(pictures: Sequence[Tensor]) -> Tensor:
    """Pictures of one sample at several scales as one vector: (B, sum of their sizes)."""
    return torch.cat([picture.flatten(1) for picture in pictures], 1)


@network
class ScaleDiscriminator(nn.Module):
    """Bundled pictures (B, d) of one sample, of all scales or of the coarser ones -> its output, a logit a scale.

    Each stage sees its own scale's picture beside what comes from the finer one (section 2.2 of the paper, with a sum
    in the place of a concatenation), and has a head of its own. The coarser scales alone enter at theirs.
    """

    noise_shape = (0,)
    shares = ""
    pack = 1

    def __init__(self, shape: Sequence[int], widths: Sequence[int]):
        super().__init__()
        assert 0 < len(widths) <= DEEPEST
        axes, scales = len(shape) - 1, sizes(shape, len(widths))
        self.shapes = [(shape[0], *scale) for scale in scales]
        self.levels = [(w, *scale) for w, scale in zip(widths, scales)]
        self.stems = nn.ModuleList(he_(linear(axes, shape[0], w, 3)) for w in widths)
        self.stages = nn.ModuleList(Residual(w, len(widths), axes) for w in widths)
        self.downs = downs(widths, axes)
        self.heads = nn.ModuleList(nn.Linear(w, 1, bias=False) for w in widths[:-1])
        self.heads.append(nn.Linear(math.prod(self.levels[-1]), 1, bias=False))
        for head in self.heads:
            nn.init.normal_(head.weight, std=head.in_features**-0.5)  # type: ignore[arg-type, operator]

    def forward(self, x: Tensor, noise: Tensor, labels: Tensor | None = None) -> DiscriminatorOutput:
        pictures = self.unbundle(x)
        first = len(self.levels) - len(pictures)
        features: list[Tensor] = []
        for level, picture in enumerate(pictures, first):
            h = self.stems[level](channels_last(picture))
            if features:
                h = h + self.downs[level - 1](features[-1])
            features.append(self.stages[level](h))
        with torch.autocast(x.device.type, enabled=False):
            logits = tuple(self._logit(level, h.float()) for level, h in enumerate(features, first))
        return DiscriminatorOutput(logits, tuple(features), x)

    def unbundle(self, x: Tensor) -> list[Tensor]:
        """The pictures in a bundle, which ends with the coarsest."""
        spans, first = [math.prod(shape) for shape in self.shapes], 0
        while sum(spans[first:]) > x.shape[1]:
            first += 1
        return [p.unflatten(1, s) for p, s in zip(x.split(spans[first:], 1), self.shapes[first:])]

    def _logit(self, level: int, h: Tensor) -> Tensor:
        """The coarsest scale is seen as a whole, the others by the mean over places."""
        h = act(h)
        h = h.flatten(1) if level == len(self.levels) - 1 else h.flatten(2).mean(2)
        return self.heads[level](h)[:, 0]
