"""The networks of the recipes, built for the shape of the data: convolutional for pictures, dense for rows."""

from __future__ import annotations

import math
from typing import Any, Literal

from aegean.config import Net, UserError, net
from aegean.data.info import DataInfo
from aegean.latent.names import BOTTLENECKS, PRIORS

Network = Literal["auto", "conv", "mlp"]
Augmentation = Literal["translation", "cutout", "colour"]
Loss = Literal["relativistic", "non-saturating", "minimax", "hinge", "least-squares", "wasserstein"]


def class_count(data: DataInfo, conditional: bool) -> int:
    """Classes of a conditional model, 0 without."""
    if conditional and not data.classes:
        raise UserError(
            f"conditional=true needs labels, and {data.name!r} has none; use sub-folders, a key y or a column label."
        )
    return len(data.classes) if conditional else 0


def latent_size(data: DataInfo, latent: int) -> int:
    """0 chooses: 16 for pictures to 16 pixels, 32 to 32, then 64; for rows half the columns, from 2 to 16."""
    if latent:
        return latent
    if not data.is_image:
        return min(16, max(2, data.shape[0] // 2))
    side = max(data.shape[1:])
    return 16 if side <= 16 else 32 if side <= 32 else 64


def body_of(data: DataInfo, network: Network, width: int) -> tuple[bool, dict[str, Any]]:
    """Convolutional or not, and the widths: twice as many channels a level, at most four times the first, until
    the shorter side is at most 4; dense: three layers of 8 times the width. Width 0 chooses: 32 for rows and for
    pictures to 16 pixels, 16 for larger ones, whose first level costs most."""
    width = width or (16 if data.is_image and max(data.shape[1:]) > 16 else 32)
    if network == "conv" and not data.is_image:
        raise UserError(f"network=conv needs pictures; {data.name!r} has rows of {data.shape[0]} columns: use mlp.")
    if network == "mlp" or not data.is_image:
        return False, {"shape": list(data.shape), "widths": [8 * width] * 3}
    levels, side = 1, min(data.shape[1:])
    while side > 4:
        levels, side = levels + 1, (side + 1) // 2
    return True, {"shape": list(data.shape), "widths": [width * min(2**i, 4) for i in range(levels)]}


def encoder(data: DataInfo, network: Network, width: int) -> Net:
    conv, body = body_of(data, network, width)
    return net("ConvEncoder" if conv else "MLPEncoder", **body)


def decoder(data: DataInfo, network: Network, width: int, latent: int, classes: int = 0, output: str = "linear") -> Net:
    conv, body = body_of(data, network, width)
    return net("ConvDecoder" if conv else "MLPDecoder", **body, latent=latent, classes=classes, output=output)


def bottleneck(kind: str, encoder: Net, latent: int, classes: int = 0) -> Net:
    level = encoder.outline().levels[-1]
    return net(BOTTLENECKS[kind], level=list(level), latent=latent, classes=classes)


def prior(kind: str, latent: int, classes: int = 0) -> Net:
    return net(PRIORS[kind], latent=latent, classes=classes)


def discriminator(
    data: DataInfo, encoder: Net, loss: str, classes: int, pack: int, augment: tuple[Augmentation, ...]
) -> Net:
    """With the encoder's network as its backbone, whose first layer sees `pack` samples at once."""
    if augment and not data.is_image:
        raise UserError(f"augment={','.join(augment)} works on pictures only; leave it out for rows.")
    if pack < 1:
        raise UserError(f"pack={pack}: expected at least 1.")
    packed = (data.shape[0] * pack, *data.shape[1:])
    return net(
        "Discriminator",
        backbone=encoder.replace(args={**encoder.args, "shape": packed}),
        classes=classes,
        pack=pack,
        augmentation=list(augment),
        bias=loss not in ("relativistic", "wasserstein"),
    )


def on_features(
    data: DataInfo,
    encoder: Net,
    augment: tuple[Augmentation, ...],
    project: bool = True,
    pixels: bool = False,
    width: int = 64,
) -> Net:
    """A discriminator on the levels of the encoder, which it shares; with `pixels` on the samples themselves, too."""
    if augment and not data.is_image:
        raise UserError(f"augment={','.join(augment)} works on pictures only; leave it out for rows.")
    levels = [list(level) for level in encoder.outline().levels]
    levels = [list(data.shape), *levels] if pixels else levels
    return net("SharedDiscriminator", levels=levels, width=width, project=project, augmentation=list(augment))


def latent_discriminator(latent: int, width: int = 128) -> Net:
    """Judges latents: three dense layers."""
    backbone = net("MLPEncoder", shape=[latent], widths=[width] * 3)
    return net("Discriminator", backbone=backbone, bias=False)


def reader(data: DataInfo, D: Net, width: int, network: Network) -> Net:
    """From the last features of a discriminator to what it saw: a decoder for whole packs."""
    size = math.prod(D.args["backbone"].outline().levels[-1])
    conv, body = body_of(data, network, width)
    body = {**body, "shape": D.args["backbone"].args["shape"]}
    return net("ConvDecoder" if conv else "MLPDecoder", **body, latent=size)


def above(D: Net, levels: int) -> tuple[str, ...]:
    """The parts of a discriminator above its lowest `levels`, which hold still: names for a term's `trains`."""
    net_ = D.outline()
    count = len(net_.backbone.levels)
    if not 0 <= levels <= count:
        raise UserError(f"freeze={levels}: the discriminator has {count} levels; expected 0 to {count}.")
    if not levels:
        return ("D",)
    parts = [name for name in ("head", "label") if getattr(net_, name) is not None]
    if D.args["backbone"].kind == "ConvEncoder":
        parts += [f"backbone.stages.{i}" for i in range(levels, count)]
        parts += [f"backbone.downs.{i - 1}" for i in range(levels, count)]
    else:
        parts += [f"backbone.layers.{i - 1}" for i in range(levels, count)]
    return tuple(f"D.{part}" for part in parts)
