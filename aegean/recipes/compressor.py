"""The autoencoder of symbols that a recipe trains: new, or one that `--from RUN` hands over."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch

from aegean.config import Net, UserError, net
from aegean.data.info import DataInfo
from aegean.latent import QUANTISED
from aegean.recipes.architecture import Network
from aegean.recipes.quantised import Quantiser, quantised_nets

PLAIN = ("Identity", "Gaussian")  # bottlenecks of autoencoders that know no symbols
CODED = ("E", "bottleneck", "G")


def compressor(
    data: DataInfo,
    kind: Quantiser,
    network: Network,
    width: int,
    depth: int,
    inherited: Mapping[str, Net] | None,
    **symbols: Any,
) -> dict[str, Net]:
    """E, bottleneck and G; and symbols and pixels where they are inherited.

    An inherited autoencoder keeps its sizes, and its quantiser where it has one; a plain one gets a new quantiser of
    this kind. From a run without an autoencoder nothing but its pixels is taken. UserError: what cannot be taken over.
    """
    source = dict(inherited or {})
    kept: dict[str, Net] = {name: source[name] for name in ("symbols", "pixels") if name in source}
    missing = [name for name in CODED if name not in source]
    if len(missing) == len(CODED) and (kept or inherited is None):
        return {**quantised_nets(data, kind, network, width, depth, **symbols), **kept}
    if missing or source["bottleneck"].kind not in {*PLAIN, *(cls.__name__ for cls in QUANTISED.values())}:
        raise UserError(
            f"--from: the source has {', '.join(source)}; this recipe starts from an autoencoder with one latent: "
            "train ae, vae, vq_ae or codec."
        )
    bottleneck, G = source["bottleneck"], source["G"]
    if bottleneck.kind in PLAIN:
        bottleneck = quantised(source["E"], G, kind, symbols)
    elif bottleneck.kind != QUANTISED[kind].__name__:
        theirs = "finite" if bottleneck.kind == "FiniteScalar" else "vector"
        raise UserError(f"--from: the source has a {theirs} quantiser; this recipe needs a {kind} one.")
    return {"E": source["E"], "bottleneck": bottleneck, "G": G, **kept}


def quantised(E: Net, G: Net, kind: Quantiser, symbols: dict[str, Any]) -> Net:
    """A new quantiser between a plain autoencoder's networks. UserError: it has classes, or a latent that does not
    share out among the places of its encoder's last level."""
    if G.args.get("classes"):
        raise UserError("--from: the source was trained with classes, which a file does not hold; train it without.")
    with torch.device("meta"):
        level = E.build().levels[-1]
    latent, places = G.args["latent"], level[1] * level[2] if len(level) == 3 else 1
    if latent % places:
        raise UserError(
            f"--from: a latent of {latent} numbers does not share out among the {places} places of the encoder's last "
            f"level; train the source with --set latent={places * max(1, round(latent / places))}."
        )
    return net(QUANTISED[kind], level=level, latent=latent, **symbols)
