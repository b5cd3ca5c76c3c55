"""A stack of GANs on the floors of an encoder."""

from __future__ import annotations

import math
from collections.abc import Mapping
from functools import partial
from typing import Literal, NamedTuple

from aegean.config import Net, UserError, net
from aegean.data.info import DataInfo
from aegean.objectives import (
    ClassError,
    Conditional,
    DiscriminatorLoss,
    GeneratorLoss,
    GradientPenalty,
    LevelError,
    NoiseError,
    Ramp,
    SquaredError,
    Term,
)
from aegean.objectives.penalties import Precision
from aegean.recipes.architecture import Network, body_of, bottleneck, latent_size, prior
from aegean.recipes.registry import recipe
from aegean.recipes.strategies import Strategy, strategy
from aegean.recipes.teacher import shares
from aegean.recipes.turns import autoencoder_turn
from aegean.recipes.vae import evidence_terms
from aegean.training.schedule import Copy, Fit, Phase, Run, Turn

MOST = 8  # floors
WIDEST = 256  # numbers between two floors
HELD = 10.0  # weight of a squared error, beside the data's bits, for what the lower floors hold


class Weights(NamedTuple):
    """Of a floor's terms; the adversarial one weighs 1."""

    condition: float
    entropy: float
    anchor: float
    gamma: float
    penalty: Precision


