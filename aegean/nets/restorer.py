"""The networks of restoration and translation that an autoencoder lacks: a decoder that sees all levels of the encoder,
what stands in holes, and the windows that training looks through. All take pictures of any size."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from aegean.config import network
from aegean.nets.blocks import DEEPEST, Residual, act, he_, linear, shuffle, upsample
from aegean.nets.conv import stages


@network
class UDecoder(nn.Module):
    """The levels of a `ConvEncoder` of the same widths, blocks and patch -> a picture (B, C, H, W).

    The right half of a U (Ronneberger et al. 2015, figure 1), with sums for the skips and residual blocks (Zhang et al.
    2021, DRUNet). At first nearly 0 comes out: it is added to what the encoder saw.

    shape: of a picture, (C, H, W), of which C counts
    skips: whether it sees all levels, or the topmost alone
    """

    def __init__(
        self, shape: Sequence[int], widths: Sequence[int], blocks: int = 1, patch: int = 1, skips: bool = True
    ):
        super().__init__()
        assert len(widths) > 1, "a U has two levels at least"
        axes, self.patch, self.blocks, self.skips = len(shape) - 1, patch, blocks, skips
        self.stages = stages(widths[:-1], blocks, axes)
        self.ups = nn.ModuleList(he_(linear(axes, b, a)) for a, b in zip(widths, widths[1:]))
        self.last = he_(linear(axes, widths[0], shape[0] * patch**axes, 3), 0.1)

    @property
    def stride(self) -> int:
        """Pixels a place of the topmost level: what sides of pictures must be multiples of."""
        return int(self.patch * 2 ** len(self.ups))

    @property
    def radius(self) -> int:
        """Pixels around one that it can depend on, encoder included, in whole strides."""
        strides = [self.patch * 2**level for level in range(len(self.ups) + 1)]
        stages = 2 * self.blocks * (2 * sum(strides) - strides[-1])  # the topmost level has one, the others have two
        resampling = sum(2 * below + above for below, above in zip(strides, strides[1:]))
        return math.ceil((2 * strides[0] + stages + resampling + strides[-1]) / self.stride) * self.stride

    def forward(self, levels: Sequence[Tensor]) -> Tensor:
        h = levels[-1]
        for i in reversed(range(len(self.ups))):
            h = upsample(self.ups[i](h), [2 * size for size in h.shape[2:]])
            h = self.stages[i](h + levels[i] if self.skips else h)
        return shuffle(self.last(act(h)), self.patch)


@network
class Residuals(nn.Sequential):
    """Residual blocks (B, width, H, W) -> the same shape: a part that several encoders or decoders share."""

    def __init__(self, width: int, blocks: int = 1):
        assert 0 < blocks <= DEEPEST
        super().__init__(*(Residual(width, blocks) for _ in range(blocks)))

    @property
    def blocks(self) -> Sequence[nn.Module]:
        return list(self)


@network
class MaskToken(nn.Module):
    """x (B, C, H, W), to which learned numbers are added where it is not known (B, 1, H, W), 0, with signs as on a
    chessboard: a smooth filling has no such pattern, so an encoder sees what it may trust without a channel more (after
    Xie et al. 2022, SimMIM, section 3.2)."""

    def __init__(self, channels: int):
        super().__init__()
        self.value = nn.Parameter(torch.ones(channels))

    def forward(self, x: Tensor, known: Tensor) -> Tensor:
        row, column = (torch.arange(size, device=x.device) for size in x.shape[2:])
        sign = 1 - 2 * ((row[:, None] + column) % 2)
        return torch.where(known > 0, x, x + (self.value[:, None, None] * sign).to(x.dtype))


@network
class SmoothFill(nn.Module):
    """x (B, C, H, W) where it is known (B, 1, H, W), 1, and elsewhere the mean of what is known within `reach` pixels,
    the nearest by far the heaviest (Shepard 1968, with sums of Gaussians as weights)."""

    reach = 24
    gaussians = ((1.0, 1.5), (1e-2, 4.0), (1e-4, 9.0))  # weights, standard deviations in pixels

    def __init__(self) -> None:  # nn.Module's own takes anything
        super().__init__()

    def forward(self, x: Tensor, known: Tensor) -> Tensor:
        with torch.autocast(x.device.type, enabled=False):
            both, found = torch.cat((x * known, known), 1).float(), x.new_zeros(()).float()
            for weight, sigma in self.gaussians:
                rows, columns = (self._near(size, sigma, x.device) for size in x.shape[2:])
                found = found + weight * (rows @ both @ columns)
            filled = found[:, :-1] / (found[:, -1:] + 1e-6)
        return torch.where(known > 0, x, filled.to(x.dtype))

    def _near(self, size: int, sigma: float, device: torch.device) -> Tensor:
        place = torch.arange(size, device=device, dtype=torch.float32)
        apart = place[:, None] - place
        return torch.exp(-0.5 * (apart / sigma).square()) * (apart.abs() <= self.reach)


@network
class Window(nn.Module):
    """Pictures (B, C, H, W) and uniform numbers (B, 4) -> a window of each, (B, C, *size).

    size: its height and width
    flips: "none", "sides" (left and right), or "all" eight ways of laying a square
    """

    draws = 4

    def __init__(self, size: Sequence[int], flips: str = "sides"):
        super().__init__()
        assert flips in ("none", "sides", "all"), f"flips {flips!r}"
        self.size, self.flips = tuple(size), flips

    def forward(self, x: Tensor, u: Tensor) -> Tensor:
        rows, columns = (
            self._places(have, want, u[:, i]) for i, (have, want) in enumerate(zip(x.shape[2:], self.size))
        )
        if self.flips != "none":
            columns = torch.where((u[:, 2] < 0.5)[:, None], columns.flip(1), columns)
        if self.flips == "all":
            rows = torch.where(((4 * u[:, 2]) % 1 < 0.5)[:, None], rows.flip(1), rows)
        batch, channel = (torch.arange(n, device=x.device) for n in x.shape[:2])
        x = x[batch[:, None, None, None], channel[:, None, None], rows[:, None, :, None], columns[:, None, None, :]]
        if self.flips == "all" and self.size[0] == self.size[1]:
            x = torch.where((u[:, 3] < 0.5)[:, None, None, None], x.mT, x)
        return x

    @staticmethod
    def _places(have: int, want: int, u: Tensor) -> Tensor:
        """Places (B, want) of one axis."""
        start = (u * (have - want + 1)).floor().long().clamp(0, have - want)
        return start[:, None] + torch.arange(want, device=u.device)
