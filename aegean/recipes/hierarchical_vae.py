"""A variational autoencoder with latents on several levels."""

from __future__ import annotations

from aegean.config import Net, UserError, net
from aegean.data.info import DataInfo
from aegean.objectives import LevelRate, Ramp, SpareRate, Term
from aegean.recipes.ae import ERRORS, output
from aegean.recipes.architecture import Network, body_of, encoder, latent_size, prior
from aegean.recipes.registry import recipe
from aegean.recipes.strategies import Strategy, strategy
from aegean.recipes.turns import autoencoder_turn
from aegean.recipes.vae import Likelihood
from aegean.training.schedule import Run, Turn

PLAYERS = ("E", "bottleneck", "G")
WHY = "the levels of a ladder cannot train alone, since the posterior and the prior of each stand on the draw above it"


def ladder_nets(
    data: DataInfo, network: Network, width: int, latent: int, levels: int, channels: int, likelihood: str
) -> dict[str, Net]:
    """The networks of a ladder that draws on the upper `levels` levels of the encoder. UserError: there are not so
    many, or one alone, which is a plain VAE."""
    conv, body = body_of(data, network, width)
    most = len(body["widths"])
    if not 2 <= levels <= most:
        range_ = f"expected 2 to {most}" if most > 1 else "so small a picture has one; use vae"
        raise UserError(f"levels={levels}: the encoder of {data.name!r} has {most} level{'s' * (most > 1)}; {range_}.")
    if channels < 1:
        raise UserError("channels=0: expected at least 1, the maps that each lower level draws.")
    size = latent_size(data, latent)
    E, shared = encoder(data, network, width), {"latent": size, "floors": levels, "output": output(likelihood)}
    G = net("ConvLadder", **body, **shared, channels=channels) if conv else net("DenseLadder", **body, **shared)
    seen, down = E.outline().levels[-levels:], G.outline()
    posterior = net(
        "LadderPosterior",
        levels=[list(level) for level in seen],
        states=[list(state) for state in down.states],
        spans=[channels if conv else size] * (levels - 1) + [size],
        latent=down.latent,
    )
    return {"E": E, "bottleneck": posterior, "G": G, "prior": prior("normal", down.latent)}


def rates(levels: range, top: int, beta: float | Ramp = 1.0) -> list[Term]:
    """The rate of each level; the top one's prior is N(0, 1), so the decoder has no part in it."""
    return [LevelRate(trains=PLAYERS if i < top else PLAYERS[:2], level=i, weight=beta) for i in levels]


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
    network: Network = "auto",
    width: int = 0,
    latent: int = 0,
    lr: float = 1e-3,
    batch: int = 64,
    images: int = 100_000,
) -> Run:
    """A ladder: features go up, latents are drawn on the way down, each level's prior conditional on those above.

    The upper `levels` levels of the encoder have latents: the top one `latent` numbers, each other one `channels` maps
    of its size (`latent` numbers in dense networks). The posterior is the prior moved by what the features say. Against
    levels that fall silent: rates are weighed from nothing to `beta` over the first share `warmup` of a phase, and
    nothing is gained below `free` bits a level. `aegean` warns of a level that stays below 0.1 bit.

    Papers: Sonderby et al. 2016 (the ladder, the warm-up); Vahdat and Kautz 2020 (posterior relative to the prior);
    Kingma et al. 2016 (free bits); Li et al. 2020 (`training=coarse_to_fine`: from the top latent downwards).
    Expected: digits, 40,000 images, 16 s of one processor: fd@digits-classifier:397 14.0, coverage 0.33, bits@test:397
    -22.7, of them 0.6 and 30 bits of rate on levels 0 and 1 (without the guard 0.01 and 27).
    """
    nets = ladder_nets(data, network, width, latent, levels, channels, likelihood)
    weight = Ramp(0.0, beta, warmup) if warmup else beta

    def together(floors: range) -> tuple[Turn, ...]:
        of = "x_hat" if len(floors) == levels else f"x_top.{len(floors)}"
        terms: list[Term] = [ERRORS[likelihood](trains=PLAYERS, of=of)]  # type: ignore[call-arg]
        found = rates(floors, levels - 1, weight)
        terms += found
        if free:
            terms += [
                SpareRate(trains=term.trains, level=i, free=free, weight=weight) for i, term in zip(floors, found)
            ]
        return (autoencoder_turn(*terms, lr=lr),)

    phases = strategy(training, images, levels, PLAYERS, together, why=WHY)
    bound = (ERRORS[likelihood](trains=PLAYERS), *rates(range(levels), levels - 1))
    return Run(nets, tuple(phases), batch, bound=bound, wiring="ladder")
