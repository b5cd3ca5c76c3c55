"""A variational autoencoder with latents on several levels."""

from __future__ import annotations

from aegean.config import Net, UserError, net
from aegean.data.info import DataInfo
from aegean.objectives import LevelRate, Ramp, SpareRate, Term
from aegean.recipes.ae import AUTOENCODER, ERRORS, output
from aegean.recipes.architecture import body, encoder, latent_size, prior
from aegean.recipes.groups import UNPATCHED, Budget, Build
from aegean.recipes.registry import recipe
from aegean.recipes.strategies import Strategy, strategy
from aegean.recipes.turns import autoencoder_turn
from aegean.recipes.vae import Likelihood
from aegean.surface import option
from aegean.training.schedule import Run, Turn

WHY = "the levels of a ladder cannot train alone, since the posterior and the prior of each build on the draw above it"


def ladder_nets(data: DataInfo, build: Build, levels: int, channels: int, likelihood: str) -> dict[str, Net]:
    """The networks of a ladder that draws on the upper levels of the encoder.

    levels: of the encoder that have latents, from the top
    channels: maps that each level below the top draws
    likelihood: of the data, a name in ERRORS

    UserError: the encoder has fewer levels, or a single one is asked for, which is a plain VAE.
    """
    family, sizes = body(data, build)
    most = len(sizes["widths"])
    if not 2 <= levels <= most:
        expected = f"expected {'2' if most == 2 else f'2 to {most}'}" if most > 1 else "use vae"
        several = "s" * (most > 1)
        raise UserError(
            f"{option('levels', levels)}: the encoder of {data.name!r} has {most} level{several}; {expected}."
        )
    if channels < 1:
        raise UserError(f"{option('channels', channels)}: expected at least 1.")
    size = latent_size(data, build)
    E, more = encoder(data, build), {"channels": channels} if family.grid else {}
    G = net(family.ladder, **sizes, latent=size, floors=levels, output=output(likelihood), **more)
    seen, down = E.outline().levels[-levels:], G.outline()
    posterior = net(
        "LadderPosterior",
        levels=[list(level) for level in seen],
        states=[list(state) for state in down.states],
        spans=[channels if family.grid else size] * (levels - 1) + [size],
        latent=down.latent,
    )
    return {"E": E, "bottleneck": posterior, "G": G, "prior": prior("normal", down.latent)}


def rates(levels: range, top: int, beta: float | Ramp = 1.0) -> list[Term]:
    """The rate of each level; the top one's prior is N(0, 1), so the decoder has no part in it."""
    return [
        LevelRate(trains=AUTOENCODER if level < top else AUTOENCODER[:2], level=level, weight=beta) for level in levels
    ]


@recipe
def hierarchical_vae(
    data: DataInfo,
    *,
    levels: int = 2,
    channels: int = 1,
    beta: float = 1.0,
    free: float = 1.0,
    warmup: float = 0.2,
    training: Strategy = "joint",
    likelihood: Likelihood = "gaussian",
    build: Build = UNPATCHED,
    budget: Budget = Budget(),
) -> Run:
    """A ladder: features go up, latents are drawn on the way down, each level's prior conditional on those above.

    The posterior of a level is its prior, moved by what the features say. Two things keep levels from falling silent:
    the rates' weight rises from 0, and below some free bits nothing is gained. `aegean` warns of a level that stays
    below 0.1 bit.

    Papers: Sonderby et al. 2016 (the ladder, the warm-up); Vahdat and Kautz 2020 (posterior relative to the prior);
    Kingma et al. 2016 (free bits); Li et al. 2020 (`training=coarse_to_fine`: from the top latent downwards).
    Expected: digits, 40,000 images, 16 s of one processor: fd@digits-classifier:397 14.0, coverage 0.33, bits@test:397
    -22.7, of them 0.6 and 30 bits of rate on levels 0 and 1 (without the guard 0.01 and 27).

    levels: levels of the encoder that have latents, from the top
    channels: maps that each level below the top draws; dense networks draw as many dimensions as the top
    beta: weight of the rates
    free: bits of rate that each level has for free
    warmup: share of a phase over which the rates' weight rises from 0
    training: joint trains all levels from the start; coarse_to_fine begins with the top one and adds one a phase
    likelihood: distribution of the data given the latents; bernoulli takes pixels for probabilities
    latent: dimensions of the top level's latent; 0 chooses by the data
    """
    nets = ladder_nets(data, build, levels, channels, likelihood)
    weight = Ramp(0.0, beta, warmup) if warmup else beta

    def together(trained: range) -> tuple[Turn, ...]:
        of = "raw" if likelihood == "bernoulli" else "x"
        of += "_hat" if len(trained) == levels else f"_top.{len(trained)}"
        error = ERRORS[likelihood](trains=AUTOENCODER, of=of)  # type: ignore[call-arg]
        costs = rates(trained, levels - 1, weight)
        spare = [
            SpareRate(trains=term.trains, level=level, free=free, weight=weight) for level, term in zip(trained, costs)
        ]
        return (autoencoder_turn(error, *costs, *(spare if free else ()), lr=budget.lr),)

    phases = strategy(training, budget.images, levels, AUTOENCODER, together, why=WHY)
    bound = (ERRORS[likelihood](trains=AUTOENCODER), *rates(range(levels), levels - 1))
    return Run(nets, tuple(phases), budget.batch, bound=bound, wiring="ladder")
