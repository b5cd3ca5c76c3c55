"""A decoder whose pictures carry a mark: what it draws is moved, by less than is seen, until its bits can be read."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import torch
import torch.nn.functional as F
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
        return x if x.is_meta else x + marking(x.detach(), self.carriers, self.average)


@torch.enable_grad()
def marking(x: Tensor, carriers: Tensor, average: Tensor) -> Tensor:
    """What is added to pictures x (B, C, H, W), within DECIBELS: found by descent on hinges of the readings, of the
    whole picture, of parts cut out of it, and after JPEG, whose rounding is taken as constant (straight through)."""
    added, speed = torch.zeros_like(x), torch.zeros_like(x)
    reach = math.sqrt(4 * 10 ** (-DECIBELS / 10) * x[0].numel())
    lost = torch.zeros_like(x)
    quality = torch.full((len(x),), float(QUALITY), device=x.device)
    for step in range(STEPS):
        if step % ANEW == 0:
            lost = jpeg((x + added).clamp(-1, 1), quality) - x - added
        moved = added.requires_grad_()
        y = x + moved
        hinges = (MARGIN - readings(y - average, carriers)).clamp_min(0).square().sum()
        after = (y + lost - average).flatten(1) @ carriers.flatten(1).T
        hinges = hinges + AFTER_JPEG * (MARGIN_JPEG - after).clamp_min(0).square().sum()
        (gradient,) = torch.autograd.grad(hinges / 2, moved)
        speed = MOMENTUM * speed - RATE * gradient
        added = (x + added.detach() + speed).clamp(-1, 1) - x
        norm = added.flatten(1).norm(dim=1).clamp_min(1e-12).view(-1, 1, 1, 1)
        added = added * (reach / norm).clamp(max=1)
    return added.detach()


def readings(y: Tensor, carriers: Tensor) -> Tensor:
    """Of each bit on the whole picture, and on each part that may be cut out: (B, BITS, 1 + PLACES^2)."""
    height, width = y.shape[2:]
    cut = (round(CUT * height), round(CUT * width))
    stride = tuple(max(1, (side - part) // (PLACES - 1)) for side, part in zip((height, width), cut))
    products = torch.einsum("bchw,kchw->bkhw", y, carriers)
    norms = F.avg_pool2d(carriers.square().sum(1), cut, stride).sqrt().flatten(1).clamp_min(1e-6)
    parts = F.avg_pool2d(products, cut, stride).flatten(2) * math.sqrt(cut[0] * cut[1]) / norms
    return torch.cat((products.sum((2, 3))[..., None], parts), 2)
