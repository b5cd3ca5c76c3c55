"""Compression: pictures as few bytes, near or exactly."""

from __future__ import annotations

from aegean.config import net
from aegean.data.info import DataInfo
from aegean.nets import IntegerPredictor
from aegean.objectives import Ramp, SquaredError, SymbolBits
from aegean.recipes.architecture import Network
from aegean.recipes.quantised import exact_pixels, pixel_turn, quantised_nets, takes_pixels, transform_nets
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
    images: int = 200_000,
) -> Run:
    """Lossy and lossless compression to files (`aegean compress`): as few bits as a squared error is worth.

    An autoencoder whose latent is a grid of `depth` numbers a place, each of `levels` levels (0 chooses both). Of
    pictures it begins as a cosine transform, which a network then bends. It minimises the bits that the numbers take,
    under an integer network that sees the neighbours of each, plus `quality` times the squared error: a larger quality
    gives larger files and better pictures. Beside it, unless `lossless=false`, a second integer network learns to
    choose tables for the exact pixels of 8-bit pictures, for `--lossless`.

    Papers: Balle et al. 2021 (nonlinear transform coding); Mentzer et al. 2023 (finite scalars); Minnen et al. 2018
    (rate and distortion, autoregressive context); Weinberger, Seroussi and Sapiro 2000 (prediction of pixels).
    """
    if network != "mlp" and data.is_image:
        nets = transform_nets(data, quality, width, depth, levels)
    else:
        nets = quantised_nets(data, "finite", network, width, depth or 12, levels=levels or 17)
        grid = nets["bottleneck"].build().grid
        nets["symbols"] = net(IntegerPredictor, channels=grid[0], levels=levels or 17, reach=1, hidden=(24,))
    ends = ("E", "bottleneck")
    terms = (SymbolBits(trains=(*ends, "symbols")), SquaredError(trains=(*ends, "G"), weight=quality))
    # The rate falls to a hundredth, and no averages are kept: tables belong to the weights that they were counted with.
    rate = Ramp(lr, lr / 100, cosine=True)
    turns = [Turn("AE", terms, lr=rate, beta1=0.9, beta2=0.999, observes=("bottleneck", "symbols"))]
    if lossless and takes_pixels(data):
        nets["pixels"] = exact_pixels(data)
        turns.append(pixel_turn())
    return Run(nets, (Phase("codec", images, tuple(turns)),), batch)


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
    that inputs are relative to); Salimans et al. 2017 (logistics of pixels).
    """
    nets = {"pixels": exact_pixels(data, width or 32)}
    return Run(nets, (Phase("pixels", images, (pixel_turn(lr),)),), batch)
