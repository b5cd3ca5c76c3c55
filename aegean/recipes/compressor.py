"""The autoencoder of symbols that a recipe trains: a new one, or one that another run hands over."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from aegean.config import Net, UserError, net
from aegean.data.info import DataInfo
from aegean.latent.names import FAMILIES, QUANTISED, quantiser_of
from aegean.recipes.ae import AUTOENCODER
from aegean.recipes.groups import Build
from aegean.recipes.quantised import Quantiser, quantised_nets
from aegean.surface import option
from aegean.training.schedule import Fit

PLAIN = ("Identity", "Gaussian")  # bottlenecks of autoencoders that know no symbols
GRIDS = ("GivenIdentity", "GivenGaussian", "GivenCodes")  # those of folders of diffusers


def compressor(
    data: DataInfo,
    build: Build,
    kind: Quantiser,
    depth: int,
    inherited: Mapping[str, Net] | None,
    **symbols: Any,
) -> dict[str, Net]:
    """E, bottleneck and G; and symbols and pixels where they are inherited.

    An inherited autoencoder keeps its sizes, and its quantiser where it has one; a plain one gets a new quantiser, and
    so does one of diffusers, whose codebook could not learn. From a run without an autoencoder nothing but its pixels
    is taken.

    kind, depth, symbols: of a new quantiser, as in `quantised_nets`
    inherited: the networks of another run, by name

    UserError: what cannot be taken over.
    """
    source = dict(inherited or {})
    kept: dict[str, Net] = {name: source[name] for name in ("symbols", "pixels") if name in source}
    missing = [name for name in AUTOENCODER if name not in source]
    if len(missing) == len(AUTOENCODER) and (kept or inherited is None):
        return {**quantised_nets(data, build, kind, depth, **symbols), **kept}
    family = "" if missing else quantiser_of(source["bottleneck"])
    kind_of_latent = "" if missing else source["bottleneck"].kind
    plain = kind_of_latent in PLAIN and "latent" in source["G"].args
    if not (family or plain or kind_of_latent in GRIDS):
        raise UserError(
            f"{option('source')}: the model has {', '.join(source)}; this recipe starts from an autoencoder with "
            "one latent: train ae, vae, vq_ae or codec."
        )
    bottleneck, G = source["bottleneck"], source["G"]
    if bottleneck.kind in GRIDS:
        bottleneck = instead(bottleneck, kind, symbols)
    elif not family:
        bottleneck = quantised(source["E"], G, kind, symbols)
    elif family != FAMILIES[QUANTISED[kind]]:
        raise UserError(f"{option('source')}: the model has a {family} quantiser; this recipe needs a {kind} one.")
    return {"E": source["E"], "bottleneck": bottleneck, "G": G, **kept}


def ends(nets: Mapping[str, Net]) -> tuple[str, ...]:
    """Who learns what the symbols are: the encoder, and a quantiser with layers of its own."""
    layers = any(True for _ in nets["bottleneck"].outline().parameters())
    return ("E", "bottleneck") if layers else ("E",)


def edges(nets: Mapping[str, Net], inherited: Mapping[str, Net] | None) -> tuple[Fit, ...]:
    """What a new quantiser of finite scalars in the latent of diffusers begins with: the range of its channels."""
    new = nets["bottleneck"].kind == "GivenScalars" and (inherited or {}).get("bottleneck") != nets["bottleneck"]
    return (Fit("bottleneck", of="features"),) if new else ()


def instead(bottleneck: Net, kind: Quantiser, symbols: dict[str, Any]) -> Net:
    """A new quantiser in the place of a bottleneck of diffusers, for the same latents."""
    level = tuple(bottleneck.args["level"])
    depth = level[0] // 2 if bottleneck.kind == "GivenGaussian" else level[0]
    grid = (depth, *level[1:])
    if kind == "finite":
        scaling = {name: bottleneck.args[name] for name in ("shift", "scale") if name in bottleneck.args}
        return net("GivenScalars", grid=grid, **symbols, **scaling)
    return net(QUANTISED[kind], level=level, latent=math.prod(grid), **symbols)


def quantised(E: Net, G: Net, kind: Quantiser, symbols: dict[str, Any]) -> Net:
    """A new quantiser between a plain autoencoder's networks. UserError: it has classes, or a latent that does not
    share out among the places of its encoder's last level."""
    if G.args.get("classes"):
        raise UserError(
            f"{option('source')}: the model was trained with classes, which a file does not hold; train it without."
        )
    level = E.outline().levels[-1]
    latent, places = G.args["latent"], math.prod(level[1:])
    if latent % places:
        raise UserError(
            f"{option('source')}: a latent of {latent} dimensions does not share out among the {places} places of the "
            f"encoder's last level; train it with {option('latent', places * max(1, round(latent / places)))}."
        )
    return net(QUANTISED[kind], level=level, latent=latent, **symbols)
