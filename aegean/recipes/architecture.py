"""The networks of the recipes, described for the shape of the data."""

from __future__ import annotations

import math
from typing import Any

from aegean.config import Net, UserError, net
from aegean.data.column import trained
from aegean.data.info import DataInfo
from aegean.data.kinds import kind_of as kind_of_data
from aegean.latent.names import BOTTLENECKS, PRIORS
from aegean.nets.kinds import Body, body_of, kind_of
from aegean.recipes.groups import Adversary, Augmentation, Budget, Build
from aegean.surface import option

PRINCIPAL = "PrincipalEncoder"


def class_count(data: DataInfo, build: Build) -> int:
    """Classes of a conditional model, 0 without."""
    if build.conditional and not data.classes:
        raise UserError(
            f"{option('conditional', True)} needs labels, and {data.name!r} has none: use sub-folders, a key y or a "
            "column label."
        )
    return len(data.classes) if build.conditional else 0


def latent_size(data: DataInfo, build: Build) -> int:
    """Dimensions of a latent: as many as were chosen, else by the kind, the shape and the number of the data."""
    return build.latent or kind_of(data).latent(data.shape, data.count)


def learning_rate(data: DataInfo, budget: Budget) -> float:
    """Of an autoencoder at the start: what was chosen, else by the kind of data."""
    return budget.lr or kind_of(data).rate


