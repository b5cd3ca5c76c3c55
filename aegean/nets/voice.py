"""A voice for mel spectra: convolutions along time, and a vocoder that makes a waveform of them."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from aegean.config import network
from aegean.nets.blocks import act, he_, in_range, linear
from aegean.nets.sound import PARTS, Vocoder, stages

NOISE = 16  # numbers a frame


@network
class Voice(nn.Module):
    """Mel spectra (B, 1, bands, frames) -> sounds (B, 1, length) in [-1, 1].

    Beside a spectrum it sees fixed noise, the same for every sound: of what has no pitch the phases are noise, and a
    smooth spectrum alone would become a buzz at the frames' rate.

    length: samples of a clip
    frames: of its spectra, at least as many as it takes
    bands: of a spectrum
    hop: samples that a frame stands for
    width: channels of the residual blocks
    blocks: how many there are
    """

    noise: Tensor

    def __init__(self, length: int, frames: int, bands: int, hop: int, width: int, blocks: int = 2):
        super().__init__()
        assert 0 < length <= frames * hop and bands > 0 and hop > 0
        self.length, self.frames, self.hop = length, frames, hop
        noise = torch.randn(1, NOISE, frames, generator=torch.Generator().manual_seed(0))
        self.register_buffer("noise", noise, persistent=False)
        self.stem = he_(linear(1, bands + NOISE, width, 3))
        self.stages, self.vocoder = stages(width, blocks), Vocoder(hop, width, math.gcd(PARTS, hop))

    def forward(self, look: Tensor) -> Tensor:
        seen = torch.cat((look[:, 0], self.noise.to(look.dtype).expand(len(look), -1, -1)), 1)
        x = self.vocoder(act(self.stages(self.stem(seen))))
        return in_range(x[..., : self.length], "linear")
