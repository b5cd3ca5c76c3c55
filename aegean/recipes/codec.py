"""Compression: pictures as few bytes, near or exactly."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from aegean.config import Net, UserError, net
from aegean.data.info import DataInfo
from aegean.nets.kinds import body_of, kind_of
from aegean.objectives import Ramp, SquaredError, SymbolBits
from aegean.recipes.compressor import compressor, edges, ends
from aegean.recipes.groups import ABSENT, SIZELESS, Budget, Build
from aegean.recipes.quantised import exact_pixels, pixel_turn, takes_pixels, transform_nets
from aegean.recipes.registry import recipe
from aegean.surface import option
from aegean.training.schedule import Phase, Run, Turn


@recipe
def codec(
    data: DataInfo,
    *,
    quality: float = 100.0,
    levels: int = 0,
    depth: int = 0,
    lossless: bool = True,
    build: Build = SIZELESS,
    budget: Budget = Budget(lr=2e-4, batch=32, images=150_000),
    inherited: Mapping[str, Net] | None = None,
) -> Run:
    """Lossy and lossless compression to files (`aegean compress`): as few bits as a squared error is worth.

    An autoencoder whose latent is a grid of whole numbers. On pictures it begins as a cosine transform, which a network
    then adapts. It minimises the bits that the numbers take, under an integer network that sees the neighbours of each,
    plus the squared error. Beside it a second integer network learns to choose tables for the exact pixels of 8-bit
    pictures. With `--from RUN` it starts from a trained autoencoder (`--from FOLDER`: one of diffusers), or from the
    pixel network of `lossless`.

    Papers: Balle et al. 2021 (nonlinear transform coding); Mentzer et al. 2023 (finite scalars); Minnen et al. 2018
    (rate and distortion, autoregressive context); Weinberger, Seroussi and Sapiro 2000 (prediction of pixels).
    Expected: CIFAR-10, 60,000 images, 1,000 test pictures in one file: `quality=10` 76.5 bytes a picture at 25.4 dB,
    `quality=90` 209 at 32.0 dB (WebP 154 and 368, JPEG 415 and 679).

    quality: weight of the squared error beside the bits; a larger one gives larger files and better pictures
    levels: values that each latent dimension is rounded to; 0 chooses by the quality
    depth: latent dimensions at each place of the grid; 0 chooses by the quality
    lossless: whether a second network for exact pixels is trained, for lossless compression
    """
    kind, family = kind_of(data), body_of(data, build.network)
    if set(inherited or {}) <= {"pixels"} and kind.cosines and family.grid:
        if not quality:
            raise UserError(f"{option('quality', quality)}: expected a number above 0.")
        nets = transform_nets(data, build, quality, depth, levels)
    else:
        nets = compressor(data, build, "finite", depth or 12, inherited, levels=levels or 17)
        bottleneck = nets["bottleneck"].outline()
        seen = {"channels": bottleneck.grid[0], "levels": bottleneck.levels}
        nets.setdefault("symbols", net("IntegerPredictor", **seen, reach=1, hidden=(24,)))
    if nets["symbols"].kind != "IntegerPredictor":
        raise UserError(
            f"{option('source')}: the model counts symbols without their neighbours; start from codec or from ae."
        )
    if inherited and "pixels" in inherited:
        nets["pixels"] = inherited["pixels"]
    first = ends(nets)
    terms = (SymbolBits(trains=(*first, "symbols")), SquaredError(trains=(*first, "G"), weight=quality))
    # The rate falls to a hundredth, and no averages are kept: tables belong to the weights that they were counted with.
    rate = Ramp(budget.lr, budget.lr / 100, cosine=True)
    turns = [Turn("AE", terms, lr=rate, beta1=0.9, beta2=0.999, observes=("bottleneck", "symbols"))]
    if lossless and takes_pixels(data):
        nets.setdefault("pixels", exact_pixels(data))
        turns.append(pixel_turn())
    return Run(nets, (Phase("codec", budget.images, tuple(turns), edges(nets, inherited)),), budget.batch)


@recipe
def lossless(
    data: DataInfo,
    *,
    build: Build = replace(SIZELESS, network=ABSENT),
    budget: Budget = Budget(lr=4e-3, batch=32, images=200_000),
) -> Run:
    """Lossless compression alone, for archives: an integer network that chooses tables for pixels.

    For every value a small dense network sees its neighbours and the channels before it. Weights, activations and sums
    are whole numbers: files decode to the same pixels everywhere.

    Papers: van den Oord et al. 2016 (pixels one after another); Weinberger, Seroussi and Sapiro 2000 (the prediction
    that inputs are relative to); Salimans et al. 2017 (logistics of pixels). Expected: digits, 40,000 images, the 397
    test pictures in one file: 35.4 bytes a picture of 64, which have 17 grey values each (lossless WebP 77, on a mosaic
    of all 24.6); CIFAR-10, 400,000 images: 1,406 (WebP 1,809, on mosaics 1,690).

    width: units of each of two hidden layers, 1 to 512; 0: 32
    """
    nets = {"pixels": exact_pixels(data, build.width or 32)}
    return Run(nets, (Phase("pixels", budget.images, (pixel_turn(budget.lr),)),), budget.batch)
