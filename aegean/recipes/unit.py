"""Translation without pairs, through a latent that both sides share."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Literal

from aegean.config import Net, UserError, net
from aegean.data.info import DataInfo
from aegean.nets.kinds import kind_of
from aegean.objectives import AbsoluteError, DiscriminatorLoss, GeneratorLoss, Ramp, SquaredError, Term
from aegean.recipes.groups import ABSENT, Adversary, Budget, Build, HandOver, shares
from aegean.recipes.patches import patch_discriminator
from aegean.recipes.registry import recipe
from aegean.recipes.restore import WIDTH, begun, u_nets, window
from aegean.recipes.turns import autoencoder_turn, gradient_penalties
from aegean.surface import option
from aegean.training.schedule import Copy, Edge, Fit, Phase, Run, Turn

SMALL = 32  # pixels a side
FITTED = 2_000  # samples, from which it is known where those of each side lie
TRANSLATORS = ("E", "F", "S", "T", "U", "V")


@dataclass(frozen=True)
class Bonds:
    """What keeps a translation near its original; the mean absolute error of each.

    within: weight of the reconstruction of a side from its own latent
    cycle: weight of the reconstruction after a translation there and back
    latents: weight of the adversary that tells the latents of the two sides apart
    """

    within: float = 10.0
    cycle: float = 10.0
    latents: float = 0.3


@recipe(pairs="none")
def unit(
    data: DataInfo,
    *,
    crop: int = 0,
    flips: Literal["none", "sides", "all"] = "sides",
    blocks: int = 1,
    shared: int = 1,
    skips: bool = True,
    teacher: float = 0.3,
    place: bool = True,
    bonds: Bonds = Bonds(),
    hand_over: HandOver = HandOver(),
    opponent: Adversary = Adversary(gamma=1.0, pack=ABSENT),
    build: Build = WIDTH,
    budget: Budget = Budget(lr=5e-4, batch=16, images=75_000),
    inherited: Mapping[str, Net] | None = None,
) -> Run:
    """Images of one side become images of the other without pairs: two autoencoders that share their latent.

    First one autoencoder learns both sides (two, where their channels differ). It is handed over to both, so that every
    translation begins as the identity. Then each side has an encoder and a decoder of its own, whose ends at the latent
    stay common; an adversary on latents takes the place of the paper's prior, discriminators of patches judge
    translations, and these must lead back to where they came from. Other than in the paper decoders see the levels
    below the latent, too. `aegean translate RUN` goes from `--data` to `--target`, with `--back` the other way. Which
    picture becomes which is for the model to find: judge it, for several seeds, by something that it was not trained
    on, such as labels.

    `--from RUN` begins both sides with the encoder and decoder of a `restore` run, such as a masked autoencoder
    (damage=holes) of images of both sides.

    Papers: Liu et al. 2017 (UNIT, eq. 1 to 9); Zhu et al. 2017, eq. 2 (the way back); Torbunov et al. 2023 (the
    hand-over). Expected: MNIST to USPS, width=16, flips=none, skips=false, 8,000 images, 80 s on one core:
    label@usps_train-classifier:2k 0.77, as often as without translation, and fd 13, from 20 at the hand-over.

    crop: height and width of the windows that are trained on; 0: whole pictures
    flips: how both sides are mirrored: sides (left and right), all (turned, too), none
    blocks: residual blocks of each level
    shared: residual blocks that encoders, and those that decoders have in common
    skips: whether decoders see all levels of the encoders, which keeps details, or the latent alone
    teacher: share of the images that the autoencoder is trained on
    place: whether what stands out from a plain border is moved and scaled to lie as on the other side, if both have one
    width: channels of the first level; 0 chooses by the data
    """
    other = data.target
    if other is None or data.paired or not kind_of(data).damaged:
        raise UserError(
            f"unit learns from two sets of images without pairs: give the other one as {option('target')}, and "
            f"{option('pairs')} none or not at all."
        )
    size, nets = window(data, crop, flips)
    levels = 2 if min(size) <= SMALL else 3  # the latent of small pictures, too, tells where things are
    source = (inherited or {}).get("E")
    if source and hand_over.encoder == "initialise" and "widths" in source.args:
        levels = len(source.args["widths"])
    mine, theirs = (u_nets(side, size, build.width, blocks, levels, skips) for side in (data, other))
    top = mine["E"].args["widths"][-1]
    common = net("Residuals", width=top, blocks=shared)
    nets |= {"E": mine["E"], "F": theirs["E"], "S": common, "T": common, "U": theirs["U"], "V": mine["U"]}
    teach = hand_over.discriminator == "encoder"
    for name, side, encoder in (("D", other, "F"), ("DA", data, "E")):
        seen = side.replace(shape=(side.shape[0], *size), target=None)
        nets[name] = patch_discriminator(seen, opponent, build.width, nets[encoder] if teach else None)
    placed = place and not crop
    if placed:
        nets["placing"] = net("Placing")
    stride = nets["U"].outline().stride
    nets["Dz"] = latent_discriminator(top, [-(-side // stride) for side in size], opponent)
    rate = Ramp(budget.lr, budget.lr / 4, cosine=True)
    pairs = [("D", "b"), ("DA", "a")]
    against = tuple(judge(name, f"real_{side}", f"fake_{side}", nets[name], opponent, rate) for name, side in pairs)
    latents = (judge("Dz", "latent_a", "latent_b", nets["Dz"], opponent, rate),) if bonds.latents else ()
    turns = (*against, *latents, Turn("translators", terms(bonds, opponent, data, other), lr=rate, beta1=0.5))
    shares("the translation", teacher=teacher)
    alike = nets["E"] == nets["F"] and nets["U"] == nets["V"]
    anew = begun(nets, inherited, hand_over)
    both = "V" in (inherited or {}) and not {"E", "F", "U", "V"} & {edge.net for edge in anew}
    edges: tuple[Edge, ...] = (Copy("E", "F"), Copy("U", "V")) if alike and not both else ()
    if teach:
        edges += (Copy("F", "D.backbone"), Copy("E", "DA.backbone"))
    first = 0 if both else round(teacher * budget.images)
    phases = [Phase("unpaired", budget.images - first, turns, edges=edges, averages=TRANSLATORS, trained=True)]
    if first:
        phases.insert(0, autoencoders(first, data, other, budget.lr, alike))
    fitted = (Fit("placing", FITTED, "sides"),) if placed else ()
    phases[0] = phases[0].replace(edges=(*anew, *fitted, *phases[0].edges))
    if not bonds.latents:
        del nets["Dz"]
    return Run(nets, tuple(phases), budget.batch, training_only=("window", "Dz"), wiring="unpaired")


def autoencoders(images: int, a: DataInfo, b: DataInfo, lr: float, alike: bool) -> Phase:
    """Both sides from their latents: by one autoencoder, or where they are not alike by one each."""
    mine: tuple[str, ...] = ("E", "S", "T", "U")
    first, second = ("ab", "a_placed", mine), ("common", "b", mine)
    if not alike:
        first, second = ("aa", "a", ("E", "S", "T", "V")), ("bb", "b", ("F", "S", "T", "U"))
    errors = [
        SquaredError(trains=trains, of=of, to=to, weight=1 / math.prod(side.shape))
        for (of, to, trains), side in ((first, a), (second, b))
    ]
    trained = tuple(dict.fromkeys((*first[2], *second[2])))
    return Phase("autoencoder", images, (autoencoder_turn(*errors, lr=max(lr, 1e-3)),), averages=trained)


def terms(bonds: Bonds, opponent: Adversary, a: DataInfo, b: DataInfo) -> tuple[Term, ...]:
    """Of the translators: errors are sums over values, so their weights are shares."""
    near = [
        AbsoluteError(trains=trains, of=of, to=to, weight=weight / math.prod(side.shape))
        for of, to, trains, side, weight in (
            ("aa", "a", ("E", "S", "T", "V"), a, bonds.within),
            ("bb", "b", ("F", "S", "T", "U"), b, bonds.within),
            ("aba", "a", TRANSLATORS, a, bonds.cycle),
            ("bab", "b", TRANSLATORS, b, bonds.cycle),
        )
    ]
    fool = [
        GeneratorLoss(trains=("E", "S", "T", "U"), loss=opponent.loss, real="real_b", fake="fake_b"),
        GeneratorLoss(trains=("F", "S", "T", "V"), loss=opponent.loss, real="real_a", fake="fake_a"),
    ]
    alike = [
        GeneratorLoss(trains=("E", "F", "S"), loss=opponent.loss, real=real, fake=fake, weight=bonds.latents / 2)
        for real, fake in (("latent_a", "latent_b"), ("latent_b", "latent_a"))
    ]
    return (*near, *fool, *(alike if bonds.latents else ()))


def judge(name: str, real: str, fake: str, D: Net, opponent: Adversary, rate: Ramp) -> Turn:
    """A discriminator's turn; `gamma` is shared out among its patches."""
    last = D.args["backbone"].outline().levels[-1]
    opponent = replace(opponent, gamma=opponent.gamma / math.prod(last[1:]))
    loss = DiscriminatorLoss(trains=(name,), loss=opponent.loss, real=real, fake=fake)
    return Turn(name, (loss, *gradient_penalties(opponent, (name,), real, fake)), lr=rate)


def latent_discriminator(width: int, places: list[int], opponent: Adversary) -> Net:
    backbone = net("ConvEncoder", shape=(width, *places), widths=[64])
    return net("Discriminator", backbone=backbone, bias=opponent.bias, patches=True)
