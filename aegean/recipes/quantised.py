"""The networks of the recipes that compress: an autoencoder whose latent is a grid of symbols."""

from __future__ import annotations

import math
from typing import Any, Literal

from aegean.config import Net, UserError, net
from aegean.data.info import DataInfo
from aegean.latent.names import QUANTISED
from aegean.nets.kinds import Shape, body_of, kind_of
from aegean.objectives import PixelBits, Ramp
from aegean.recipes.groups import Build
from aegean.surface import option
from aegean.training.schedule import Turn

Quantiser = Literal["finite", "vector", "residual"]


def quantised_nets(data: DataInfo, build: Build, kind: Quantiser, depth: int, **symbols: Any) -> dict[str, Net]:
    """E, bottleneck and G.

    kind: of the quantiser
    depth: numbers at each place of the grid, 1 to 64
    symbols: `levels`, steps of each number or codes of a codebook; `stages` of a residual quantiser
    """
    within("depth", depth, 1, 64)
    within("levels", symbols["levels"], 2, 256 if kind == "finite" else 1 << 16)
    within("stages", symbols.get("stages", 1), 1, 64)
    family = body_of(data, build.network)
    if family.grid:
        patch, levels = grid_of_codes(data.shape)
        widths = [(build.width or 48) * min(2**i, 2) for i in range(levels)]
        sizes: dict[str, Any] = {"shape": data.shape, "widths": widths, "patch": patch}
    else:
        sizes = {"shape": data.shape, "widths": family.widths(data.shape, build.width or 32)}
    E = net(family.encoder, **sizes)
    level = E.outline().levels[-1]
    latent = depth * math.prod(level[1:])
    grid = {"grid": True} if family.grid else {}
    return {
        "E": E,
        "bottleneck": net(QUANTISED[kind], level=level, latent=latent, **symbols),
        "G": net(family.decoder, **sizes, latent=latent, **grid),
    }


def transform_nets(data: DataInfo, build: Build, quality: float, depth: int, levels: int) -> dict[str, Net]:
    """E, bottleneck, G and the symbols' tables for pictures: a cosine transform of blocks of 4x4 pixels (2x2 below 16
    pixels a side), which a network of `width` (64) bends.

    quality: weight of the squared error beside the bits
    depth: coefficients of a block; 0: as many as say something at this quality (on CIFAR-10; docs/log.md)
    levels: steps of a coefficient; 0: as many as there are between black and white

    At a high rate a step of s costs s^2 / 12 of squared error and log2(1 / s) bits more than a step of 1 (Gish and
    Pierce 1968), so quality = 6 / (s^2 ln 2) is the step that the networks begin with.
    """
    patch = 4 if min(data.shape[1:]) >= 16 else 2
    size = data.shape[0] * patch * patch
    step = math.sqrt(6 / (quality * math.log(2)))
    levels = levels or min(max(2 * math.ceil(math.sqrt(size) / step) + 1, 7), 255)
    depth = depth or min(max(round(size * (1 + math.log2(max(quality, 1))) / 10), data.shape[0]), size, 64)
    within("depth", depth, 1, min(size, 256))
    within("levels", levels, 3, 255)
    gain = 2 / ((levels - 1) * step)
    sizes = {"shape": data.shape, "depth": depth, "patch": patch, "width": build.width or 64, "gain": gain}
    E, means = net("Analysis", **sizes), min(depth, data.shape[0])
    grid = E.outline().levels[-1]
    symbols = {"channels": depth, "levels": levels, "reach": 1, "hidden": (24,), "means": means, "pace": 16.0}
    return {
        "E": E,
        "bottleneck": net("FiniteScalar", level=grid, latent=math.prod(grid), levels=levels, project=False),
        "G": net("Synthesis", **sizes),
        "symbols": net("IntegerPredictor", **symbols),
    }


def grid_of_codes(shape: Shape) -> tuple[int, int]:
    """The patch that is laid on top of itself first, and the levels after that: a place of the grid stands for 2
    places of the sample each way below 16 a side, for 4 to 32, for 8 of larger ones."""
    side = min(shape[1:])
    patch = 2 if side >= 16 and all(size % 2 == 0 for size in shape[1:]) else 1
    halvings = 1 if side < 16 else 2 if side <= 32 else 3
    return patch, halvings + (1 if patch == 1 else 0)


def within(name: str, value: int, least: int, most: int) -> None:
    """UserError: an option is outside its bounds."""
    if not least <= value <= most:
        raise UserError(f"{option(name, value)}: expected {least} to {most:,}.")


def exact_pixels(data: DataInfo, width: int = 32) -> Net:
    """The integer network that chooses tables for the raw values of samples, with two hidden layers of `width` units.
    UserError: values that it cannot code exactly, a width whose sums might not be exact."""
    within("width", width, 1, 512)
    if not takes_pixels(data):
        raise UserError(
            f"Lossless compression takes pictures of 8 bits; {data.name!r} has {data.dtype} values of kind {data.kind}."
        )
    (offset,), (scale,) = data.offset, data.scale
    sizes = {"channels": data.shape[0], "levels": 256, "hidden": (width, width)}
    return net("IntegerPredictor", **sizes, offset=offset, scale=scale)


def takes_pixels(data: DataInfo) -> bool:
    """Whether `exact_pixels` is made for these data."""
    return data.dtype in kind_of(data).exact


def pixel_turn(lr: float = 4e-3) -> Turn:
    """The network for exact pixels: by the bits that it takes; its rate falls to a hundredth, and with it what the
    tables lag behind."""
    term = PixelBits(trains=("pixels",))
    rate = Ramp(lr, lr / 100, cosine=True)
    return Turn("pixels", (term,), lr=rate, beta1=0.9, beta2=0.999, observes=("pixels",))
