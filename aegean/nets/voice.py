"""A generator of sounds: frames by convolutions along time, and a vocoder that makes a waveform of them."""

from __future__ import annotations

import math
from collections.abc import Sequence

from torch import Tensor, nn

from aegean.config import network
from aegean.nets.blocks import act, in_range
from aegean.nets.conv import ConvDecoder
from aegean.nets.sound import PARTS, Vocoder, stages


@network
class Voice(nn.Module):
    """Latents (B, latent) -> sounds (B, 1, length).

    length: samples of a clip
    hop: samples that a frame stands for
    latent: dimensions of a latent
    widths: channels of each level of the convolutions that draw the frames, counted from them upwards
    width: channels of frames and of the residual blocks between them and the vocoder
    blocks: how many of these there are
    """

    classes = 0

    def __init__(self, length: int, hop: int, latent: int, widths: Sequence[int], width: int, blocks: int = 2):
        super().__init__()
        assert length > 0 and hop > 0
        self.length, self.latent = length, latent
        self.frames = ConvDecoder([width, -(-length // hop)], latent, widths)
        self.stages, self.vocoder = stages(width, blocks), Vocoder(hop, width, math.gcd(PARTS, hop))
        del self.frames.log_variance

    def forward(self, z: Tensor, labels: Tensor | None = None) -> Tensor:
        return self.vocoder(act(self.stages(self.frames(z))))[..., : self.length]  # type: ignore[no-any-return]

    def mean(self, raw: Tensor) -> Tensor:
        return in_range(raw, "linear")
