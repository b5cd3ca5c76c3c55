"""Autoencoders of symbols, sharpened by an adversary."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Literal

from aegean.config import Net, UserError, net
from aegean.data.info import DataInfo
from aegean.objectives import FeatureMatching, GeneratorLoss, Ramp, SquaredError, Term
from aegean.objectives.penalties import Precision
from aegean.recipes.architecture import Loss, Network
from aegean.recipes.codec import codec
from aegean.recipes.quantised import Quantiser, floors
from aegean.recipes.registry import recipe
from aegean.recipes.turns import discriminator_turn
from aegean.recipes.vq_ae import vq_ae
from aegean.training.schedule import Phase, Run, Turn

Encoder = Literal["still", "train"]
QUANTISERS: dict[str, Quantiser] = {"FiniteScalar": "finite", "VectorQuantised": "vector"}


@recipe
def vq_gan(
    data: DataInfo,
    *,
    quantiser: Quantiser = "finite",
    levels: int = 0,
    stages: int = 4,
    depth: int = 0,
    quality: float = 10.0,
    plain: float = 0.5,
    warmup: float = 0.2,
    encoder: Encoder = "still",
    adversary: float = 0.5,
    features: float = 0.5,
    loss: Loss = "relativistic",
    gamma: float = 0.03,
    penalty: Precision = "auto",
    network: Network = "auto",
    width: int = 0,
    lr: float = 1e-3,
    batch: int = 32,
    images: int = 200_000,
    inherited: Mapping[str, Net] | None = None,
) -> Run:
    """Lossy compression to files whose pictures a discriminator of patches makes look like the data.

    First a codec learns its symbols without an adversary: `quantiser` finite as in `codec`, vector or residual as in
    `vq_ae`; `plain` is its share of the images. For a share `warmup` of the rest the discriminator learns to tell
    patches of the data from those of their reconstructions while the codec holds still. Then both learn: the decoder by
    the codec's own error, against the discriminator, and by the distance in its features. `adversary` and `features`
    are shares of the error's own pull at the decoder's output, however loud the adversary is: a decoder that follows
    one of share s < 1 all the way loses -10 log10(1 - s^2) dB by calculation (docs/design.md), 1.2 for 0.5.

    `encoder` still: symbols and tables stay as they are, so files have as many bytes as without the adversary; train:
    the encoder learns on, and the bytes move. `--from RUN` begins with a trained `codec` or `vq_ae` and goes straight
    to the warm-up; with an `ae` or `vae` its encoder and decoder get a new quantiser, which is learnt first.

    Papers: Esser et al. 2021 (the plan); Isola et al. 2017, section 3.2.2 (patches); Défossez et al. 2022, section 3.4
    (the balance; eq. 3, features); Huang et al. 2024 (loss and penalties).
    Expected: CIFAR-10, 60,000 images of the codec and 24,000 more, one processor, 5 minutes, 77 bytes a picture:
    rfd@classifier:10000 1.1 and 25.2 dB, where the squared error alone leaves 2.3 and 25.6.
    """
    if not 0 <= plain < 1:
        raise UserError(f"plain={plain} leaves no images for the adversary; expected at least 0, and less than 1.")
    if not 0 <= warmup < 1:
        raise UserError(f"warmup={warmup} leaves no images for the adversary; expected at least 0, and less than 1.")
    if inherited is not None and "bottleneck" in inherited:
        quantiser = QUANTISERS.get(inherited["bottleneck"].kind, quantiser)
    learnt = "symbols" in (inherited or {})
    finite, first = quantiser == "finite", 0 if learnt else round(plain * images)
    common = {"network": network, "width": width, "lr": lr, "batch": batch, "images": first, "inherited": inherited}
    if finite:
        run = codec(data, quality=quality, levels=levels, depth=depth, **{**common, "lr": lr / 5})
    else:
        run = vq_ae(data, quantiser=quantiser, levels=levels or 256, stages=stages, depth=depth or 16, **common)
    begin = run.schedule if first else ()
    D = patch_discriminator(data, loss, width or 32)
    (reconstruction,) = (term for term in run.schedule[0].turns[0].terms if isinstance(term, SquaredError))
    others = tuple(term for term in run.schedule[0].turns[0].terms if term is not reconstruction)
    moves = encoder == "train"
    trains = reconstruction.trains if moves else ("G",)
    sharp: list[Term] = [reconstruction.replace(trains=trains)]
    if adversary:
        sharp.append(GeneratorLoss(trains=trains, loss=loss, fake="recon", weight=adversary))
    if features:
        sharp.append(FeatureMatching(trains=trains, weight=features))
    judging, decoding = 0.3 * lr, Ramp(lr / 2, lr / 20, cosine=True)
    alone, against = (
        discriminator_turn(loss, gamma / patches(D), rate, ("recon",), penalty)
        for rate in (judging, Ramp(judging, judging / 10, cosine=True))
    )
    turns = (
        against,
        Turn(
            "AE",
            (*sharp, *(others if moves else ())),
            lr=decoding.replace(rise=0.2),
            beta1=0.5,
            balance="x_hat",
            observes=("bottleneck", "symbols") if moves else (),
        ),
    )
    warming = round(warmup * (images - first))
    end = Phase("adversarial", images - first - warming, turns, averages=() if finite and moves else trains)
    if warmup:
        begin = (*begin, Phase("warm-up", warming, (alone,)))
    return Run({**run.nets, "D": D}, (*begin, end), batch)


def patch_discriminator(data: DataInfo, loss: str, width: int) -> Net:
    """Judges patches of pictures, one for each place of the grid that `vq_ae` would lay over them; rows as a whole."""
    if data.is_image:
        patch, levels = floors(data.shape)
        backbone = net(
            "ConvEncoder", shape=data.shape, widths=[width * min(2**i, 4) for i in range(levels)], patch=patch
        )
    else:
        backbone = net("MLPEncoder", shape=data.shape, widths=[8 * width] * 3)
    return net(
        "Discriminator", backbone=backbone, bias=loss not in ("relativistic", "wasserstein"), patches=data.is_image
    )


def patches(D: Net) -> int:
    """How many patches a discriminator judges."""
    last = D.args["backbone"].outline().levels[-1]
    return math.prod(last[1:]) if D.args["patches"] else 1