def body(data: DataInfo, build: Build) -> tuple[Body, dict[str, Any]]:
    """The family of networks, and the arguments `shape`, `widths` and, where it is not 1, `patch` of each of them;
    of texts also `tokens`. UserError: the patch does not divide the sides of a sample, or the networks are dense."""
    chosen = body_of(data, build.network)
    if not chosen.grid and (build.patch or 1) != 1:
        raise UserError(f"{option('patch', build.patch)} is for convolutional networks; leave it out.")
    patch = patch_size(data, build) if chosen.grid else 1
    places = [data.shape[0], *(side // patch for side in data.shape[1:])]
    widths = chosen.widths(places, build.width or kind_of(data).width(places))
    more = {"patch": patch} if patch > 1 else {"tokens": len(data.vocabulary)} if data.vocabulary else {}
    return chosen, {"shape": list(data.shape), "widths": widths} | more


def patch_size(data: DataInfo, build: Build) -> int:
    """Places along each axis that are laid on top of each other as channels; 1 where a recipe offers no choice."""
    if build.patch == 0:
        return kind_of(data).patch(data.shape)
    patch = build.patch or 1
    if patch < 1 or any(side % patch for side in data.shape[1:]):
        size = "x".join(map(str, data.shape[1:]))
        raise UserError(f"{option('patch', patch)} does not divide samples of {size}; 0 chooses one that does.")
    return patch


def encoder(data: DataInfo, build: Build) -> Net:
    chosen, sizes = body(data, build)
    return net(chosen.encoder, **sizes)


def decoder(data: DataInfo, build: Build, classes: int = 0, output: str = "linear") -> Net:
    chosen, sizes = body(data, build)
    if data.table:
        states = [column.states for column in trained(data.table)]
        return net("ColumnsDecoder", **sizes, latent=latent_size(data, build), classes=classes, columns=states)
    return net(chosen.decoder, **sizes, latent=latent_size(data, build), classes=classes, output=output)


def bottleneck(kind: str, encoder: Net, latent: int, classes: int = 0) -> Net:
    """On the last level of an encoder; `kind` is a name in BOTTLENECKS."""
    given = {"given": True} if encoder.kind == PRINCIPAL else {}
    return net(BOTTLENECKS[kind], level=list(encoder.outline().levels[-1]), latent=latent, classes=classes, **given)


def beside_components(data: DataInfo, E: Net, G: Net) -> tuple[Net, Net]:
    """A convolutional encoder and decoder, and beside them the principal components of the data."""
    latent, classes = G.args["latent"], G.args["classes"]
    return (
        net(PRINCIPAL, encoder=E, shape=list(data.shape), latent=latent),
        net("PrincipalDecoder", decoder=G, shape=list(data.shape), latent=latent, classes=classes),
    )


def without_components(E: Net) -> Net:
    """The trained part of an encoder."""
    return E.args["encoder"] if E.kind == PRINCIPAL else E


def prior(kind: str, latent: int, classes: int = 0) -> Net:
    """`kind` is a name in PRIORS."""
    return net(PRIORS[kind], latent=latent, classes=classes)


def discriminator(data: DataInfo, encoder: Net, opponent: Adversary, classes: int = 0) -> Net:
    """With the encoder's network as its backbone, whose first layer sees a whole pack of samples at once."""
    check_augmentations(data, opponent.augment)
    encoder = without_components(encoder)
    if "shape" not in encoder.args:
        raise UserError(
            f"{option('source')}: no discriminator can begin as a {encoder.kind}; give a model with another encoder, "
            "such as one of ae or vae."
        )
    packed = (data.shape[0] * opponent.pack, *data.shape[1:])
    return net(
        "Discriminator",
        backbone=encoder.replace(args={**encoder.args, "shape": packed}),
        classes=classes,
        pack=opponent.pack,
        augmentation=list(opponent.augment),
        bias=opponent.bias,
    )


def check_augmentations(data: DataInfo, augment: tuple[Augmentation, ...]) -> None:
    """UserError: one of them makes no sense for this kind of data."""
    known = kind_of(data).augmentations
    wrong = [name for name in augment if name not in known]
    if wrong:
        what = kind_of_data(data).samples
        use = f"choose from {', '.join(known)}" if known else f"leave {option('augment')} out"
        raise UserError(f"{option('augment', ','.join(wrong))} is not for {what} ({data.name!r}): {use}.")


def shared_discriminator(
    data: DataInfo,
    encoder: Net,
    augment: tuple[Augmentation, ...],
    project: bool = True,
    samples: bool = False,
    width: int = 64,
) -> Net:
    """A discriminator on the levels of the encoder, which it shares.

    project: through fixed random projections across levels
    samples: another head sees the samples themselves
    width: channels of each head
    """
    check_augmentations(data, augment)
    levels = [list(level) for level in encoder.outline().levels]
    levels = [list(data.shape), *levels] if samples else levels
    return net("SharedDiscriminator", levels=levels, width=width, project=project, augmentation=list(augment))


def latent_discriminator(latent: int, width: int = 128) -> Net:
    """Of latents: three dense layers."""
    return net("Discriminator", backbone=net("MLPEncoder", shape=[latent], widths=[width] * 3), bias=False)


def reader(data: DataInfo, D: Net, build: Build) -> Net:
    """From the last features of a discriminator to what it saw: a decoder of whole packs."""
    chosen, sizes = body(data, build)
    backbone = D.args["backbone"]
    size = math.prod(backbone.outline().levels[-1])
    return net(chosen.decoder, **{**sizes, "shape": backbone.args["shape"]}, latent=size)


def above(D: Net, levels: int) -> tuple[str, ...]:
    """The parts of a discriminator above its lowest `levels`, which are frozen: names for a term's `trains`."""
    outline = D.outline()
    count = len(outline.backbone.levels)
    if not 0 <= levels <= count:
        raise UserError(f"{option('freeze', levels)}: the discriminator has {count} levels; expected 0 to {count}.")
    if not levels:
        return ("D",)
    if not hasattr(outline.backbone, "parts"):
        kind = D.args["backbone"].kind
        raise UserError(f"{option('freeze', levels)}: the levels of a {kind} cannot be frozen apart; leave it out.")
    parts = [name for name in ("head", "label") if getattr(outline, name) is not None]
    parts += [f"backbone.{part}" for level in range(levels, count) for part in outline.backbone.parts(level)]
    return tuple(f"D.{part}" for part in parts)
