"""Transforms of sounds (B, 1, L) of any length: spectra by fixed cosines and sines, and the way back from them.

Time is cut into blocks of `hop` samples. A frame of a spectrum sees OVERLAP of them under a Hann window, one of a
lapped transform two: a convolution along blocks, whose channels are the samples of a block. The way back is a linear
map of each frame, whose blocks are shifted and added. So all of it is convolutions, sums and pads: it can be recorded,
differentiated twice and exported.
"""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from aegean.nets.blocks import shuffle, unshuffle

OVERLAP = 4  # hops in a window
BEFORE = 1  # hops of a window before the block that a frame belongs to
FLOOR = 1e-5  # of a magnitude, 100 dB below a sine of full scale
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


class Lapped(nn.Module):
    """The modified discrete cosine transform (Princen et al. 1987): sounds (B, 1, blocks * hop) -> as many coefficients
    (B, hop, blocks), of two blocks each under a sine window; and back. The last block comes back with its own mirror
    image, since the frame behind it is missing."""

    kernel: Tensor
    back: Tensor

    def __init__(self, hop: int):
        super().__init__()
        assert 0 < hop <= LONGEST
        self.hop = hop
        n = np.arange(2 * hop)
        waves = np.cos(np.pi / hop * np.outer(np.arange(hop) + 0.5, n + 0.5 + hop / 2)) * np.sqrt(2 / hop)
        kernel = torch.from_numpy((waves * np.sin(np.pi * (n + 0.5) / (2 * hop))).astype(np.float32))
        self.register_buffer("kernel", kernel.unflatten(1, (2, hop)).mT.contiguous(), persistent=False)
        self.register_buffer("back", kernel.mT.contiguous()[..., None], persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        return F.conv1d(F.pad(unshuffle(x, self.hop), (1, 0)), self.kernel.to(x.dtype))

    def inverse(self, coefficients: Tensor) -> Tensor:
        earlier, own = F.conv1d(coefficients, self.back.to(coefficients.dtype)).chunk(2, 1)
        return shuffle(own + F.pad(earlier[..., 1:], (0, 1)), self.hop)


def pressed(real: Tensor, imaginary: Tensor, floor: float) -> tuple[Tensor, Tensor, Tensor]:
    """A spectrum as networks see it: the logarithm of its magnitudes, about in [-1, 1], and its parts with magnitudes
    to the power of 0.3; below the floor they are not told apart."""
    power = real.square() + imaginary.square() + floor**2
    factor = power**-0.35
    return power.log() / 8 + 1.5, real * factor, imaginary * factor


def whole_blocks(x: Tensor, hop: int) -> Tensor:
    """Sounds (B, 1, L) with silence behind, up to a multiple of `hop`."""
    return F.pad(x, (0, -x.shape[2] % hop))
