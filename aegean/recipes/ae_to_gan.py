"""Knowledge transfer: an autoencoder learns what the data contain, then hands itself to a GAN."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Literal

from aegean.config import Net, UserError
from aegean.data.info import DataInfo
from aegean.objectives import Ramp, SquaredError
from aegean.objectives.penalties import Precision
from aegean.recipes.ae import autoencoder_nets
from aegean.recipes.architecture import Augmentation, Loss, Network, class_count, discriminator, latent_size
from aegean.recipes.architecture import prior as prior_net
from aegean.recipes.registry import recipe
from aegean.recipes.turns import autoencoder_turn, discriminator_turn, generator_turn, whole_packs
from aegean.recipes.vae import evidence_terms
from aegean.training.schedule import Copy, Fit, Phase, Run


@recipe
def ae_to_gan(
    data: DataInfo,
    *,
    beta: float = 1.0,
    teacher: float = 0.3,
    warmup: float = 0.05,
    anchor: float = 12.0,
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

    Papers: Goodfellow et al. 2014; Kingma and Welling 2013; Ghosh et al. 2020 (the fitted mixture); Huang et al.
    2024 (loss and penalties). Expected: digits, 40,000 images, 33 s on two cores: fd@digits-classifier:397 5.9,
    coverage 0.75 (floor 0.79 and 0.98; `gan` at the same budget 12.4 and 0.35).
    """
    whole_packs(batch, pack)
    if teacher + warmup >= 1:
        raise UserError(
            f"teacher={teacher} and warmup={warmup} leave no images for the GAN; their sum must be below 1."
        )
    classes, size = class_count(data, conditional), latent_size(data, latent)
    nets = autoencoder_nets(data, "gaussian", network, width, latent, "gaussian", classes)
    if inherited is not None:
        nets = handed_over(inherited, conditional)
        classes, size = nets["G"].args["classes"], nets["G"].args["latent"]
        if prior == "normal" and nets["bottleneck"].kind != "Gaussian":
            raise UserError("prior=normal: the latents of a plain autoencoder are not N(0, 1); use prior=mixture.")
    nets["prior"] = prior_net(prior, size, classes)
    nets["D"] = discriminator(data, nets["E"], loss, classes, pack, augment)
    D_rate = Ramp(lr, lr / 4, cosine=True)
    edges = (Copy("E", "D.backbone"), Fit())
    # Over the number of values: an adversary's loss does not grow with it, so neither may its counterweight.
    weight = anchor / math.prod(data.shape)
    anchors = (SquaredError(trains=("G",), weight=weight),) if anchor else ()
    phases = [
        Phase(
            "autoencoder",
            round(images * teacher),
            (autoencoder_turn(*evidence_terms("gaussian", beta), lr=1e-3),),
            averages=("E", "bottleneck", "G"),
        ),
        Phase("warm-up", round(images * warmup), (discriminator_turn(loss, gamma, lr, penalty=penalty),), edges),
        Phase(
            "adversarial",
            round(images * (1 - teacher - warmup)),
            (discriminator_turn(loss, gamma, D_rate, penalty=penalty), generator_turn(loss, D_rate, *anchors)),
            averages=("G",),
        ),
    ]
    return Run(nets, tuple(phases if inherited is None else phases[1:]), batch)


def handed_over(inherited: Mapping[str, Net], conditional: bool) -> dict[str, Net]:
    """The autoencoder among a source's networks. UserError: there is none, or none with classes where asked for."""
    missing = [name for name in ("E", "bottleneck", "G") if name not in inherited]
    if missing:
        raise UserError(
            f"--from: the source has {', '.join(inherited)}, but no {', '.join(missing)}; ae_to_gan starts from an "
            "autoencoder: train ae, denoising_ae or vae."
        )
    if conditional and not inherited["G"].args["classes"]:
        raise UserError("conditional=true: the source was trained without classes; train it with conditional=true.")
    return {name: inherited[name] for name in ("E", "bottleneck", "G")}
