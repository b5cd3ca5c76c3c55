"""The kinds of data as networks see them: which bodies, of what size, and what makes sense. One row a kind.

Networks are named here, not imported, so that asking needs no torch.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import NamedTuple

from aegean.config import UserError
from aegean.data.info import DataInfo
from aegean.surface import option

Shape = Sequence[int]  # of a sample: (channels, height, width), (channels, length) or (columns,)


class Body(NamedTuple):
    """A family of networks: the names of its classes, which all take `shape` and `widths`."""

    encoder: str
    decoder: str
    ladder: str  # a decoder that draws at several levels
    widths: Callable[[Shape, int], list[int]]  # of the levels, from that of the first
    grid: bool  # levels are maps, each place of which sees a part of the sample: patches, codes and scales make sense


def halvings(shape: Shape, width: int) -> list[int]:
    """Twice as many channels a level, at most four times the first, until the shorter side is at most 4."""
    widths, side = [width], min(shape[1:])
    while side > 4:
        side = (side + 1) // 2
        widths.append(width * min(2 ** len(widths), 4))
    return widths


def patch_of(shape: Shape) -> int:
    """The smallest power of two that divides the sides and leaves at most 8 places along the shorter and 12 along the
    longer; the largest that divides them where there is none: the first level of a network costs most, and is as much
    cheaper."""
    patch, places = 1, list(shape[1:])
    while (min(places) > 8 or max(places) > 12) and all(side % 2 == 0 for side in places) and min(places) >= 8:
        patch, places = 2 * patch, [side // 2 for side in places]
    return patch


def dense(shape: Shape, width: int) -> list[int]:
    """Three layers of 8 times the width."""
    return [8 * width] * 3


BODIES = {
    "conv": Body("ConvEncoder", "ConvDecoder", "ConvLadder", halvings, grid=True),
    "causal": Body("TextEncoder", "TextDecoder", "", lambda shape, width: [width, 2 * width], grid=False),
    "mlp": Body("MLPEncoder", "MLPDecoder", "DenseLadder", dense, grid=False),
}


def eight_epochs(count: int) -> int:
    """At least 150,000 samples and at most 500,000: as long as an autoencoder learns fast (docs/log.md)."""
    return min(500_000, max(150_000, 8 * count))


class Kind(NamedTuple):
    """What networks make of a kind."""

    networks: tuple[str, ...]  # that may be chosen, by their names in BODIES; the first is the default
    width: Callable[[Shape], int]  # of a first level, where none is chosen
    latent: Callable[[Shape, int], int]  # dimensions of a latent, where none are chosen, for so many training samples
    augmentations: tuple[str, ...] = ()  # that a discriminator may see its samples through (nets.augment)
    likelihood: str = "gaussian"  # where the recipe leaves it open
    error: str = ""  # the one error of reconstructions that there is, whatever is chosen for other kinds
    wiring: str = "standard"  # of an autoencoder and what is built on it
    recipes: tuple[str, ...] = ()  # that make sense; empty: all
    variational: bool = True  # a VAE is the better teacher of a GAN; else a plain autoencoder
    cosines: bool = False  # a codec may begin as a cosine transform of blocks (nets.transform)
    spectra: bool = False  # a codec may take samples for spectra along time (nets.sound)
    damaged: bool = False  # how samples are damaged for a restorer is known (nets.damage)
    rate: float = 1e-3  # of Adam, at the start of an autoencoder, where none is chosen
    batch: Callable[[int], int] = lambda count: 64  # samples a step for so many training samples, where none is chosen
    images: Callable[[int], int] = eight_epochs  # seen in training with so many, where a recipe leaves it open
    patch: Callable[[Shape], int] = patch_of  # that convolutions begin with, where none is chosen
    exact: tuple[str, ...] = ()  # types of raw values that an integer network can code exactly (nets.integer)


def width_of_maps(shape: Shape) -> int:
    """32 to 16 places a side; 16 for larger ones, whose first level costs most."""
    return 32 if max(shape[1:]) <= 16 else 16


def latent_of_maps(shape: Shape, count: int) -> int:
    """16 of up to 1,024 values, 32 of up to 4,096 or of fewer than 1,024 samples, then 64: a mixture fills fewer
    dimensions better (docs/log.md)."""
    values = math.prod(shape)
    return 16 if values <= 1024 else 32 if values <= 4096 or 0 < count < 1024 else 64


def patch_of_sounds(shape: Shape) -> int:
    """The greatest power of two up to 16 that divides the length: 2 ms at 8 kHz."""
    return math.gcd(16, shape[1])


def width_of_sounds(shape: Shape) -> int:
    return 32


def latent_of_sounds(shape: Shape, count: int) -> int:
    """64: a clip of a second says more than a picture of as many values, whose neighbours are alike."""
    return 64


def width_of_texts(shape: Shape) -> int:
    return 96


def latent_of_texts(shape: Shape, count: int) -> int:
    """256: half as many lose words, and ways between texts are no smoother (docs/log.md)."""
    return 256


def width_of_columns(shape: Shape) -> int:
    return 32


def latent_of_columns(shape: Shape, count: int) -> int:
    """Half of the columns, from 2 to 16."""
    return min(16, max(2, shape[0] // 2))


def batch_of_maps(count: int) -> int:
    """64 samples; of few, so few that an epoch has 16 steps, but at least 16."""
    return min(64, max(16, 2 ** ((count // 16).bit_length() - 1)))


KINDS: dict[str, Kind] = {
    "image": Kind(
        ("conv", "mlp"),
        width_of_maps,
        latent_of_maps,
        augmentations=("translation", "cutout", "colour"),
        likelihood="bernoulli",  # a Gaussian's learned variance answers a larger beta (docs/interpretation.md)
        cosines=True,
        batch=batch_of_maps,
        damaged=True,
        exact=("uint8",),
    ),
    "table": Kind(
        ("mlp",),
        width_of_columns,
        latent_of_columns,
        variational=False,  # a VAE of few columns forgets most of them (docs/log.md)
    ),
    "audio": Kind(
        ("conv", "mlp"),
        width_of_sounds,
        latent_of_sounds,
        augmentations=("translation", "cutout"),
        spectra=True,
        batch=batch_of_maps,
        patch=patch_of_sounds,
    ),
    "text": Kind(
        ("causal",),
        width_of_texts,
        latent_of_texts,
        likelihood="tokens",
        error="tokens",
        wiring="text",
        recipes=("ae", "denoising_ae", "vae", "beta_vae", "aae", "arae", "latent_gan"),
        rate=3e-3,  # docs/log.md
        batch=batch_of_maps,
    ),
}


def kind_of(info: DataInfo) -> Kind:
    """The row of a data set's kind. UserError: there are no networks for it."""
    if info.kind not in KINDS:
        raise UserError(f"{info.name}: there are no networks for data of kind {info.kind!r}, only {', '.join(KINDS)}.")
    return KINDS[info.kind]


def body_of(info: DataInfo, network: str) -> Body:
    """The body that a `network` option names, or "auto" chooses. UserError: it does not fit this kind of data."""
    networks = kind_of(info).networks
    if network == "auto":
        return BODIES[networks[0]]
    if network not in networks:
        raise UserError(
            f"{option('network', network)} does not take data of kind {info.kind} ({info.name!r}): "
            f"choose {' or '.join(networks)}."
        )
    return BODIES[network]
