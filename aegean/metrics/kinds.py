"""What is measured of each kind of data, and in which features: one row a kind."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Literal, NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from torch import Generator, Tensor, nn

from aegean.data.info import DataInfo
from aegean.data.kinds import row_of
from aegean.formulas import pictures, texture

WIDTH = 64  # features of a sample that every trunk gives
Augmentation = Callable[[Tensor, Generator], Tensor]  # model values (n, *shape), randomness -> the same shape


class Quality(NamedTuple):
    """How near reconstructions are to their originals."""

    formula: Callable[[np.ndarray, np.ndarray], float]  # originals, reconstructions (n, *shape) in model range
    perfect: float  # what an exact copy reaches
    better: Literal["higher", "lower"]


class Texture(NamedTuple):
    """Whether samples have the texture of held-out data, asked of their values; all are (n, *shape) in model range."""

    beside: Callable[[np.ndarray], Callable[[np.ndarray], dict[str, float]]]  # held-out data -> samples -> scores by
    # metric and place: "swd@16x16"
    blurred: Callable[[np.ndarray], np.ndarray]  # real data, which must score badly then, or else the metric is blind


class Kind(NamedTuple):
    """What the protocol knows of a kind."""

    trunk: Callable[[DataInfo], nn.Module]  # of a feature network: samples (n, *shape) -> (n, WIDTH)
    augment: Augmentation  # lightly, while the classifier is trained
    view: Augmentation | None  # heavily, for a self-supervised network; None: model values are the features
    quality: Callable[[DataInfo], dict[str, Quality]]  # of reconstructions, by the metric's name
    texture: Texture | None = None


MSE = Quality(pictures.mean_squared_error, 0.0, "lower")
PSNR = Quality(pictures.psnr, pictures.PSNR_CAP, "higher")
SSIM = Quality(pictures.ssim, 1.0, "higher")


def picture_trunk(info: DataInfo) -> nn.Sequential:
    """Convolutions and a mean over positions. The first brings the shorter side to 16 pixels or fewer, so the cost is
    bounded."""
    stride = 2 ** max(0, math.ceil(math.log2(min(info.shape[1:]) / 16)))
    return nn.Sequential(
        convolution(info.shape[0], 32, 2 * stride + 1, stride),
        convolution(32, 64, 3, 2),
        convolution(64, 64, 3, 1),
        convolution(64, WIDTH, 3, 2),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
    )


def convolution(into: int, out: int, size: int, stride: int) -> nn.Sequential:
    conv = nn.Conv2d(into, out, size, stride, padding=size // 2, bias=False)
    return nn.Sequential(conv, nn.BatchNorm2d(out), nn.ReLU())


def table_trunk(info: DataInfo) -> nn.Sequential:
    return nn.Sequential(nn.Linear(info.shape[0], 128), nn.ReLU(), nn.Linear(128, WIDTH), nn.ReLU())


def shifted(x: Tensor, g: Generator) -> Tensor:
    """Pictures shifted and scaled by a tenth."""
    return placed(x, g, zoom=0.1, shift=0.1)


def view(x: Tensor, g: Generator) -> Tensor:
    """A random view of pictures (n, c, h, w): placed, brightness, contrast, a hole, noise. Never mirrored."""
    n, _, height, width = x.shape
    x = placed(x, g, zoom=0.3, shift=0.3)
    contrast = 1 + 0.4 * _uniform(g, n, 1, 1, 1)
    x = x * contrast + 0.3 * _uniform(g, n, 1, 1, 1)
    rows = (torch.linspace(-1, 1, height) - _uniform(g, n, 1)).abs() < 0.35
    columns = (torch.linspace(-1, 1, width) - _uniform(g, n, 1)).abs() < 0.35
    x = x.masked_fill((rows[:, :, None] & columns[:, None, :])[:, None], 0.0)
    return x + 0.1 * torch.randn(x.shape, generator=g)


def placed(x: Tensor, g: Generator, zoom: float, shift: float) -> Tensor:
    """Pictures scaled by exp(+-zoom) and moved by +-shift of half their side; the border is repeated."""
    n = len(x)
    theta = torch.zeros(n, 2, 3)
    theta[:, 0, 0] = theta[:, 1, 1] = (zoom * _uniform(g, n)).exp()
    theta[:, :, 2] = shift * _uniform(g, n, 2)
    grid = F.affine_grid(theta, list(x.shape), align_corners=False)
    return F.grid_sample(x, grid, padding_mode="border", align_corners=False)


def _uniform(g: Generator, *shape: int) -> Tensor:
    """Uniform in [-1, 1]."""
    return 2 * torch.rand(shape, generator=g) - 1


def picture_quality(info: DataInfo) -> dict[str, Quality]:
    """SSIM where its window fits."""
    return {"mse": MSE, "psnr": PSNR} | ({"ssim": SSIM} if min(info.shape[1:]) >= 3 else {})


def image_texture(real: np.ndarray) -> Callable[[np.ndarray], dict[str, float]]:
    """The top octave of the spectrum, and the patches of each level of a Laplacian pyramid."""
    real = texture.some(real)
    octave, patches, sides = texture.top_octave(real), texture.patches_of(real), texture.pyramid_sides(*real.shape[2:])

    def scores(fake: np.ndarray) -> dict[str, float]:
        fake = texture.some(fake)
        distances = texture.sliced_distances(patches, fake)
        found = {f"swd@{h}x{w}": distance for (h, w), distance in zip(sides, distances)}
        return {"octave@test": texture.octave_ratio(octave, texture.top_octave(fake)), **found}

    return scores


KINDS: dict[str, Kind] = {
    "image": Kind(picture_trunk, shifted, view, picture_quality, Texture(image_texture, texture.blurred)),
    "table": Kind(table_trunk, lambda x, g: x, None, lambda info: {"mse": MSE}),
}


def kind_of(info: DataInfo) -> Kind:
    """What the protocol knows of a data set's kind. UserError: nothing."""
    return row_of(KINDS, info)
