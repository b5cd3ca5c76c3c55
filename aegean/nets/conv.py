"""Convolutional encoder and its mirror, the decoder: residual, free of normalisation, any size of picture."""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from aegean.config import network
from aegean.nets.blocks import DEEPEST, Down, LogVariance, Residual, act, he_, in_range, one_hot, upsample


def sizes(shape: Sequence[int], levels: int) -> list[tuple[int, int]]:
    """Height and width at each level, halved and rounded up from one to the next."""
    out = [(shape[1], shape[2])]
    for _ in range(levels - 1):
        h, w = out[-1]
        out.append(((h + 1) // 2, (w + 1) // 2))
    return out


def patched(shape: Sequence[int], patch: int) -> tuple[int, int, int]:
    """The shape of a picture whose pixels, `patch` each way, are laid on top of each other as channels."""
    channels, height, width = shape
    assert patch > 0 and height % patch == 0 and width % patch == 0, f"{height}x{width} has no patches of {patch}"
    return channels * patch * patch, height // patch, width // patch


@network
class ConvEncoder(nn.Module):
    """Pictures (B, C, H, W) -> a tuple of levels (B, widths[i], H / 2^i, W / 2^i), nearest the data first.

    `patch`: so many pixels each way are laid on top of each other as channels first, which must divide H and W: the
    first level is as much smaller, and faster (Shi et al. 2016, figure 1, backwards).
    """

    def __init__(self, shape: Sequence[int], widths: Sequence[int], blocks: int = 1, patch: int = 1):
        super().__init__()
        depth = blocks * len(widths)
        assert 0 < depth <= DEEPEST
        self.patch, shape = patch, patched(shape, patch)
        self.levels = [(w, *s) for w, s in zip(widths, sizes(shape, len(widths)))]
        self.stem = he_(nn.Conv2d(shape[0], widths[0], 3, padding=1))
        self.stages = nn.ModuleList(nn.Sequential(*(Residual(w, depth) for _ in range(blocks))) for w in widths)
        self.downs = nn.ModuleList(nn.Sequential(Down(a), he_(nn.Conv2d(a, b, 1))) for a, b in zip(widths, widths[1:]))

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        levels: list[Tensor] = []
        for level in range(len(self.levels)):
            levels.append(self.rise(level, levels[-1] if levels else x))
        return tuple(levels)

    def rise(self, level: int, below: Tensor) -> Tensor:
        """One level: its features from those of the level below, or from the data."""
        if level:
            return self.stages[level](self.downs[level - 1](below))
        below = F.pixel_unshuffle(below, self.patch) if self.patch > 1 else below
        return self.stages[0](self.stem(below.contiguous(memory_format=torch.channels_last)))

    def parts(self, level: int) -> list[str]:
        """The names of the modules that make a level of the one below it."""
        return [f"stages.{level}", f"downs.{level - 1}" if level else "stem"]


@network
class ConvDecoder(nn.Module):
    """Latents (B, latent) -> pictures (B, C, H, W): `forward` gives the raw output, `mean` brings it into [-1, 1].

    `output` is "linear" (squared errors, adversaries) or "logits" (Bernoulli: mean = 2 sigmoid(raw) - 1).
    `log_variance` is the learned variance of a Gaussian likelihood, one number for all pixels (Rybkin et al.
    2021). `widths` counts from the data upwards, and `patch` is, as in the encoder. `grid`: the latent is a grid of
    vectors, one for each place of the topmost level, which looks at its own alone.
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
        depth = blocks * len(widths)
        assert 0 < depth <= DEEPEST
        self.latent, self.classes, self.output = latent, classes, output
        self.patch, self.grid, shape = patch, grid, patched(shape, patch)
        self.sizes = sizes(shape, len(widths))
        self.top = (widths[-1], *self.sizes[-1])
        places = self.top[1] * self.top[2]
        assert not grid or (latent % places == 0 and classes == 0), "a grid's latent is shared out evenly"
        self.stem = he_(
            nn.Conv2d(latent // places, self.top[0], 1) if grid else nn.Linear(latent + classes, self.top[0] * places)
        )
        self.stages = nn.ModuleList(nn.Sequential(*(Residual(w, depth) for _ in range(blocks))) for w in widths)
        self.ups = nn.ModuleList(he_(nn.Conv2d(b, a, 1)) for a, b in zip(widths, widths[1:]))
        self.last = he_(nn.Conv2d(widths[0], shape[0], 3, padding=1), 0.5)
        self.log_variance = LogVariance()

    def forward(self, z: Tensor, labels: Tensor | None = None) -> Tensor:
        if self.classes:
            z = torch.cat((z, one_hot(labels, self.classes, z)), 1)
        z = z.unflatten(1, (-1, *self.top[1:])) if self.grid else z
        h = self.stem(z).view(z.shape[0], *self.top).contiguous(memory_format=torch.channels_last)
        h = self.stages[-1](h)
        for i in reversed(range(len(self.ups))):
            h = self.stages[i](upsample(self.ups[i](h), self.sizes[i]))
        raw = self.last(act(h))
        return F.pixel_shuffle(raw, self.patch) if self.patch > 1 else raw

    def mean(self, raw: Tensor) -> Tensor:
        return in_range(raw, self.output)