def stack_nets(
    data: DataInfo, network: Network, width: int, latent: int, levels: int, features: int, noise: int, kind: str
) -> dict[str, Net]:
    """Encoder, bottleneck, generators, discriminators and readers of noise, of so many floors.

    Between the floors lie `features` numbers; 0: four times as many as on the floor above. UserError: floors that
    cannot be.
    """
    if not 2 <= levels <= MOST:
        raise UserError(f"levels={levels}: expected 2 to {MOST} floors; one floor is ae_to_gan.")
    conv, body = body_of(data, network, width)
    top = latent_size(data, latent)
    noise = noise or max(1, top // 4)
    between = [features or min(WIDEST, top * 4 ** (levels - i)) for i in range(1, levels)]
    dense = [8 * (width or 32)] * 2
    shapes = [list(data.shape), *([size] for size in between)]
    bodies = [body, *({"shape": shape, "widths": dense} for shape in shapes[1:])]
    stages = [net("ConvEncoder" if conv and i == 0 else "MLPEncoder", **one) for i, one in enumerate(bodies)]
    floors = [
        net("ConvDecoder" if conv and i == 0 else "MLPDecoder", **one, latent=above + noise)
        for i, (one, above) in enumerate(zip(bodies, (*between, top)))
    ]
    E = net("Tower", stages=stages, sizes=between)
    judged = [list(stage.outline().levels[-1]) for stage in stages]
    return {
        "E": E,
        "bottleneck": bottleneck(kind, E, top),
        "G": net("Stack", floors=floors, noise=noise),
        "prior": prior("mixture", top),
        "D": net("Several", each=[net("Discriminator", backbone=stage, bias=False) for stage in stages]),
        "Q": net("NoiseReaders", levels=judged, noise=noise),
    }


@recipe
def stacked_gan(
    data: DataInfo,
    *,
    levels: int = 2,
    features: int = 0,
    noise: int = 0,
    encoder: Literal["autoencoder", "classifier"] = "autoencoder",
    teacher: float = 0.3,
    training: Strategy = "coarse_to_fine",
    condition: float = 1.0,
    entropy: float = 0.5,
    anchor: float = 24.0,
    beta: float = 1.0,
    gamma: float = 1.0,
    penalty: Precision = "auto",
    network: Network = "auto",
    width: int = 0,
    latent: int = 0,
    lr: float = 2e-4,
    batch: int = 64,
    images: int = 100_000,
    inherited: Mapping[str, Net] | None = None,
) -> Run:
    """A GAN on every floor of a trained encoder, from the top downwards: G_i draws h_i from h_(i+1) and noise z_i.

    First the encoder (`teacher` of the images; none with `--from RUN`, a stack of the same floors): that of an
    autoencoder, which can reconstruct from every floor, and whose decoders begin the generators; or, by
    `encoder=classifier`, that of a classifier. A mixture is fitted to its latents. Then each floor has a discriminator,
    which begins as the encoder's own stage, and besides the adversarial term: `condition`, the weight of
    |E_i(h_i) - h_(i+1)|^2, so that what is drawn is what it was drawn from; `entropy`, that of |z_i - Q_i(h_i)|^2, so
    that the noise can be read in it; `anchor`, that of the distance to the data's own h_i, which keeps what the
    autoencoder handed over. `training=independent` draws each floor from the data's own features, `joint` from what
    the floor above draws, `coarse_to_fine` begins with the top floor and then adds the next. `noise`: numbers that each
    floor draws; 0: a quarter of the latent's.

    Papers: Huang et al. 2017 (the stack; here with the loss and penalties of Huang et al. 2024, features of mean
    square 1, and weights measured on digits in the place of 1 and 10); Ghosh et al. 2020 (the mixture).
    Expected: digits, 40,000 images, 41 s of one processor: fd@digits-classifier:397 5.3, coverage 0.68 (floor 0.75 and
    0.99; a `gan` with as many parameters 8.2 and 0.55); level 0 redrawn, 97 % of samples keep their class.
    """
    shares(teacher)
    plain = encoder == "classifier" or not data.is_image
    nets = stack_nets(data, network, width, latent, levels, features, noise, "identity" if plain else "gaussian")
    if encoder == "classifier":
        if len(data.classes) < 2:
            raise UserError(f"encoder=classifier needs labels, and {data.name!r} has none; use encoder=autoencoder.")
        nets["C"] = net("MLPEncoder", shape=[nets["prior"].args["latent"]], widths=[len(data.classes)])
    if inherited is not None:
        check_inherited(nets, inherited)
        teacher = 0.0
    weights = Weights(condition, entropy, anchor, gamma, penalty)
    rate = Ramp(lr, lr / 4, cosine=True)
    together, alone = (partial(turns, levels, weights, rate, chained) for chained in (True, False))
    first, *rest = strategy(training, images * (1 - teacher), levels, ("G",), together, alone)
    edges = (Fit(), *(Copy(f"E.{i}.body", f"D.{i}.backbone") for i in range(levels)))
    phases = [first.replace(edges=edges), *rest]
    if inherited is None:
        phases.insert(0, learning(data, round(images * teacher), levels, encoder, plain, beta))
    if not entropy:
        del nets["Q"]
    return Run(nets, tuple(phases), batch, training_only=("corruption", "Q", "C"), wiring="stack")


def turns(levels: int, weights: Weights, rate: Ramp, chained: bool, floors: range) -> tuple[Turn, ...]:
    """Discriminators and generators of some floors: each drawn from what those above it draw (`chained`; the
    adversary's gradient then reaches all of them), or from the data's own features."""
    made, fake = ("made", "fake") if chained else ("alone", "single")
    judges: list[Term] = []
    makers: list[Term] = []
    for i in floors:
        D, G = (f"D.{i}",), (f"G.{i}",)
        above = tuple(f"G.{j}" for j in range(i, levels)) if chained else G
        pair = (f"real.{i}", f"{fake}.{i}")
        judges.append(DiscriminatorLoss(trains=D, real=pair[0], fake=pair[1]))
        makers.append(GeneratorLoss(trains=above, real=pair[0], fake=pair[1]))
        if weights.gamma:
            gamma, precision = weights.gamma, weights.penalty
            judges += [GradientPenalty(trains=D, on=on, weight=gamma, precision=precision) for on in pair]
        if weights.condition:
            makers.append(Conditional(trains=G, level=i, made=made, weight=weights.condition))
        if weights.anchor:
            makers.append(LevelError(trains=G, level=i, made="alone", weight=weights.anchor))
        if weights.entropy:  # reader and discriminator share all layers but the last, and learn to read together
            read = NoiseError(trains=G, level=i, judged=fake, weight=weights.entropy)
            makers.append(read)
            judges.append(read.replace(trains=(f"D.{i}.backbone", f"Q.{i}")))
    return Turn("D", tuple(judges), lr=rate), Turn("G", tuple(makers), lr=rate)


def learning(data: DataInfo, images: int, levels: int, encoder: str, plain: bool, beta: float) -> Phase:
    """The encoder's own phase: every floor's features are to hold what the data are, and each generator rebuilds its
    floor from the one above. A classifier's encoder learns the classes alone."""
    players, size = ("E", "bottleneck", "G"), math.prod(data.shape)
    held = ("E", "G") if encoder == "autoencoder" else ("G",)
    terms: list[Term] = [LevelError(trains=(f"G.{i}",), level=i, weight=size) for i in range(1, levels)]
    terms += [SquaredError(trains=held, of=f"x_top.{k}", weight=HELD) for k in range(2, levels + 1)]
    if encoder == "classifier":
        terms.append(ClassError(trains=("E", "bottleneck", "C")))
    else:
        terms += (SquaredError(trains=players),) if plain else evidence_terms("gaussian", beta)
    return Phase(encoder, images, (autoencoder_turn(*terms, lr=1e-3),), averages=players)


def check_inherited(nets: Mapping[str, Net], inherited: Mapping[str, Net]) -> None:
    """UserError: the source's encoder is not there, or has other levels than the generators need."""
    if not {"E", "bottleneck"} <= set(inherited):
        raise UserError("--from: the source has no encoder, which stacked_gan draws on; give a run of stacked_gan.")
    needed, found = (list(map(list, E.outline().levels)) for E in (nets["E"], inherited["E"]))
    if needed != found or nets["E"].kind != inherited["E"].kind:
        raise UserError(
            f"--from: the source's encoder ({inherited['E'].kind}) has levels {found}, but the generators need a Tower "
            f"with levels {needed}; give a run of stacked_gan with the same levels, features, latent and width."
        )
