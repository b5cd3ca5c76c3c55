"""Autoencoders of symbols, sharpened by an adversary."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Literal

import torch

from aegean.config import Net, UserError, net
from aegean.data.info import DataInfo
from aegean.nets import ConvEncoder, Discriminator, MLPEncoder
from aegean.objectives import Commitment, FeatureMatching, GeneratorLoss, Ramp, SquaredError, SymbolBits, Term
from aegean.objectives.penalties import Precision
from aegean.recipes.architecture import Loss, Network
from aegean.recipes.codec import codec
from aegean.recipes.quantised import Quantiser
from aegean.recipes.registry import recipe
from aegean.recipes.turns import discriminator_turn
from aegean.recipes.vq_ae import vq_ae
from aegean.training.schedule import Phase, Run, Turn

Encoder = Literal["still", "train"]


@recipe
def vq_gan(
    data: DataInfo,
    *,
    quantiser: Quantiser = "vector",
    levels: int = 0,
    stages: int = 4,
    depth: int = 0,
    quality: float = 40.0,
    first: float = 0.5,
    encoder: Encoder = "still",
    adversary: float = 0.3,
    features: float = 0.3,
    loss: Loss = "relativistic",
    gamma: float = 1.0,
    penalty: Precision = "auto",
    network: Network = "auto",
    width: int = 0,
    lr: float = 1e-3,
    batch: int = 64,
    images: int = 200_000,
    inherited: Mapping[str, Net] | None = None,
) -> Run:
    """Lossy compression to files, whose pictures a discriminator of patches makes look like the data.

    Papers: Esser et al. 2021; Isola et al. 2017 (patches); Défossez et al. 2022 (the balance, feature matching).
    """
    if not 0 <= first < 1:
        raise UserError(f"first={first} leaves no images for the adversary; expected at least 0, and less than 1.")
    common = {"network": network, "width": width, "lr": lr, "batch": batch, "images": round(first * images) or 1}
    if quantiser == "finite":
        base = codec(data, quality=quality, levels=levels or 16, depth=depth or 12, **common)
    else:
        base = vq_ae(data, quantiser=quantiser, levels=levels or 256, stages=stages, depth=depth or 16, **common)
    nets = {**base.nets, "D": patch_discriminator(data, loss)}
    with torch.device("meta"):
        judged = nets["D"].build().backbone.levels[-1]
    patches = math.prod(judged[1:]) if nets["D"].args["patches"] else 1
    ends = ("E", "bottleneck", "G") if encoder == "train" else ("G",)
    terms: list[Term] = [SquaredError(trains=ends, weight=quality if quantiser == "finite" else 1.0)]
    if adversary:
        terms.append(GeneratorLoss(trains=ends, loss=loss, fake="recon", weight=adversary))
    if features:
        terms.append(FeatureMatching(trains=ends, weight=features))
    if encoder == "train":
        if quantiser == "finite":
            terms.append(SymbolBits(trains=("E", "bottleneck", "symbols")))
        else:
            terms.append(Commitment(trains=("E", "bottleneck"), weight=0.25))
    rate = Ramp(lr / 2, lr / 20, cosine=True)
    decoder = Turn("AE", tuple(terms), lr=rate, balance="x_hat",
                   observes=("bottleneck", "symbols") if encoder == "train" else ())
    D = discriminator_turn(loss, gamma / patches, rate, ("recon",), penalty)
    second = Phase("adversarial", images - round(first * images), (D, decoder), averages=("G",))
    return Run(nets, (*base.schedule, second), batch)


def patch_discriminator(data: DataInfo, loss: str, width: int = 32) -> Net:
    levels = 2 if data.is_image and min(data.shape[1:]) < 16 else 3
    if data.is_image:
        backbone = net(ConvEncoder, shape=data.shape, widths=[width * min(2**i, 4) for i in range(levels)])
    else:
        backbone = net(MLPEncoder, shape=data.shape, widths=[8 * width] * levels)
    return net(Discriminator, backbone=backbone, bias=loss not in ("relativistic", "wasserstein"), patches=data.is_image)
