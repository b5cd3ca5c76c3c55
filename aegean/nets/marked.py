"""A decoder whose pictures carry a mark: what it draws is moved, by less than is seen, until its bits can be read."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from aegean.config import Net, network
from aegean.nets.jpeg import jpeg

BITS = 32
MARGIN = 0.3  # of a bit's reading, on each place that may be cut out,
MARGIN_JPEG = 0.24  # and after JPEG of this quality,
QUALITY = 50
AFTER_JPEG = 20.0  # the weight of that
DECIBELS = 35.3  # PSNR to the picture without a mark
CUT = 0.75  # of height and width: what may be cut out
PLACES = 5  # along each axis, where it may be cut
STEPS, RATE, MOMENTUM, ANEW = 60, 0.05, 0.8, 6


@network
class MarkedDecoder(nn.Module):
    """A decoder, after whose `mean` each picture (B, C, H, W) is moved so that its readings have the signs of the bits.

    decoder: the one without a mark
    shape: of a picture
    classes: of the decoder

    `carriers` (BITS, C, H, W) are those of the key, each with the sign of its bit: they are the secret, so whoever
    holds the model can read the mark and take it off. `average` is that of unmarked pictures.
    """

    carriers: Tensor
    average: Tensor

    def __init__(self, decoder: Net, shape: Sequence[int], classes: int = 0):
        super().__init__()
        self.decoder: Any = decoder.build()
        self.latent, self.classes = self.decoder.latent, classes
        self.register_buffer("carriers", torch.zeros(BITS, *shape))
        self.register_buffer("average", torch.zeros(*shape))

    def forward(self, z: Tensor, labels: Tensor | None = None) -> Tensor:
        return self.decoder(z, labels)  # type: ignore[no-any-return]

    def log_variance(self) -> Tensor:
        return self.decoder.log_variance()  # type: ignore[no-any-return]

    def mean(self, raw: Tensor) -> Tensor:
        x = self.decoder.mean(raw)
        return x if x.is_meta else x + marking(x.detach(), self.carriers, self.average).detach()


def marking(x: Tensor, carriers: Tensor, average: Tensor) -> Tensor:
    """What is added to pictures x (B, C, H, W), within DECIBELS: found by descent on hinges of the readings, of the
    whole picture, of parts cut out of it, and after JPEG, whose rounding is taken as constant (straight through)."""
    whole, every = carriers.flatten(1), views(carriers)
    given, added = (x - average).flatten(1), torch.zeros_like(x)
    speed, lost = torch.zeros_like(given), torch.zeros_like(given)
    reach = math.sqrt(4 * 10 ** (-DECIBELS / 10) * x[0].numel())
    quality = torch.full((len(x),), float(QUALITY), device=x.device)
    for step in range(STEPS):
        if step % ANEW == 0:
            lost = (jpeg((x + added).clamp(-1, 1), quality) - x - added).flatten(1)
        moved = given + added.flatten(1)
        short = (MARGIN - moved @ every.T).clamp_min(0)
        short_jpeg = (MARGIN_JPEG - (moved + lost) @ whole.T).clamp_min(0)
        speed = MOMENTUM * speed + RATE * (short @ every + AFTER_JPEG * short_jpeg @ whole)
        added = (x + added + speed.view_as(x)).clamp(-1, 1) - x
        norm = added.flatten(1).norm(dim=1).clamp_min(1e-12).view(-1, 1, 1, 1)
        added = added * (reach / norm).clamp(max=1)
    return added


def views(carriers: Tensor) -> Tensor:
    """Carriers (BITS, C, H, W) on the whole picture, and on each part that may be cut out, there with the norm 1: a row
    for each, (BITS * (1 + PLACES^2), C * H * W)."""
    height, width = carriers.shape[2:]
    found = [carriers]
    for top, left in itertools.product(_starts(height), _starts(width)):
        part = torch.zeros_like(carriers)
        inside = (..., slice(top, top + round(CUT * height)), slice(left, left + round(CUT * width)))
        part[inside] = carriers[inside]
        found.append(part / part.flatten(1).norm(dim=1).clamp_min(1e-6).view(-1, 1, 1, 1))
    return torch.cat(found).flatten(1)


def _starts(side: int) -> list[int]:
    free = side - round(CUT * side)
    return [round(n * free / (PLACES - 1)) for n in range(PLACES)]
