"""Networks of sounds (B, 1, L) of any length: spectra by fixed cosines and sines, and the way back from them.

Time is cut into blocks of `hop` samples, and a frame sees OVERLAP of them under a Hann window: a convolution along
blocks, whose channels are the samples of a block. The way back is a linear map of each frame, whose blocks are shifted
and added. So all of it is convolutions, sums and pads: it can be recorded, differentiated twice and exported.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from aegean.config import network
from aegean.nets.blocks import DEEPEST, Residual, act, he_, in_range, linear, shuffle, unshuffle
from aegean.nets.mel import mel_bank

OVERLAP = 4  # hops in a window
BEFORE = 1  # hops of a window before the block that a frame belongs to
FLOOR = 1e-5  # of a magnitude, 100 dB below a sine of full scale
LEVEL = 0.15  # root mean square of the loud parts of an even sound
LOUDEST = 6e4  # 95.5 dB
LONGEST = 1 << 14  # samples of a hop


def basis(hop: int) -> tuple[np.ndarray, np.ndarray]:
    """A Hann window of N = OVERLAP * hop samples, (N,), and the Fourier transform of real frames under it, (N + 2, N):
    rows of the real parts, then of the imaginary ones, in which a sine of full scale has magnitude 1."""
    size = OVERLAP * hop
    window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(size) / size)
    angle = 2 * np.pi * np.outer(np.arange(size // 2 + 1), np.arange(size)) / size
    return window, np.concatenate((np.cos(angle), -np.sin(angle))) * window * (4 / size)


def inverse(hop: int) -> np.ndarray:
    """From real and imaginary parts back to frames under the window once more, (N, N + 2)."""
    window, forward = basis(hop)
    size = len(window)
    weight = np.full(size // 2 + 1, 2.0)
    weight[[0, -1]] = 1
    bare = forward / np.where(window > 0, window, 1)  # a sample that the window hides is hidden here, too
    return (bare * np.tile(weight, 2)[:, None] * (size / 16)).T * window[:, None]


class Spectrum(nn.Module):
    """Sounds (B, 1, blocks * hop) -> real and imaginary parts (B, OVERLAP * hop / 2 + 1, blocks)."""

    kernel: Tensor

    def __init__(self, hop: int):
        super().__init__()
        assert 0 < hop <= LONGEST
        self.hop = hop
        kernel = basis(hop)[1].reshape(-1, OVERLAP, hop).swapaxes(1, 2).astype(np.float32)
        self.register_buffer("kernel", torch.from_numpy(np.ascontiguousarray(kernel)), persistent=False)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        blocks = F.pad(unshuffle(whole_blocks(x, self.hop), self.hop), (BEFORE, OVERLAP - 1 - BEFORE))
        real, imaginary = F.conv1d(blocks, self.kernel.to(x.dtype)).chunk(2, 1)
        return real, imaginary


class Overlap(nn.Module):
    """The inverse of `Spectrum`: real and imaginary parts (B, OVERLAP * hop / 2 + 1, blocks) -> (B, 1, blocks * hop).
    What no spectrum of a sound could be becomes the sound of the nearest one (Griffin and Lim 1984, eq. 6)."""

    kernel: Tensor
    square: Tensor

    def __init__(self, hop: int):
        super().__init__()
        assert 0 < hop <= LONGEST
        self.hop = hop
        window, _ = basis(hop)
        self.register_buffer("kernel", torch.from_numpy(inverse(hop)[..., None].astype(np.float32)), persistent=False)
        self.register_buffer("square", torch.from_numpy(window**2)[:, None].float(), persistent=False)

    def forward(self, real: Tensor, imaginary: Tensor) -> Tensor:
        frames = F.conv1d(torch.cat((real, imaginary), 1), self.kernel.to(real.dtype))
        weight = self.square.to(real.dtype).expand(1, -1, frames.shape[2])
        return shuffle(self._fold(frames) / self._fold(weight).clamp(min=1e-3), self.hop)

    def _fold(self, frames: Tensor) -> Tensor:
        """Frames (B, OVERLAP * hop, blocks), each laid where it belongs, added up: (B, hop, blocks)."""
        blocks = frames.shape[2]
        whole = [F.pad(part, (n, OVERLAP - 1 - n)) for n, part in enumerate(frames.chunk(OVERLAP, 1))]
        return sum(whole[1:], whole[0])[..., BEFORE : BEFORE + blocks]


def pressed(real: Tensor, imaginary: Tensor, floor: float) -> tuple[Tensor, Tensor, Tensor]:
    """A spectrum as networks see it: the logarithm of its magnitudes, about in [-1, 1], and its parts with magnitudes
    to the power of 0.3; below the floor they are not told apart."""
    power = real.square() + imaginary.square() + floor**2
    factor = power**-0.35
    return power.log() / 8 + 1.5, real * factor, imaginary * factor


def whole_blocks(x: Tensor, hop: int) -> Tensor:
    """Sounds (B, 1, L) with silence behind, up to a multiple of `hop`."""
    return F.pad(x, (0, -x.shape[2] % hop))


def stages(width: int, blocks: int) -> nn.Sequential:
    assert 0 < blocks <= DEEPEST
    return nn.Sequential(*(Residual(width, blocks, axes=1) for _ in range(blocks)))


def reach(blocks: int) -> int:
    """Hops around a block on which what a network makes of it can depend, at most."""
    return 2 * blocks + 1 + OVERLAP


@network
class SoundEncoder(nn.Module):
    """Sounds (B, 1, L) of any length -> one level (B, depth, ceil(L / hop)).

    length: samples of a clip, for which `levels` is said
    hop: samples of a block, of which the latent has a place each
    depth: numbers at a place
    width: channels of the residual blocks
    blocks: how many there are
    """

    def __init__(self, length: int, hop: int, depth: int, width: int, blocks: int = 4):
        super().__init__()
        assert length > 0
        self.hop, self.radius, self.levels = hop, reach(blocks), [(depth, -(-length // hop))]
        self.spectrum = Spectrum(hop)
        self.stem = he_(linear(1, 3 * (OVERLAP * hop // 2 + 1), width, 3))
        self.stages = stages(width, blocks)
        self.last = he_(linear(1, width, depth), 0.5)

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        real, imaginary = self.spectrum(x)
        h = self.stem(torch.cat(pressed(real, imaginary, FLOOR), 1))
        return (self.last(act(self.stages(h))),)


@network
class SoundDecoder(nn.Module):
    """Latents (B, depth * blocks), of any number of blocks -> sounds (B, 1, blocks * hop) by magnitudes and phases of
    their spectrum (Siuzdak 2023). Arguments as in the encoder; `latent` is that of a clip."""

    classes = 0

    def __init__(self, length: int, hop: int, depth: int, width: int, blocks: int = 4):
        super().__init__()
        assert length > 0
        self.length, self.hop, self.depth, self.radius = length, hop, depth, reach(blocks)
        self.latent = depth * -(-length // hop)
        bins = OVERLAP * hop // 2 + 1
        self.stem = he_(linear(1, depth, width, 3))
        self.stages = stages(width, blocks)
        self.magnitude, self.phase = he_(linear(1, width, bins), 0.3), he_(linear(1, width, bins))
        with torch.no_grad():
            self.magnitude.bias.fill_(-6.0)
        self.overlap = Overlap(hop)

    def forward(self, z: Tensor, labels: Tensor | None = None) -> Tensor:
        h = act(self.stages(self.stem(z.unflatten(1, (self.depth, -1)))))
        size, angle = self.magnitude(h).clamp(max=1.0).exp(), self.phase(h)
        return self.overlap(size * angle.cos(), size * angle.sin())

    def mean(self, raw: Tensor) -> Tensor:
        return in_range(raw, "linear")


@network
class Loudness(nn.Module):
    """Sounds (B, 1, L) -> the gains (B, 1, 1) that make them equally loud, within full scale.

    hop: samples whose mean power counts as one; a mean over them is weighted by the power itself, so that pauses do not
        count
    """

    def __init__(self, hop: int):
        super().__init__()
        assert 0 < hop <= LONGEST
        self.hop = hop

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
