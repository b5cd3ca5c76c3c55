"""What JPEG does to pictures, as tensor operations: a step that damages its pictures stays one program."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor

LUMINANCE = (
    *(16, 11, 10, 16, 24, 40, 51, 61, 12, 12, 14, 19, 26, 58, 60, 55, 14, 13, 16, 24, 40, 57, 69, 56),
    *(14, 17, 22, 29, 51, 87, 80, 62, 18, 22, 37, 56, 68, 109, 103, 77, 24, 35, 55, 64, 81, 104, 113, 92),
    *(49, 64, 78, 87, 103, 121, 120, 101, 72, 92, 95, 98, 112, 100, 103, 99),
)  # ITU-T T.81, table K.1
CHROMINANCE = (
    *(17, 18, 24, 47, 99, 99, 99, 99, 18, 21, 26, 66, 99, 99, 99, 99, 24, 26, 56, 99, 99, 99, 99, 99),
    *(47, 66, 99, 99, 99, 99, 99, 99, *[99] * 32),
)  # table K.2
TO_YCBCR = ((0.299, 0.587, 0.114), (-0.168736, -0.331264, 0.5), (0.5, -0.418688, -0.081312))  # JFIF 1.02


def jpeg(x: Tensor, quality: Tensor) -> Tensor:
    """Pictures (B, C, H, W) in [-1, 1] as a JPEG file of a quality (B,) from 1 to 100 gives them back; colours with
    4:2:0 chroma, other numbers of channels one by one."""
    _, channels, height, width = x.shape
    values = ((x + 1) * 127.5).round().clamp(0, 255)
    values = F.pad(values, (0, -width % 16, 0, -height % 16), mode="replicate")
    if channels == 3:
        matrix = torch.tensor(TO_YCBCR, device=x.device, dtype=values.dtype)
        centre = torch.tensor([[0.0], [128.0], [128.0]], device=x.device, dtype=values.dtype)[..., None]
        planes = (torch.einsum("ij,bjhw->bihw", matrix, values) + centre).round()
        light = blocks(planes[:, :1], LUMINANCE, quality)
        colours = blocks(F.avg_pool2d(planes[:, 1:], 2).round(), CHROMINANCE, quality)
        colours = F.interpolate(colours, scale_factor=2.0, mode="bilinear", align_corners=False)
        values = torch.einsum("ij,bjhw->bihw", torch.linalg.inv(matrix), torch.cat((light, colours), 1) - centre)
    else:
        values = blocks(values, LUMINANCE, quality)
    return values[..., :height, :width].round().clamp(0, 255) / 127.5 - 1


def blocks(planes: Tensor, table: tuple[int, ...], quality: Tensor) -> Tensor:
    """Planes (B, C, H, W) from 0 to 255, sides divisible by 8, with their cosine coefficients quantised; rounded."""
    k, i = torch.arange(8, device=planes.device)[:, None], torch.arange(8, device=planes.device)
    basis = torch.cos(math.pi * (i + 0.5) * k / 8) / 2
    basis = torch.where(k == 0, 8**-0.5, basis).to(planes.dtype)
    steps = steps_of(table, quality)[:, None, None, None]
    tiles = (planes - 128).unflatten(3, (-1, 8)).unflatten(2, (-1, 8)).transpose(3, 4)  # (B, C, rows, columns, 8, 8)
    tiles = basis.mT @ ((basis @ tiles @ basis.mT / steps).round() * steps) @ basis
    return (tiles.transpose(3, 4).flatten(4, 5).flatten(2, 3) + 128).round().clamp(0, 255)


def steps_of(table: tuple[int, ...], quality: Tensor) -> Tensor:
    """Quantisation steps (B, 8, 8) of a quality (B,), scaled as libjpeg does it."""
    base = torch.tensor(table, device=quality.device, dtype=torch.float32).view(8, 8)
    scale = torch.where(quality < 50, (5000 / quality).floor(), 200 - 2 * quality)
    return ((base * scale[:, None, None] + 50) / 100).floor().clamp(1, 255)
