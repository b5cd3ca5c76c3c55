"""A GAN that draws and compares a sample at every scale."""

from __future__ import annotations

from dataclasses import replace

from aegean.config import UserError, net
from aegean.data.info import DataInfo
from aegean.objectives import DiscriminatorLoss, GeneratorLoss
from aegean.recipes.architecture import body, latent_size, prior
from aegean.recipes.groups import ABSENT, PENALTIES, UNPATCHED, Adversary, Budget, Build
from aegean.recipes.registry import recipe
from aegean.recipes.strategies import Strategy, strategy
from aegean.recipes.turns import falling, gradient_penalties
from aegean.surface import option
from aegean.training.schedule import Run, Turn

WHY = "the scales of one generator cannot train alone, since each is drawn from the state of the coarser one"


@recipe
def multiscale_gan(
    data: DataInfo,
    *,
    training: Strategy = "joint",
    channels: int = 1,
    opponent: Adversary = PENALTIES,
    build: Build = replace(UNPATCHED, network=ABSENT),
    budget: Budget = Budget(lr=5e-4),
) -> Run:
    """One generator that shows its state at every scale, and one discriminator that sees all of these pictures at once.

    Gradients reach every scale directly, so the coarse ones settle first. The coarsest scale draws the latent, each
    finer one maps of noise, so any level can be redrawn.

    Papers: Karnewar and Wang 2020 (MSG-GAN); Karras et al. 2018 (coarse to fine); Huang et al. 2024 (loss, R1 and R2).
    Expected: digits, 40,000 images, 54 s of one processor: fd@digits-classifier:397 12.0, coverage 0.29; with
    `training=coarse_to_fine` 39 s, 12.9 and 0.21.

    training: joint trains all scales from the start; coarse_to_fine begins with the coarsest and adds one a phase
    channels: maps of noise that each finer scale draws
    latent: dimensions of the latent, which the coarsest scale draws; 0 chooses by the data
    """
    family, sizes = body(data, replace(build, network="auto"))
    if not family.grid:
        raise UserError(f"multiscale_gan draws pictures at several scales; {data.name!r} has none: use gan.")
    scales = len(sizes["widths"])
    if scales < 2:
        raise UserError(f"Samples of {'x'.join(map(str, data.shape[1:]))} have one scale only; use gan.")
    if channels < 1:
        raise UserError(f"{option('channels', channels)}: expected at least 1.")
    G = net(family.ladder, **sizes, latent=latent_size(data, build), floors=scales, channels=channels, pictures=True)
    nets = {"prior": prior("normal", sum(G.outline().spans)), "G": G, "D": net("ScaleDiscriminator", **sizes)}
    rate = falling(budget.lr)

    def together(levels: range) -> tuple[Turn, ...]:
        real, fake = (f"{side}.{levels.start}" for side in ("real", "fake"))
        loss = DiscriminatorLoss(trains=("D",), real=real, fake=fake)
        return (
            Turn("D", (loss, *gradient_penalties(opponent, ("D",), real, fake)), lr=rate),
            Turn("G", (GeneratorLoss(trains=("G",), real=real, fake=fake),), lr=rate),
        )

    phases = strategy(training, budget.images, scales, ("G",), together, why=WHY)
    return Run(nets, tuple(phases), budget.batch, wiring="scales")
