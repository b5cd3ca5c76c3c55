"""The networks and turns of a stack: each level of the encoder has a generator and a discriminator."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from aegean.config import Net, UserError, net
from aegean.data.info import DataInfo
from aegean.nets.kinds import BODIES
from aegean.objectives import (
    ClassError,
    Conditional,
    DiscriminatorLoss,
    GeneratorLoss,
    LevelError,
    NoiseError,
    Ramp,
    SquaredError,
    Term,
)
from aegean.recipes.ae import AUTOENCODER
from aegean.recipes.architecture import body, bottleneck, latent_size, prior
from aegean.recipes.groups import Adversary, Build
from aegean.recipes.turns import autoencoder_turn, gradient_penalties
from aegean.recipes.vae import evidence_terms
from aegean.surface import option
from aegean.training.schedule import Phase, Turn

MOST = 8  # levels
WIDEST = 256  # numbers between two levels
REBUILT = 10.0  # weight of a squared error, beside the data's bits, of samples rebuilt from the upper levels


@dataclass(frozen=True)
class Sizes:
    """Of a stack.

    levels: pairs of a generator and a discriminator, 2 to 8
    features: dimensions between two levels; 0: four times as many as on the level above, at most 256
    noise: dimensions of the noise that each level draws; 0: a quarter of the latent's
    """

    levels: int = 2
    features: int = 0
    noise: int = 0

    def between(self, latent: int) -> list[int]:
        """Numbers between each two levels, from the data upwards."""
        return [self.features or min(WIDEST, latent * 4 ** (self.levels - i)) for i in range(1, self.levels)]


@dataclass(frozen=True)
class Weights:
    """Of the terms of a level; the adversarial one weighs 1.

    condition: weight of |E_i(h_i) - h_(i+1)|^2: what is drawn is what it was drawn from
    entropy: weight of |z_i - Q_i(h_i)|^2: the noise can be read in what is drawn
    anchor: weight of the distance to the data's own h_i, which keeps what the autoencoder handed over
    """

    condition: float = 1.0
    entropy: float = 0.5
    anchor: float = 24.0


def stack_nets(data: DataInfo, build: Build, sizes: Sizes, kind: str) -> dict[str, Net]:
    """Encoder, bottleneck of a kind, generators, discriminators and readers of noise. UserError: too few levels, or
    too many."""
    levels = sizes.levels
    if not 2 <= levels <= MOST:
        raise UserError(f"{option('levels', levels)}: expected 2 to {MOST}; a stack of one level is ae_to_gan.")
    first, first_sizes = body(data, build)
    dense, top = BODIES["mlp"], latent_size(data, build)
    noise, between = sizes.noise or max(1, top // 4), sizes.between(top)
    upper = [{"shape": [size], "widths": [8 * (build.width or 32)] * 2} for size in between]
    families = [(first, first_sizes), *((dense, each) for each in upper)]
    stages = [net(family.encoder, **each) for family, each in families]
    generators = [
        net(family.decoder, **each, latent=above + noise) for (family, each), above in zip(families, (*between, top))
    ]
    E = net("Tower", stages=stages, sizes=between)
    return {
        "E": E,
        "bottleneck": bottleneck(kind, E, top),
        "G": net("Stack", floors=generators, noise=noise),
        "prior": prior("mixture", top),
        "D": net("Several", each=[net("Discriminator", backbone=stage, bias=False) for stage in stages]),
        "Q": net("NoiseReaders", levels=[list(stage.outline().levels[-1]) for stage in stages], noise=noise),
    }


def turns(
    sizes: Sizes, weights: Weights, opponent: Adversary, rate: Ramp, chained: bool, trained: range
) -> tuple[Turn, ...]:
    """Discriminators and generators of some levels.

    chained: each level is drawn from what those above it draw, and the adversary's gradient reaches all of them; else
        from the data's own features
    trained: the levels, counted from 0, nearest the data
    """
    made, fake = ("made", "fake") if chained else ("alone", "single")
    discriminators: list[Term] = []
    generators: list[Term] = []
    for i in trained:
        D, G = (f"D.{i}",), (f"G.{i}",)
        above = tuple(f"G.{j}" for j in range(i, sizes.levels)) if chained else G
        pair = (f"real.{i}", f"{fake}.{i}")
        discriminators.append(DiscriminatorLoss(trains=D, real=pair[0], fake=pair[1]))
        discriminators += gradient_penalties(opponent, D, *pair)
        generators.append(GeneratorLoss(trains=above, real=pair[0], fake=pair[1]))
        if weights.condition:
            generators.append(Conditional(trains=G, level=i, made=made, weight=weights.condition))
        if weights.anchor:
            generators.append(LevelError(trains=G, level=i, made="alone", weight=weights.anchor))
        if weights.entropy:  # reader and discriminator share all layers but the last, and learn to read together
            read = NoiseError(trains=G, level=i, judged=fake, weight=weights.entropy)
            generators.append(read)
            discriminators.append(read.replace(trains=(f"D.{i}.backbone", f"Q.{i}")))
    return Turn("D", tuple(discriminators), lr=rate), Turn("G", tuple(generators), lr=rate)


def learning(data: DataInfo, images: int, levels: int, encoder: str, plain: bool, beta: float) -> Phase:
    """The encoder's own phase: the features of every level must hold what the data are, and each generator rebuilds its
    level from the one above. A classifier's encoder learns the classes alone.

    images: of the phase
    levels: of the stack
    encoder: "autoencoder" or "classifier"
    plain: the autoencoder is not variational
    beta: weight of the rate of a variational one
    """
    rebuilt = ("E", "G") if encoder == "autoencoder" else ("G",)
    size = math.prod(data.shape)
    terms: list[Term] = [LevelError(trains=(f"G.{i}",), level=i, weight=size) for i in range(1, levels)]
    terms += [SquaredError(trains=rebuilt, of=f"x_top.{k}", weight=REBUILT) for k in range(2, levels + 1)]
    if encoder == "classifier":
        terms.append(ClassError(trains=("E", "bottleneck", "C")))
    else:
        terms += (SquaredError(trains=AUTOENCODER),) if plain else evidence_terms("gaussian", beta)
    return Phase(encoder, images, (autoencoder_turn(*terms, lr=1e-3),), averages=AUTOENCODER)


def check_inherited(nets: Mapping[str, Net], inherited: Mapping[str, Net]) -> None:
    """UserError: the source's encoder is not there, or has other levels than the generators need."""
    source = option("source")
    if not {"E", "bottleneck"} <= set(inherited):
        raise UserError(f"{source}: the model has no encoder, which stacked_gan draws on; give a run of stacked_gan.")
    needed, found = (list(map(list, E.outline().levels)) for E in (nets["E"], inherited["E"]))
    if needed != found or nets["E"].kind != inherited["E"].kind:
        raise UserError(
            f"{source}: the model has an encoder ({inherited['E'].kind}) with levels {found}, but the generators need "
            f"a Tower with levels {needed}; give a run of stacked_gan with the same levels, features, latent and width."
        )
