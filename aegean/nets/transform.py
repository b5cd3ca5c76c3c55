"""Analysis and synthesis of compression: a linear transform of blocks of pixels, and what a residual network adds.

Both begin as the discrete cosine transform that JPEG is built on, so that the first step of training already codes
pictures fairly; training then bends it (Balle et al. 2021, section III: learned nonlinear transform coding).
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from aegean.config import network
from aegean.nets.blocks import DEEPEST, Residual, he_, in_range


def grid_of(shape: Sequence[int], patch: int) -> tuple[int, int]:
    """Blocks of patch x patch pixels down and across a picture (C, H, W), the last ones padded."""
    return -(-shape[1] // patch), -(-shape[2] // patch)


def cosines(channels: int, patch: int) -> Tensor:
    """The orthonormal cosine transform (DCT-II, Ahmed et al. 1974) of blocks of pixels, over channels, rows and
    columns: (channels * patch * patch,) twice, a basis vector a row, laid out like `pixel_unshuffle`: the blocks' means
    first, brightness and then differences of colours, then from low to high frequencies, those of colours later: about
    from large to small in pictures."""

    def basis(n: int) -> Tensor:
        k, i = torch.arange(n)[:, None], torch.arange(n)
        rows = torch.cos(math.pi * (i + 0.5) * k / n) * math.sqrt(2 / n)
        rows[0] /= math.sqrt(2)
        return rows

    with torch.device("cpu"):  # for an outline, too: on the meta device these operations load torch's compiler
        whole = torch.einsum("ai,bj,ck->abcijk", basis(channels), basis(patch), basis(patch))
        colour, down, across = torch.meshgrid(torch.arange(channels), *[torch.arange(patch)] * 2, indexing="ij")
        rank = torch.where(down + across > 0, channels + (down + across) * (1 + colour), colour)
        return whole.flatten(3).flatten(0, 2)[rank.flatten().argsort(stable=True)]


class _Branch(nn.Sequential):
    """What a residual network adds: 3x3 convolutions on the grid of blocks, nothing at first. Its end has no bias:
    an idle coefficient that drifted would come to rest between two symbols, and cost a bit for nothing."""

    def __init__(self, inputs: int, outputs: int, width: int, blocks: int):
        super().__init__(
            he_(nn.Conv2d(inputs, width, 3, padding=1)),
            *(Residual(width, blocks) for _ in range(blocks)),
            nn.LeakyReLU(0.2),
            he_(nn.Conv2d(width, outputs, 3, padding=1, bias=False), 0.0),
        )


@network
class Analysis(nn.Module):
    """Pictures (B, C, H, W) -> one level (B, depth, H / patch, W / patch).

    shape: of a picture, (C, H, W)
    depth: coefficients of a block that are kept, at most C * patch^2
    patch: pixels of a block each way
    width: channels of the network that bends the transform
    blocks: residual blocks of it
    gain: factor of the coefficients
    """

    def __init__(self, shape: Sequence[int], depth: int, patch: int, width: int, blocks: int = 2, gain: float = 1.0):
        super().__init__()
        size = shape[0] * patch * patch
        assert 0 < depth <= size and blocks <= DEEPEST
        self.shape, self.patch, self.gain = tuple(shape), patch, gain
        self.levels = [(depth, *grid_of(shape, patch))]
        self.linear = he_(nn.Conv2d(size, depth, 1, bias=False))
        with torch.no_grad():
            self.linear.weight.copy_(cosines(shape[0], patch)[:depth, :, None, None])
        self.branch = _Branch(size, depth, width, blocks)

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        _, down, across = self.levels[0]
        height, width = self.shape[1:]
        if (height, width) != (down * self.patch, across * self.patch):
            x = F.pad(x, (0, across * self.patch - width, 0, down * self.patch - height), mode="replicate")
        x = F.pixel_unshuffle(x, self.patch).contiguous(memory_format=torch.channels_last)
        return (self.gain * (self.linear(x) + self.branch(x)),)


@network
class Synthesis(nn.Module):
    """The way back: latents (B, depth * H / patch * W / patch) -> pictures (B, C, H, W); the rest is as in Analysis."""

    classes = 0

    def __init__(self, shape: Sequence[int], depth: int, patch: int, width: int, blocks: int = 2, gain: float = 1.0):
        super().__init__()
        size = shape[0] * patch * patch
        assert 0 < depth <= size and blocks <= DEEPEST and gain > 0
        self.shape, self.patch, self.gain = tuple(shape), patch, gain
        self.grid = (depth, *grid_of(shape, patch))
        self.latent = math.prod(self.grid)
        self.linear = he_(nn.Conv2d(depth, size, 1))
        with torch.no_grad():
            self.linear.weight.copy_(cosines(shape[0], patch)[:depth].T[:, :, None, None])
        self.branch = _Branch(depth, size, width, blocks)

    def forward(self, z: Tensor, labels: Tensor | None = None) -> Tensor:
        h = z.unflatten(1, self.grid).contiguous(memory_format=torch.channels_last) / self.gain
        x = F.pixel_shuffle(self.linear(h) + self.branch(h), self.patch)
        return x[:, :, : self.shape[1], : self.shape[2]]

    def mean(self, raw: Tensor) -> Tensor:
        return in_range(raw, "linear")
