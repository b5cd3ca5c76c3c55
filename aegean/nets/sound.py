"""Networks of sounds (B, 1, L) of any length: a codec of lapped transforms, loudness, what an ear tells apart."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from aegean.config import network
from aegean.nets.blocks import DEEPEST, Residual, act, he_, in_range, linear, unshuffle
from aegean.nets.mel import mel_bank
from aegean.nets.spectra import FLOOR, LONGEST, OVERLAP, Lapped, Overlap, Spectrum, pressed, whole_blocks

LEVEL = 0.15  # root mean square of the loud parts of an even sound
LOUDEST = 6e4  # 95.5 dB
BAND = 4  # coefficients of a band
PARTS = 2  # frames of a spectrum in a hop
SEEN = 8.0  # numbers of a grid, as the decoder sees them: those near 0 are the most


def grid(hop: int) -> tuple[int, int]:
    """Numbers of a band, and bands, of a place: a band has one number of its own and its coefficients."""
    band = math.gcd(BAND, hop)
    return 1 + band, hop // band


def stages(width: int, blocks: int) -> nn.Sequential:
    assert 0 < blocks <= DEEPEST
    return nn.Sequential(*(Residual(width, blocks, axes=1) for _ in range(blocks)))


def reach(blocks: int) -> int:
    """Hops around a block on which what a network makes of it can depend, at most."""
    return 2 * blocks + 1 + OVERLAP


@network
class SoundEncoder(nn.Module):
    """Sounds (B, 1, L) of any length -> one level (B, 1 + BAND, bands, ceil(L / hop)): of each band a number that the
    network chooses, such as how loud it is where coefficients are rounded to 0, and the coefficients of a lapped
    transform, times factors that the network may change. At first a step of rounding is `step`.

    length: samples of a clip, for which `levels` is said
    hop: samples of a block, of which the grid has a place each
    width: channels of the residual blocks
    blocks: how many there are
    most: the coefficient that becomes 1
    """

    def __init__(self, length: int, hop: int, width: int, blocks: int, most: float):
        super().__init__()
        assert length > 0 and most > 0
        numbers, bands = grid(hop)
        self.hop, self.radius, self.levels = hop, reach(blocks), [(numbers, bands, -(-length // hop))]
        self.parts = math.gcd(PARTS, hop)
        self.spectrum, self.lapped = Spectrum(hop // self.parts), Lapped(hop)
        self.stem = he_(linear(1, 3 * (OVERLAP * hop // 2 + self.parts) + hop, width, 3))
        self.stages = stages(width, blocks)
        self.band, self.change = he_(linear(1, width, bands), 0.2), he_(linear(1, width, hop), 0.01)
        self.scale = nn.Parameter(torch.full((hop, 1), 1 / most))

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        x = whole_blocks(x, self.hop)
        real, imaginary = self.spectrum(x)
        parts = torch.cat(pressed(real, imaginary, FLOOR), 1).unflatten(2, (-1, self.parts)).transpose(2, 3)
        exact = self.lapped(x)
        quiet = exact * (exact.square() + 1e-6) ** -0.35
        h = act(self.stages(self.stem(torch.cat((parts.flatten(1, 2), quiet), 1))))
        coefficients = exact * self.scale * (1 + self.change(h))
        numbers, bands = self.levels[0][:2]
        by_band = coefficients.unflatten(1, (bands, numbers - 1))
        return (torch.cat((self.band(h)[:, :, None], by_band), 2).transpose(1, 2).contiguous(),)


class Vocoder(nn.Module):
    """Frames (B, depth, blocks), of any number of blocks -> sounds (B, 1, blocks * hop) by magnitudes and phases of
    `parts` spectra a block (Siuzdak 2023)."""

    def __init__(self, hop: int, depth: int, parts: int):
        super().__init__()
        self.parts, self.bins = parts, OVERLAP * hop // parts // 2 + 1
        self.magnitude, self.phase = (he_(linear(1, depth, self.bins * parts), gain) for gain in (0.3, 1.0))
        with torch.no_grad():
            self.magnitude.bias.fill_(-6.0)
        self.overlap = Overlap(hop // parts)

    def forward(self, h: Tensor) -> Tensor:
        size, angle = self._fine(self.magnitude(h).clamp(max=1.0).exp()), self._fine(self.phase(h))
        return self.overlap(size * angle.cos(), size * angle.sin())  # type: ignore[no-any-return]

    def _fine(self, values: Tensor) -> Tensor:
        """(B, bins * parts, blocks) -> (B, bins, blocks * parts)."""
        return values.unflatten(1, (self.bins, self.parts)).transpose(2, 3).flatten(2)


@network
class SoundDecoder(nn.Module):
    """Grids (B, (1 + BAND) * bands * places), of any number of places -> sounds (B, 1, places * hop): the lapped
    transform back, of coefficients times factors that the network may change, and to it what a vocoder makes of all
    numbers where the transform has holes. Arguments as in the encoder; `latent` is that of a clip."""

    classes = 0

    def __init__(self, length: int, hop: int, width: int, blocks: int, most: float):
        super().__init__()
        assert length > 0 and most > 0
        self.length, self.hop, self.radius, self.grid = length, hop, reach(blocks), grid(hop)
        self.latent = math.prod(self.grid) * -(-length // hop)
        self.stem = he_(linear(1, math.prod(self.grid), width, 3))
        self.stages = stages(width, blocks)
        self.change = he_(linear(1, width, hop), 0.01)
        self.scale = nn.Parameter(torch.full((hop, 1), most))
        self.lapped, self.vocoder = Lapped(hop), Vocoder(hop, width, math.gcd(PARTS, hop))

    def forward(self, z: Tensor, labels: Tensor | None = None) -> Tensor:
        z = z.unflatten(1, (*self.grid, -1))
        h = act(self.stages(self.stem(SEEN * z.flatten(1, 2))))
        coefficients = z[:, 1:].transpose(1, 2).flatten(1, 2) * self.scale * (1 + self.change(h))
        return self.lapped.inverse(coefficients) + self.vocoder(h)  # type: ignore[no-any-return]

    def mean(self, raw: Tensor) -> Tensor:
        return in_range(raw, "linear")


@network
class Loudness(nn.Module):
    """Sounds (B, 1, L) -> the gains (B, 1, 1) that make them equally loud, within full scale.

    hop: samples whose mean power counts as one; a mean over them is weighted by the power itself, so that pauses do not
        count
    spread: decibels by which sounds are made quieter in training at random, at most: what is quieter is rounded more
        coarsely, so one model learns several rates
    """

    def __init__(self, hop: int, spread: float = 0.0):
        super().__init__()
        assert 0 < hop <= LONGEST and 0 <= spread <= 60
        self.hop, self.spread = hop, spread

    def forward(self, x: Tensor) -> Tensor:
        power = unshuffle(whole_blocks(x, self.hop), self.hop).square().mean(1, keepdim=True)
        first, second, most = power.sum(2, keepdim=True), power.square().sum(2, keepdim=True), x.abs().amax(2, True)
        gain = loudness(first.clamp(min=1e-12), second.clamp(min=1e-24), most.clamp(min=1e-6))
        return gain.clamp(max=LOUDEST)


def loudness(first: Any, second: Any, most: Any) -> Any:
    """The gain of a sound from the sums of its hops' powers and of their squares, and its greatest value: numbers,
    arrays or tensors."""
    even, within = LEVEL * (first / second) ** 0.5, 1 / most
    return even * (even < within) + within * (even >= within)


@network
class LogMel(nn.Module):
    """Sounds (B, 1, L) -> log10 of magnitudes in mel bands, (B, bands, frames) for each window and each floor: what an
    ear would tell apart.

    rate: samples a second
    windows: samples of each, multiples of OVERLAP
    bands: of each window
    floors: added to magnitudes; with a low one all parts weigh the same, with a high one loud parts weigh more
    """

    def __init__(self, rate: int, windows: Sequence[int], bands: Sequence[int], floors: Sequence[float] = (FLOOR,)):
        super().__init__()
        assert len(windows) == len(bands) <= 16 and 0 < len(floors) <= 16 and min(floors) > 0
        self.spectra = nn.ModuleList(Spectrum(window // OVERLAP) for window in windows)
        self.floors = tuple(floors)
        for number, (window, count) in enumerate(zip(windows, bands)):
            bank = torch.from_numpy(mel_bank(window, rate, count).T[..., None].astype(np.float32))
            self.register_buffer(f"bank{number}", bank, persistent=False)

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        out = []
        for number, spectrum in enumerate(self.spectra):
            real, imaginary = spectrum(x)
            size = (real.square() + imaginary.square() + FLOOR**2).sqrt()
            bands = F.conv1d(size, getattr(self, f"bank{number}").to(size.dtype))
            out += [(bands + floor).log10() for floor in self.floors]
        return tuple(out)
