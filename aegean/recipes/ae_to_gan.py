"""Knowledge transfer: an autoencoder learns what the data contain, then hands itself to a GAN."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Literal

from aegean.config import Config, Net, UserError
from aegean.data.info import DataInfo
from aegean.objectives import Distil, Ramp, SquaredError, Term
from aegean.objectives.penalties import Precision
from aegean.recipes.architecture import Augmentation, Loss, Network, above, discriminator
from aegean.recipes.architecture import prior as prior_net
from aegean.recipes.registry import recipe
from aegean.recipes.teacher import shares
from aegean.recipes.teacher import teacher as the_teacher
from aegean.recipes.turns import discriminator_turn, generator_turn, whole_packs
from aegean.training.schedule import Copy, Fit, Phase, Renew, Run

Edge = Literal["decoder", "encoder"]


@recipe
def ae_to_gan(
    data: DataInfo,
    *,
    beta: float = 1.0,
    teacher: float = 0.3,
    warmup: float = 0.05,
    initialise: tuple[Edge, ...] = ("decoder", "encoder"),
    freeze: int = 0,
    anchor: float = 12.0,
    anneal: float = 1.0,
    distil: float = 0.0,
    prior: Literal["mixture", "normal"] = "mixture",
    loss: Loss = "relativistic",
    gamma: float = 1.0,
    penalty: Precision = "auto",
    pack: int = 1,
    augment: tuple[Augmentation, ...] = (),
    network: Network = "auto",
    width: int = 0,
    latent: int = 0,
    conditional: bool = False,
    lr: float = 2e-4,
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

    Each edge can be left out or changed. `initialise`: whether the generator begins as the decoder, the discriminator
    as the encoder. `freeze`: so many levels of the discriminator, from the data upwards, stay the encoder's. `anneal`:
    the anchor's weight falls to this share. `distil`: weight, falling to nothing, of the mean squared distance to what
    the kept decoder draws from the same latent. `prior=normal`: no mixture is fitted.

    Papers: Goodfellow et al. 2014; Kingma and Welling 2013; Ghosh et al. 2020 (the fitted mixture); Huang et al.
    2024 (loss and penalties). Expected: digits, 40,000 images, 33 s on two cores: fd@digits-classifier:397 5.9,
    coverage 0.75 (floor 0.79 and 0.98; `gan` at the same budget 12.4 and 0.35).
    """
    whole_packs(batch, pack)
    shares(teacher, warmup)
    taught = the_teacher(data, round(images * teacher), beta, network, width, latent, conditional, inherited)
    nets = dict(taught.nets)
    if prior == "normal" and nets["bottleneck"].kind != "Gaussian":
        raise UserError("prior=normal: the latents of a plain autoencoder are not N(0, 1); use prior=mixture.")
    nets["prior"] = prior_net(prior, taught.latent, taught.classes)
    nets["D"] = discriminator(data, nets["E"], loss, taught.classes, pack, augment)
    if freeze and "encoder" not in initialise:
        raise UserError("freeze keeps levels of the encoder in the discriminator: add encoder to initialise.")
    edges: list[Config] = [Fit()]
    if "encoder" in initialise:
        edges.append(Copy("E", "D.backbone"))
    if distil:
        nets["kept"] = nets["G"]
        edges.append(Copy("G", "kept"))
    if "decoder" not in initialise:
        edges.append(Renew("G"))
    # Over the number of values: an adversary's loss does not grow with it, so neither may its counterweight.
    size, ties = math.prod(data.shape), list[Term]()
    if anchor:
        ties.append(SquaredError(trains=("G",), weight=Ramp(anchor / size, anneal * anchor / size)))
    if distil:
        ties.append(Distil(trains=("G",), weight=Ramp(distil / size, 0.0)))
    rate = Ramp(lr, lr / 4, cosine=True)
    judges = [discriminator_turn(loss, gamma, r, penalty=penalty, trains=above(nets["D"], freeze)) for r in (lr, rate)]
    phases = (
        Phase("warm-up", round(images * warmup), (judges[0],), tuple(edges)),
        Phase(
            "adversarial",
            round(images * (1 - teacher - warmup)),
            (judges[1], generator_turn(loss, rate, *ties)),
            averages=("G",),
        ),
    )
    return Run(nets, (*taught.phases, *phases), batch, training_only=("corruption", "kept"))
