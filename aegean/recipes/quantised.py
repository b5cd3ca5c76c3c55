"""The networks of the recipes that compress: an autoencoder whose latent is a grid of symbols."""

from __future__ import annotations

import math
from typing import Any, Literal

from aegean.config import Net, UserError, net
from aegean.data.info import DataInfo
from aegean.latent.names import QUANTISED
from aegean.objectives import PixelBits, Ramp
from aegean.recipes.architecture import Network
from aegean.training.schedule import Turn

Quantiser = Literal["finite", "vector", "residual"]
STEP = 127.5  # of 8-bit pixels: the range that makes whole numbers of them


def quantised_nets(
    data: DataInfo, kind: Quantiser, network: Network, width: int, depth: int, **symbols: Any
) -> dict[str, Net]:
    """E, bottleneck and G. `width` of the first level, `depth` numbers at each place of the grid; 0 chooses."""
    within("depth", depth, 1, 64)
    within("levels", symbols["levels"], 2, 256 if kind == "finite" else 1 << 16)
    within("stages", symbols.get("stages", 1), 1, 64)
    if network == "conv" and not data.is_image:
        raise UserError(f"network=conv needs pictures; {data.name!r} has rows of {data.shape[0]} columns: use mlp.")
    if network == "mlp" or not data.is_image:
        body: dict[str, Any] = {"shape": data.shape, "widths": [8 * (width or 32)] * 3}
        E, G, more = "MLPEncoder", "MLPDecoder", {}
    else:
        patch, levels = floors(data.shape)
        widths = [(width or 48) * min(2**i, 2) for i in range(levels)]
        body = {"shape": data.shape, "widths": widths, "patch": patch}
        E, G, more = "ConvEncoder", "ConvDecoder", {"grid": True}
    encoder = net(E, **body)
    level = encoder.outline().levels[-1]
    latent = depth * (level[1] * level[2] if len(level) == 3 else 1)
    return {
        "E": encoder,
        "bottleneck": net(QUANTISED[kind], level=level, latent=latent, **symbols),
        "G": net(G, **body, latent=latent, **more),
    }


def transform_nets(data: DataInfo, quality: float, width: int, depth: int, levels: int) -> dict[str, Net]:
    """E, bottleneck, G and the symbols' tables for pictures: a transform of blocks of 4x4 pixels (2x2 below 16) and
    what a network of `width` (64) adds; `depth` coefficients of a block, in `levels` steps; 0 takes as many as say
    something at this quality (on CIFAR-10; docs/log.md), and as many steps as there are between black and white.

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
    body = {"shape": data.shape, "depth": depth, "patch": patch, "width": width or 64}
    gain = 2 / ((levels - 1) * step)
    encoder = net("Analysis", **body, gain=gain)
    grid = encoder.outline().levels[-1]
    return {
        "E": encoder,
        "bottleneck": net("FiniteScalar", level=grid, latent=math.prod(grid), levels=levels, project=False),
        "G": net("Synthesis", **body, gain=gain),
        "symbols": net(
            "IntegerPredictor",
            channels=depth,
            levels=levels,
            reach=1,
            hidden=(24,),
            means=min(depth, data.shape[0]),
            pace=16.0,
        ),
    }


def floors(shape: tuple[int, ...]) -> tuple[int, int]:
    """The pixels that are laid on top of each other first, and the levels after that: a place of the grid stands for
    2x2 pixels of pictures below 16 pixels, for 4x4 to 32, for 8x8 of larger ones."""
    side = min(shape[1:])
    patch = 2 if side >= 16 and shape[1] % 2 == shape[2] % 2 == 0 else 1
    halvings = 1 if side < 16 else 2 if side <= 32 else 3
    return patch, halvings + (1 if patch == 1 else 0)


def within(option: str, value: int, least: int, most: int) -> None:
    """UserError: an option is outside its bounds."""
    if not least <= value <= most:
        raise UserError(f"{option}={value}: expected {least} to {most:,}.")


def exact_pixels(data: DataInfo, width: int = 32) -> Net:
    """The integer network that chooses tables for a picture's own pixels, with two hidden layers. UserError: no 8-bit
    pictures, a width whose sums might not be exact."""
    within("width", width, 1, 512)
    if not data.is_image or data.dtype != "uint8":
        what = f"{data.dtype} pictures" if data.is_image else "rows"
        raise UserError(f"Lossless compression takes pictures of 8 bits; {data.name!r} has {what}.")
    (offset,), (scale,) = data.offset, data.scale
    return net(
        "IntegerPredictor", channels=data.shape[0], levels=256, hidden=(width, width), offset=offset, scale=scale
    )


def takes_pixels(data: DataInfo) -> bool:
    """Whether data are pictures whose pixels `exact_pixels` is made for."""
    return data.is_image and data.dtype == "uint8"


def pixel_turn(lr: float = 4e-3) -> Turn:
    """The network for exact pixels: by the bits that it takes; its rate falls to a hundredth, and with it what the
    tables lag behind."""
    term = PixelBits(trains=("pixels",))
    rate = Ramp(lr, lr / 100, cosine=True)
    return Turn("pixels", (term,), lr=rate, beta1=0.9, beta2=0.999, observes=("pixels",))
