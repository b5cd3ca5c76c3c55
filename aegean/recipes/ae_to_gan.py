"""Knowledge transfer: an autoencoder learns what the data contain, then hands itself to a GAN."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Literal

from aegean.config import Net, UserError
from aegean.data.info import DataInfo
from aegean.objectives import Distil, LatentError, Ramp, SquaredError, Term
from aegean.objectives.penalties import Precision
from aegean.recipes.architecture import Augmentation, Loss, Network, above, on_features
from aegean.recipes.architecture import discriminator as new_discriminator
from aegean.recipes.architecture import prior as new_prior
from aegean.recipes.registry import recipe
from aegean.recipes.teacher import shares
from aegean.recipes.teacher import teacher as the_teacher
from aegean.recipes.turns import discriminator_turn, generator_turn, whole_packs
from aegean.training.schedule import Copy, Edge, Fit, Phase, Renew, Run

Decoder = Literal["initialise", "new"]
Encoder = Literal["initialise", "share", "project", "new"]
Prior = Literal["mixture", "mapping", "gaussian", "normal"]


@recipe
def ae_to_gan(
    data: DataInfo,
    *,
    beta: float = 0.1,
    teacher: float = 0.5,
    generator: Decoder = "initialise",
    discriminator: Encoder = "initialise",
    prior: Prior = "mixture",
    freeze: int = 0,
    pixels: bool = False,
    warmup: float = 0.05,
    ramp: float = 0.0,
    anchor: float = 12.0,
    anneal: float = 1.0,
    distil: float = 0.0,
    invert: float = 0.0,
    recon: bool = False,
    loss: Loss = "relativistic",
    gamma: float = 1.0,
    penalty: Precision = "auto",
    pack: int = 1,
    augment: tuple[Augmentation, ...] = (),
    network: Network = "auto",
    width: int = 0,
    latent: int = 0,
    conditional: bool = False,
    lr: float = 5e-4,
    batch: int = 64,
    images: int = 100_000,
    inherited: Mapping[str, Net] | None = None,
) -> Run:
    """A GAN that starts from an autoencoder: decoder to generator, encoder to discriminator, prior from latents.

    Three phases share the budget: a VAE with weight `beta` on its rate (`teacher` of the images; none with
    `--from RUN`, which hands over a trained autoencoder of any kind and size), the discriminator's warm-up with the
    generator still (`warmup`), then both. The reconstruction stays as an anchor, weight `anchor` on its mean squared
    error: so nothing that was handed over is forgotten. It trains the generator alone: the encoder holds still, and
    with it the latents that the prior was fitted to.

    What is handed over, each edge by name. `generator`: begins as the decoder, or new. `discriminator`: its backbone
    begins as the encoder (`initialise`; then `freeze` holds so many levels, from the data upwards); or small heads
    judge the encoder's own levels, which hold still: as they are (`share`), or through fixed random projections across
    levels (`project`), and with `pixels` the samples themselves, too; or new. `prior`: what is fitted to the latents, a
    mixture, a mapping network or one Gaussian; `normal` is N(0, 1).

    Further ways to keep what was handed over: `ramp`, the share of the phase over which the generator's rate rises;
    `anneal`, the share of its weight to which the anchor falls; `distil`, weight, falling to nothing, of the mean
    squared distance to what the kept decoder draws from the same latent; `invert`, weight of the relative error of the
    latent that the encoder finds in a sample; `recon`, reconstructions as fakes for the discriminator, too. What each
    is worth: docs/transfer.md.

    Papers: Goodfellow et al. 2014; Kingma and Welling 2013; Ghosh et al. 2020 (the fitted mixture); Sauer et al. 2021
    (`project`); Huang et al. 2024 (loss and penalties). Expected: digits, 40,000 images, 33 s on two cores:
    fd@digits-classifier:397 1.6, coverage 0.96 (floor 0.79 and 0.98; `gan` at the same budget 9.1 and 0.40); with
    `batch=32` 1.2 and 0.95 (median of five seeds).
    """
    whole_packs(batch, pack)
    shares(teacher, warmup)
    taught = the_teacher(data, round(images * teacher), beta, network, width, latent, conditional, inherited)
    nets = dict(taught.nets)
    if prior == "normal" and generator == "initialise" and nets["bottleneck"].kind != "Gaussian":
        raise UserError("prior=normal: the latents of a plain autoencoder are not N(0, 1); use prior=mixture.")
    nets["prior"] = new_prior(prior, taught.latent, taught.classes)
    edges: list[Edge] = [] if prior == "normal" else [Fit()]
    if discriminator in ("share", "project"):
        if taught.classes or pack > 1 or freeze:
            raise UserError(f"discriminator={discriminator} takes no classes, packs or freeze: use initialise.")
        nets["D"] = on_features(data, nets["E"], augment, discriminator == "project", pixels)
        judges: tuple[str, ...] = ("D",)
    else:
        if pixels:
            raise UserError("pixels=true is for discriminator=share or project; others see the samples anyway.")
        nets["D"] = new_discriminator(data, nets["E"], loss, taught.classes, pack, augment)
        judges = above(nets["D"], freeze)
        if discriminator == "initialise":
            edges.append(Copy("E", "D.backbone"))
        elif freeze:
            raise UserError("freeze keeps levels of the encoder: use discriminator=initialise.")
    if distil:
        nets["kept"] = nets["G"]
        edges.append(Copy("G", "kept"))
    if generator == "new":
        edges.append(Renew("G"))
    # Over the number of values: an adversary's loss does not grow with it, so neither may its counterweight.
    size, ties = math.prod(data.shape), list[Term]()
    if anchor:
        ties.append(SquaredError(trains=("G",), weight=Ramp(anchor / size, anneal * anchor / size)))
    if distil:
        ties.append(Distil(trains=("G",), weight=Ramp(distil / size, 0.0)))
    if invert:
        ties.append(LatentError(trains=("G",), weight=invert))
    fakes, falling = ("fake", "recon") if recon else ("fake",), Ramp(lr, lr / 4, cosine=True)
    alone, against = (discriminator_turn(loss, gamma, rate, fakes, penalty, judges) for rate in (lr, falling))
    forger = generator_turn(loss, falling.replace(rise=ramp), *ties)
    left = round(images * (1 - teacher - warmup))
    phases = [Phase("adversarial", left, (against, forger), averages=("G",))]
    if warmup:
        phases.insert(0, Phase("warm-up", round(images * warmup), (alone,)))
    phases[0] = phases[0].replace(edges=tuple(edges))
    return Run(nets, (*taught.phases, *phases), batch, training_only=("corruption", "kept"))
