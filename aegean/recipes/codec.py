"""Compression: pictures as few bytes, near or exactly."""

from __future__ import annotations

from collections.abc import Mapping

from aegean.config import Net, UserError, net
from aegean.data.info import DataInfo
from aegean.objectives import Ramp, SquaredError, SymbolBits
from aegean.recipes.architecture import Network
from aegean.recipes.compressor import compressor, edges, ends
from aegean.recipes.quantised import exact_pixels, pixel_turn, takes_pixels, transform_nets
from aegean.recipes.registry import recipe
from aegean.training.schedule import Phase, Run, Turn


@recipe
def codec(
    data: DataInfo,
    *,
    quality: float = 100.0,
    levels: int = 0,
    depth: int = 0,
    lossless: bool = True,
    network: Network = "auto",
    width: int = 0,
    lr: float = 2e-4,
    batch: int = 32,
    images: int = 150_000,
    inherited: Mapping[str, Net] | None = None,
) -> Run:
    """Lossy and lossless compression to files (`aegean compress`): as few bits as a squared error is worth.

    An autoencoder whose latent is a grid of `depth` numbers a place, each of `levels` levels (0 chooses both). Of
    pictures it begins as a cosine transform, which a network then bends. It minimises the bits that the numbers take,
    under an integer network that sees the neighbours of each, plus `quality` times the squared error: a larger quality
    gives larger files and better pictures. Beside it, unless `lossless=false`, a second integer network learns to
    choose tables for the exact pixels of 8-bit pictures, for `--lossless`. With `--from RUN` it goes on from a trained
    autoencoder (`--from FOLDER`: one of diffusers), or from the pixel network of `lossless`.

    Papers: Balle et al. 2021 (nonlinear transform coding); Mentzer et al. 2023 (finite scalars); Minnen et al. 2018
    (rate and distortion, autoregressive context); Weinberger, Seroussi and Sapiro 2000 (prediction of pixels).
    Expected: CIFAR-10, 60,000 images, 1,000 test pictures in one file: `quality=10` 76.5 bytes a picture at 25.4 dB,
    `quality=90` 209 at 32.0 dB (WebP 154 and 368, JPEG 415 and 679).
    """
    if set(inherited or {}) <= {"pixels"} and network != "mlp" and data.is_image:
        nets = transform_nets(data, quality, width, depth, levels)
    else:
        nets = compressor(data, "finite", network, width, depth or 12, inherited, levels=levels or 17)
        bottleneck = nets["bottleneck"].outline()
        seen = {"channels": bottleneck.grid[0], "levels": bottleneck.levels}
        nets.setdefault("symbols", net("IntegerPredictor", **seen, reach=1, hidden=(24,)))
    if nets["symbols"].kind != "IntegerPredictor":
        raise UserError("--from: the source counts symbols without their neighbours; start from codec, or from ae.")
    if inherited and "pixels" in inherited:
        nets["pixels"] = inherited["pixels"]
    first = ends(nets)
    terms = (SymbolBits(trains=(*first, "symbols")), SquaredError(trains=(*first, "G"), weight=quality))
    # The rate falls to a hundredth, and no averages are kept: tables belong to the weights that they were counted with.
    rate = Ramp(lr, lr / 100, cosine=True)
    turns = [Turn("AE", terms, lr=rate, beta1=0.9, beta2=0.999, observes=("bottleneck", "symbols"))]
    if lossless and takes_pixels(data):
        nets.setdefault("pixels", exact_pixels(data))
        turns.append(pixel_turn())
    return Run(nets, (Phase("codec", images, tuple(turns), edges(nets, inherited)),), batch)


@recipe
def lossless(
    data: DataInfo,
    *,
    width: int = 0,
    lr: float = 4e-3,
    batch: int = 32,
    images: int = 200_000,
) -> Run:
    """Lossless compression alone, for archives: an integer network that chooses tables for pixels.

    For every value a small dense network, `width` units (32) in each of two hidden layers, sees its neighbours and the
    channels before it. Weights, activations and sums are whole numbers: files decode to the same pixels everywhere.

    Papers: van den Oord et al. 2016 (pixels one after another); Weinberger, Seroussi and Sapiro 2000 (the prediction
    that inputs are relative to); Salimans et al. 2017 (logistics of pixels). Expected: digits, 40,000 images, the 397
    test pictures in one file: 35.4 bytes a picture of 64, which have 17 grey values each (lossless WebP 77, on a mosaic
    of all 24.6); CIFAR-10, 400,000 images: 1,406 (WebP 1,809, on mosaics 1,690).
    """
    nets = {"pixels": exact_pixels(data, width or 32)}
    return Run(nets, (Phase("pixels", images, (pixel_turn(lr),)),), batch)
