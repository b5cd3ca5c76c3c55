"""Where the content of a picture lies and how large it is, brought from one set of pictures to another."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn

from aegean.config import network
from aegean.nets.resample import weights

PLAIN = 0.6  # share of the border's pixels that have its own colour, from which content stands out
NEAR = 0.1  # in model values: the same colour
MOST = 3.0  # times as large, or small


class Placement(NamedTuple):
    """A place q along an axis, from -1 to 1, shows what was at scale q + shift: (B, 2) each, of rows and columns."""

    scale: Tensor
    shift: Tensor

    def back(self) -> Placement:
        return Placement(1 / self.scale, -self.shift / self.scale)

    def __call__(self, x: Tensor) -> Tensor:
        """Pictures (B, C, H, W) so moved; beyond their border they have its colour."""
        rows, columns = (self._matrix(size, axis).to(x.dtype) for axis, size in enumerate(x.shape[2:]))
        behind = ground(x).to(x.dtype)
        return behind + rows[:, None] @ (x - behind) @ columns[:, None].mT

    def _matrix(self, size: int, axis: int) -> Tensor:
        """(B, size, size)"""
        scale, shift = self.scale[:, axis], self.shift[:, axis]
        places = torch.arange(size, device=scale.device, dtype=torch.float32)
        wanted = scale[:, None] * ((2 * places + 1) / size - 1) + shift[:, None]
        inside = (wanted.abs() < 1)[:, :, None]
        return weights(places, (wanted.clamp(-1, 1) + 1) * size / 2 - 0.5, scale.clamp(min=1.0)) * inside


@network
class Placing(nn.Module):
    """Pictures of one side (B, C, H, W) -> how they are moved and scaled to lie as those of the other side do.

    A picture's frame is the centre and the spread, along each axis, of what differs from the colour of its border. It
    goes to the frame that is as usual, or unusual, on the other side: as many standard deviations from the mean. Until
    it is fitted nothing moves, nor for pictures whose borders have no colour of their own, such as photographs.
    """

    mean: Tensor
    spread: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(2, 4))  # of the frames of each side,
        self.register_buffer("spread", torch.ones(2, 4))  # and their standard deviation

    @property
    def moves(self) -> bool:
        return bool((self.mean != 0).any())

    def fit(self, a: Tensor, b: Tensor) -> None:
        """Fit to pictures (n, C, H, W) of both sides."""
        self.mean.zero_()
        self.spread.fill_(1.0)
        if min(plain(a), plain(b)) < PLAIN:
            return
        for side, x in enumerate((a, b)):
            frames = frame(x[(x - ground(x)).abs().amax((1, 2, 3)) > NEAR])  # blank ones lie nowhere
            if len(frames) > 1:
                self.mean[side], self.spread[side] = frames.mean(0), frames.std(0).clamp(min=1e-3)

    def forward(self, x: Tensor, back: bool = False) -> Placement:
        """back: pictures of the second side, to lie as those of the first"""
        source, target = (1, 0) if back else (0, 1)
        here = frame(x)
        there = (here - self.mean[source]) / self.spread[source] * self.spread[target] + self.mean[target]
        scale = (here[:, 2:] - there[:, 2:]).exp().clamp(1 / MOST, MOST)
        return Placement(scale, here[:, :2] - scale * there[:, :2])


def frame(x: Tensor) -> Tensor:
    """Of each picture (B, C, H, W) the centre of its content, and the logarithm of its spread: (B, 4), rows first."""
    ink = (x.float() - ground(x)).abs().sum(1)
    ink = ink / ink.sum((1, 2), keepdim=True).clamp(min=1e-6)
    found = []
    for axis, size in ((2, x.shape[2]), (1, x.shape[3])):
        place = (2 * torch.arange(size, device=x.device) + 1) / size - 1
        along = ink.sum(axis)
        centre = (along * place).sum(1)
        spread = (along * (place - centre[:, None]).square()).sum(1)
        found.append((centre, spread.clamp(min=1 / size**2).log() / 2))
    return torch.stack([*(centre for centre, _ in found), *(spread for _, spread in found)], 1)


def ground(x: Tensor) -> Tensor:
    """The colour of the border of pictures (B, C, H, W): (B, C, 1, 1)."""
    colours = border(x).sort(2).values  # its median, in operations that other runtimes have
    return colours[:, :, (colours.shape[2] - 1) // 2, None, None]


def border(x: Tensor) -> Tensor:
    """(B, C, places)"""
    sides = (x[:, :, 0], x[:, :, -1], x[:, :, :, 0], x[:, :, :, -1])
    return torch.cat(sides, 2).float()


def plain(x: Tensor) -> float:
    """The share of the border's pixels that have its colour, the mean over pictures."""
    return float(((border(x) - ground(x)[..., 0]).abs() < NEAR).all(1).float().mean())
