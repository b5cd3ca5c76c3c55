"""A discriminator of sounds: spectra at several resolutions, and samples at several periods."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from aegean.config import network
from aegean.nets.blocks import act, he_
from aegean.nets.discriminator import DiscriminatorOutput
from aegean.nets.spectra import OVERLAP, Spectrum, pressed, whole_blocks

FLOOR = 1e-3  # of a magnitude: gradients through quieter parts would outweigh all others
FACTORS = (1, 2, 4, 4)  # of the width, of the layers of a judge


class _Judge(nn.Module):
    """Maps (B, inputs, H, W) -> features of each layer, and a map of logits; each layer divides H by the stride."""

    def __init__(self, inputs: int, width: int, size: tuple[int, int], stride: int, bias: bool):
        super().__init__()
        widths = [inputs, *(width * factor for factor in FACTORS)]
        pad = (size[0] // 2, size[1] // 2)
        self.layers = nn.ModuleList(he_(nn.Conv2d(a, b, size, (stride, 1), pad)) for a, b in zip(widths, widths[1:]))
        self.head = he_(nn.Conv2d(widths[-1], 1, 1, bias=bias), 0.3)

    def forward(self, x: Tensor) -> tuple[Tensor, list[Tensor]]:
        features: list[Tensor] = []
        for layer in self.layers:
            x = layer(act(x) if features else x)
            features.append(x)
        return self.head(act(x)).flatten(1), features


def divided(size: int, stride: int) -> int:
    """What the layers of a judge make of a side."""
    for _ in FACTORS:
        size = -(-size // stride)
    return size


@network
class SoundDiscriminator(nn.Module):
    """Sounds (B, 1, L), and noise that it does not use -> logits for each place of several views, and their features.

    windows: samples of the windows of spectra, multiples of OVERLAP (Defossez et al. 2022, section 3.4)
    periods: samples that are laid side by side (Kong et al. 2020, section 2.3)
    width: channels of the first layers of spectra; of periods twice as many
    bias: of the last layers, which some losses would never train
    """

    shares = ""
    pack = 1
    classes = 0
    noise_shape = (0,)

    def __init__(self, windows: Sequence[int], periods: Sequence[int], width: int, bias: bool = True):
        super().__init__()
        assert 0 < len(windows) <= 16 and len(periods) <= 16 and min((*periods, 1)) > 0
        self.windows, self.periods = tuple(windows), tuple(periods)
        self.spectra = nn.ModuleList(Spectrum(window // OVERLAP) for window in windows)
        self.resolutions = nn.ModuleList(_Judge(3, width, (3, 3), 2, bias) for _ in windows)
        self.rhythms = nn.ModuleList(_Judge(1, 2 * width, (5, 1), 3, bias) for _ in periods)

    def places(self, length: int) -> int:
        """Logits of a sound of so many samples."""
        spectra = sum(-(-length // (w // OVERLAP)) * divided(w // 2 + 1, 2) for w in self.windows)
        return spectra + sum(p * divided(-(-length // p), 3) for p in self.periods)

    def forward(self, x: Tensor, noise: Tensor, labels: Tensor | None = None) -> DiscriminatorOutput:
        views = [
            torch.stack(pressed(real, imaginary, FLOOR), 1) for real, imaginary in (one(x) for one in self.spectra)
        ]
        views += [whole_blocks(x, period).unflatten(2, (-1, period)) for period in self.periods]
        judged = [judge(view) for judge, view in zip((*self.resolutions, *self.rhythms), views)]
        logits = tuple(found for found, _ in judged)
        return DiscriminatorOutput(logits, tuple(level for _, features in judged for level in features), x)
