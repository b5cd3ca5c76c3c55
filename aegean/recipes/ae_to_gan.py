"""Knowledge transfer: an autoencoder learns what the data contain, then hands itself to a GAN."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Literal

from aegean.config import Net, UserError
from aegean.data.info import DataInfo
from aegean.objectives import Distil, LatentError, Ramp, SquaredError, Term
from aegean.recipes.architecture import above, shared_discriminator, without_components
from aegean.recipes.architecture import discriminator as new_discriminator
from aegean.recipes.architecture import prior as new_prior
from aegean.recipes.groups import ABSENT, Adversary, Budget, Build, shares
from aegean.recipes.registry import recipe
from aegean.recipes.teacher import Teacher
from aegean.recipes.teacher import teacher as the_teacher
from aegean.recipes.turns import discriminator_turn, falling, generator_turn
from aegean.surface import option
from aegean.training.schedule import Copy, Edge, Fit, Phase, Renew, Run

BY_DATA = -1.0  # gamma, where none is chosen
FEW = 1_000  # training samples, below which an adversary knows them by heart
NEARLY = 0.99  # the teacher's share where the adversary has nothing to add
LEAST = 20_000  # images of an adversary on photographs, below which it leaves them worse than it found them
PASSES = 40  # of the autoencoder over few photographs (docs/log.md, "Few photographs")


@dataclass(frozen=True)
class Transfer:
    """What is handed over, each edge by name of the network that receives it.

    generator: begins as the decoder (initialise) or new
    discriminator: begins as the encoder (initialise), or new; or small heads judge the frozen encoder's levels, as
        they are (share) or mixed (project); auto: new beside principal components, else initialise
    prior: what is fitted to the latents: a mixture, a mapping network or one Gaussian; normal: N(0, 1)
    freeze: so many levels of the discriminator stay as the encoder's, from the data upwards
    pixels: whether, with share or project, another head sees the samples themselves
    """

    generator: Literal["initialise", "new"] = "initialise"
    discriminator: Literal["auto", "initialise", "share", "project", "new"] = "auto"
    prior: Literal["mixture", "mapping", "gaussian", "normal"] = "mixture"
    freeze: int = 0
    pixels: bool = False


@dataclass(frozen=True)
class Ties:
    """What keeps the generator near what was handed over.

    anchor: weight of the mean squared error of reconstructions
    anneal: share of its weight to which the anchor falls
    distil: weight, falling to 0, of the mean squared distance to what the first decoder draws from the same latent
    invert: weight of the relative error of the latent that the encoder finds in a sample
    """

    anchor: float = 12.0
    anneal: float = 1.0
    distil: float = 0.0
    invert: float = 0.0

    def terms(self, size: int) -> list[Term]:
        """Of samples of so many values: an adversary's loss does not grow with them, so neither may its
        counterweight."""
        found: list[Term] = []
        if self.anchor:
            weight = Ramp(self.anchor / size, self.anneal * self.anchor / size)
            found.append(SquaredError(trains=("G",), weight=weight))
        if self.distil:
            found.append(Distil(trains=("G",), weight=Ramp(self.distil / size, 0.0)))
        if self.invert:
            found.append(LatentError(trains=("G",), weight=self.invert))
        return found


@recipe
def ae_to_gan(
    data: DataInfo,
    *,
    beta: float = 0.1,
    teacher: float = 0.0,
    warmup: float = 0.05,
    ramp: float = 0.05,
    recon: bool = False,
    mirror: bool = True,
    transfer: Transfer = Transfer(),
    ties: Ties = Ties(),
    opponent: Adversary = Adversary(gamma=BY_DATA, relax=0.1),
    build: Build = Build(),
    budget: Budget = Budget(lr=5e-4, images=0),
    inherited: Mapping[str, Net] | None = None,
) -> Run:
    """A GAN that starts from an autoencoder: decoder to generator, encoder to discriminator, prior from latents.

    Three phases share the budget: a VAE, on photographs one that begins as their principal components, or with
    `--from RUN` a trained autoencoder of any kind and size; the discriminator's warm-up with the generator frozen; then
    both. The reconstruction stays as an anchor, so nothing that was handed over is forgotten. It trains the generator
    alone: the encoder is frozen, and with it the latents that the prior was fitted to. If the end is further from
    held-out data than what was handed over, that is what the run keeps.
    A gamma of -1 is chosen by the data: 1 for photographs, else 0.1. Fewer than 1,000 photographs the autoencoder sees
    40 times each and no more, and the generator stays what it was handed: longer, or against an adversary, it learns
    them by heart (a share for `teacher` lifts that). What each option is worth: docs/transfer.md.

    Papers: Goodfellow et al. 2014; Kingma and Welling 2013; Ghosh et al. 2020 (the fitted mixture); Sauer et al. 2021
    (`project`); Huang et al. 2024 (loss and penalties). Expected: digits, 40,000 images, 27 s of one core:
    fd@digits-classifier:397 0.68, coverage 0.96 (floor 0.75 and 0.99; `gan` at the same budget 59 s, 8.9 and 0.47).

    beta: weight of the rate of the VAE
    teacher: share of the images that the VAE is trained on; 0 chooses by data and budget: 0.4 on photographs, else
        as long as it learns fast, and nearly all where too little would be left for the adversary
    warmup: share of the remaining images that the discriminator alone is trained on
    ramp: share of the last phase over which the generator's rate rises
    recon: whether reconstructions are fakes for the discriminator, too
    mirror: whether fewer than 1,000 photographs are also seen mirrored, left to right
    """
    if opponent.gamma == BY_DATA:
        opponent = replace(opponent, gamma=1.0 if data.textured else 0.1)
    opponent.check(budget.batch)
    kept, open_ = transfer.generator == "initialise", not teacher and inherited is None
    few = few_photographs(data) and kept and open_
    images = min(budget.images, PASSES * data.count) if few else budget.images
    if open_:
        teacher = NEARLY if few else teacher_share(data, images)
    shares(teacher=teacher, warmup=warmup)
    own = kept and transfer.discriminator not in ("share", "project")
    taught = the_teacher(data, build, round(images * teacher), beta, inherited, principal=own)
    nets, edges, trains = handed_over(data, taught, transfer, opponent)
    if ties.distil:
        nets["kept"] = nets["G"]
        edges.append(Copy("G", "kept"))
    if transfer.generator == "new":
        edges.append(Renew("G"))
    fakes, rate = ("fake", "recon") if recon else ("fake",), falling(budget.lr)
    alone = discriminator_turn(replace(opponent, relax=ABSENT), budget.lr, fakes, trains)
    against = discriminator_turn(opponent, rate, fakes, trains)
    generator = generator_turn(opponent.loss, rate.replace(rise=ramp), *ties.terms(math.prod(data.shape)))
    left = max(1, round(images * (1 - teacher)))
    warming = left if few else round(left * warmup)
    memory = 0.03 if data.textured else 0.1  # of the average: a longer one blurs texture, and helps digits
    end = Phase("adversarial", left - warming, (against, generator), averages=("G",), half_life=memory, trained=kept)
    phases = ([Phase("warm-up", warming, (alone,))] if warming else []) + ([] if few else [end])
    phases[0] = phases[0].replace(edges=tuple(edges))
    mirrored, capped = mirror and few_photographs(data), images < budget.images
    run = Run(nets, (*taught.phases, *phases), budget.batch, training_only=("corruption", "kept"))
    return run.replace(mirrored=mirrored, capped=capped)


def few_photographs(data: DataInfo) -> bool:
    return data.textured and 0 < data.count < FEW


def teacher_share(data: DataInfo, images: int) -> float:
    """The autoencoder's share of so many images, where it is left open (docs/log.md, "how long the teacher learns").

    Two fifths of them on photographs, whose texture no squared error learns. Elsewhere it draws well by itself, and an
    image costs it a third of what it costs the adversary: it has the first 300,000, at least seven tenths and at most
    nine. Of samples that are not tiny the adversary needs 100,000 images, on photographs 20,000, to gain more than the
    autoencoder would in the same time; where fewer are left, the autoencoder has nearly all. Fewer than 1,000 samples
    the adversary knows by heart.
    """
    if 0 < data.count < FEW:
        return 0.9
    share = 0.4 if data.textured else min(0.9, max(0.7, 300_000 / images))
    least = LEAST if data.textured else 100_000 if math.prod(data.shape) > 256 else 0
    return share if round(images * (1 - share)) >= least else NEARLY


def handed_over(
    data: DataInfo, taught: Teacher, transfer: Transfer, opponent: Adversary
) -> tuple[dict[str, Net], list[Edge], tuple[str, ...]]:
    """The networks with a prior and a discriminator, the edges that begin both, and the parts of the discriminator
    that train. UserError: choices that contradict each other."""
    nets, beside = dict(taught.nets), taught.nets["E"] != without_components(taught.nets["E"])
    chosen = transfer.discriminator
    if chosen == "auto":
        chosen = "new" if beside else "initialise"
    if transfer.prior == "normal" and transfer.generator == "initialise" and nets["bottleneck"].kind != "Gaussian":
        raise UserError(
            f"{option('prior', 'normal')}: the latents of a plain autoencoder are not N(0, 1); use "
            f"{option('prior', 'mixture')}."
        )
    nets["prior"] = new_prior(transfer.prior, taught.latent, taught.classes)
    edges: list[Edge] = [] if transfer.prior == "normal" else [Fit()]
    if chosen in ("share", "project"):
        if taught.classes or opponent.pack > 1 or transfer.freeze:
            raise UserError(
                f"{option('discriminator', chosen)} takes no classes, packs or freeze; use "
                f"{option('discriminator', 'initialise')}."
            )
        nets["D"] = shared_discriminator(data, nets["E"], opponent.augment, chosen == "project", transfer.pixels)
        return nets, edges, ("D",)
    if transfer.pixels:
        raise UserError(
            f"{option('pixels', True)} is for a discriminator of shared features; others see the samples anyway: use "
            f"{option('discriminator', 'share')} or {option('discriminator', 'project')}."
        )
    nets["D"] = new_discriminator(data, nets["E"], opponent, taught.classes)
    if chosen == "initialise":
        edges.append(Copy("E.encoder" if beside else "E", "D.backbone"))
    elif transfer.freeze:
        raise UserError(
            f"{option('freeze', transfer.freeze)} keeps levels of the encoder; use "
            f"{option('discriminator', 'initialise')}."
        )
    return nets, edges, above(nets["D"], transfer.freeze)
