"""Convolutional encoder and its mirror, the decoder: residual, free of normalisation, of any size.

Samples are maps (channels, height, width) or sequences (channels, length): the shape decides, the class is the same.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from aegean.config import network
from aegean.nets.blocks import (
    DEEPEST,
    Down,
    LogVariance,
    Residual,
    Rising,
    act,
    channels_last,
    he_,
    in_range,
    linear,
    one_hot,
    shuffle,
    unshuffle,
    upsample,
)


def sizes(shape: Sequence[int], levels: int) -> list[tuple[int, ...]]:
    """Places along each axis at each level, halved and rounded up from one to the next."""
    out = [tuple(shape[1:])]
    for _ in range(levels - 1):
        out.append(tuple((size + 1) // 2 for size in out[-1]))
    return out


def patched(shape: Sequence[int], patch: int) -> tuple[int, ...]:
    """The shape of a sample whose places, `patch` along each axis, are laid on top of each other as channels."""
    channels, *places = shape
    whole = patch > 0 and all(size % patch == 0 for size in places)
    assert whole, f"{'x'.join(map(str, places))} has no patches of {patch}"
    return (channels * patch ** len(places), *(size // patch for size in places))


def stages(widths: Sequence[int], blocks: int, axes: int) -> nn.ModuleList:
    """The residual blocks of each level."""
    depth = blocks * len(widths)
    assert 0 < depth <= DEEPEST
    return nn.ModuleList(nn.Sequential(*(Residual(w, depth, axes) for _ in range(blocks))) for w in widths)


def downs(widths: Sequence[int], axes: int) -> nn.ModuleList:
    """From each level to the next."""
    pairs = zip(widths, widths[1:])
    return nn.ModuleList(nn.Sequential(Down(a, axes), he_(linear(axes, a, b))) for a, b in pairs)


@network
class ConvEncoder(Rising):
    """Samples (B, C, H, W) or (B, C, L) -> a tuple of levels (B, widths[i], H / 2^i, W / 2^i), nearest the data first.

    shape: of a sample, (C, H, W) or (C, L)
    widths: channels of each level
    blocks: residual blocks of each level
    patch: so many places along each axis are laid on top of each other as channels first, which must divide them: the
        first level is as much smaller, and faster (Shi et al. 2016, figure 1, backwards)
    """

    def __init__(self, shape: Sequence[int], widths: Sequence[int], blocks: int = 1, patch: int = 1):
        super().__init__()
        axes = len(shape) - 1
        self.patch, shape = patch, patched(shape, patch)
        self.levels = [(w, *s) for w, s in zip(widths, sizes(shape, len(widths)))]
        self.stem = he_(linear(axes, shape[0], widths[0], 3))
        self.stages = stages(widths, blocks, axes)
        self.downs = downs(widths, axes)

    def rise(self, level: int, below: Tensor) -> Tensor:
        if level:
            return self.stages[level](self.downs[level - 1](below))
        return self.stages[0](self.stem(channels_last(unshuffle(below, self.patch))))

    def parts(self, level: int) -> list[str]:
        """The names of the modules that make a level of the one below it."""
        return [f"stages.{level}", f"downs.{level - 1}" if level else "stem"]


@network
class ConvDecoder(nn.Module):
    """Latents (B, latent) -> samples (B, *shape): `forward` gives the raw output, `mean` brings it into [-1, 1].

    shape: of a sample, (C, H, W) or (C, L)
    latent: dimensions of a latent
    widths: channels of each level, counted from the data upwards
    blocks: residual blocks of each level
    classes: of a conditional decoder; 0: it is told none
    output: "linear" (squared errors, adversaries) or "logits" (Bernoulli: mean = 2 sigmoid(raw) - 1)
    patch: as in the encoder
    grid: the latent is a grid of vectors, one for each place of the topmost level, which looks at its own alone

    `log_variance` is the learned variance of a Gaussian likelihood, one number for all values (Rybkin et al. 2021).
    """

    def __init__(
        self,
        shape: Sequence[int],
        latent: int,
        widths: Sequence[int],
        blocks: int = 1,
        classes: int = 0,
        output: str = "linear",
        patch: int = 1,
        grid: bool = False,
    ):
        super().__init__()
        axes = len(shape) - 1
        self.latent, self.classes, self.output = latent, classes, output
        self.patch, self.grid, shape = patch, grid, patched(shape, patch)
        self.sizes = sizes(shape, len(widths))
        self.top = (widths[-1], *self.sizes[-1])
        places = math.prod(self.top[1:])
        assert not grid or (latent % places == 0 and classes == 0), "a grid's latent is shared out evenly"
        self.stem = he_(
            linear(axes, latent // places, self.top[0]) if grid else nn.Linear(latent + classes, self.top[0] * places)
        )
        self.stages = stages(widths, blocks, axes)
        self.ups = nn.ModuleList(he_(linear(axes, b, a)) for a, b in zip(widths, widths[1:]))
        self.last = he_(linear(axes, widths[0], shape[0], 3), 0.5)
        self.log_variance = LogVariance()

    def forward(self, z: Tensor, labels: Tensor | None = None) -> Tensor:
        if self.classes:
            z = torch.cat((z, one_hot(labels, self.classes, z)), 1)
        z = z.unflatten(1, (-1, *self.top[1:])) if self.grid else z
        h = channels_last(self.stem(z).view(z.shape[0], *self.top))
        h = self.stages[-1](h)
        for i in reversed(range(len(self.ups))):
            h = self.stages[i](upsample(self.ups[i](h), self.sizes[i]))
        return shuffle(self.last(act(h)), self.patch)

    def mean(self, raw: Tensor) -> Tensor:
        return in_range(raw, self.output)
