"""A stack of GANs on the levels of an encoder."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from typing import Literal

from aegean.config import Net, UserError, net
from aegean.data.info import DataInfo
from aegean.nets.kinds import kind_of
from aegean.recipes.groups import PENALTIES, UNLABELLED, Adversary, Budget, Build, shares
from aegean.recipes.registry import recipe
from aegean.recipes.stack import Sizes, Weights, check_inherited, learning, stack_nets, turns
from aegean.recipes.strategies import Strategy, strategy
from aegean.recipes.turns import falling
from aegean.surface import option
from aegean.training.schedule import Copy, Fit, Run


@recipe
def stacked_gan(
    data: DataInfo,
    *,
    encoder: Literal["autoencoder", "classifier"] = "autoencoder",
    teacher: float = 0.3,
    training: Strategy = "coarse_to_fine",
    beta: float = 1.0,
    sizes: Sizes = Sizes(),
    weights: Weights = Weights(),
    opponent: Adversary = PENALTIES,
    build: Build = UNLABELLED,
    budget: Budget = Budget(lr=2e-4),
    inherited: Mapping[str, Net] | None = None,
) -> Run:
    """A GAN on every level of a trained encoder, from the top downwards: G_i draws h_i from h_(i+1) and noise z_i.

    First the encoder (with `--from RUN` that of a stack of the same sizes). That of an autoencoder can reconstruct from
    every level, and its decoders begin the generators. A mixture is fitted to its latents. Then each level has a
    discriminator, which begins as the encoder's own stage, and besides the adversarial term three more terms that
    `condition`, `entropy` and `anchor` weigh.

    Papers: Huang et al. 2017 (the stack; here with the loss and penalties of Huang et al. 2024, features of mean
    square 1, and weights measured on digits in the place of 1 and 10); Ghosh et al. 2020 (the mixture).
    Expected: digits, 40,000 images, 41 s of one processor: fd@digits-classifier:397 5.3, coverage 0.68 (floor 0.75 and
    0.99; a `gan` with as many parameters 8.2 and 0.55); level 0 redrawn, 97 % of samples keep their class.

    encoder: what the encoder is trained as, half of an autoencoder or a classifier
    teacher: share of the images that the encoder is trained on
    training: independent draws each level from the data's own features, joint from what the level above draws,
        coarse_to_fine begins with the top level and then adds the next
    beta: weight of the rate of the autoencoder
    """
    shares(teacher=teacher)
    plain = encoder == "classifier" or not kind_of(data).variational
    nets = stack_nets(data, build, sizes, "identity" if plain else "gaussian")
    if encoder == "classifier":
        if len(data.classes) < 2:
            raise UserError(
                f"{option('encoder', 'classifier')} needs labels, and {data.name!r} has none; use "
                f"{option('encoder', 'autoencoder')}."
            )
        nets["C"] = net("MLPEncoder", shape=[nets["prior"].args["latent"]], widths=[len(data.classes)])
    if inherited is not None:
        check_inherited(nets, inherited)
        teacher = 0.0
    together, alone = (
        partial(turns, sizes, weights, opponent, falling(budget.lr), chained) for chained in (True, False)
    )
    first, *rest = strategy(training, budget.images * (1 - teacher), sizes.levels, ("G",), together, alone)
    edges = (Fit(), *(Copy(f"E.{i}.body", f"D.{i}.backbone") for i in range(sizes.levels)))
    phases = [replace(first, edges=edges), *rest]
    if inherited is None:
        phases.insert(0, learning(data, round(budget.images * teacher), sizes.levels, encoder, plain, beta))
    if not weights.entropy:
        del nets["Q"]
    return Run(nets, tuple(phases), budget.batch, training_only=("corruption", "Q", "C"), wiring="stack")
