"""A trained autoencoder's decoder, taught to draw the user's own pictures sharply."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from aegean.config import Net, UserError, net
from aegean.data.info import DataInfo
from aegean.objectives import AbsoluteError, FeatureMatching, GeneratorLoss, Ramp, SquaredError, Term
from aegean.objectives.penalties import Precision
from aegean.recipes.architecture import Loss, Network
from aegean.recipes.registry import recipe
from aegean.recipes.teacher import teacher as the_teacher
from aegean.recipes.turns import discriminator_turn
from aegean.recipes.vq_gan import patch_discriminator, patches
from aegean.training.schedule import Phase, Run, Turn

Error = Literal["squared", "absolute"]
KEPT = ("symbols", "pixels")  # what else a source's model needs for its verbs


@recipe
def decoder_finetune(
    data: DataInfo,
    *,
    teacher: float = 0.5,
    warmup: float = 0.2,
    error: Error = "squared",
    adversary: float = 0.5,
    features: float = 0.5,
    loss: Loss = "relativistic",
    gamma: float = 0.03,
    penalty: Precision = "auto",
    network: Network = "auto",
    width: int = 0,
    latent: int = 0,
    lr: float = 2e-4,
    batch: int = 16,
    images: int = 100_000,
    inherited: Mapping[str, Net] | None = None,
) -> Run:
    """A trained autoencoder draws your own pictures better: its decoder learns on, its latents stay what they are.

    `--from` is a run with an autoencoder of any kind, or a folder of diffusers with an AutoencoderKL, a VQModel or an
    AutoencoderTiny; without it a VAE is trained first, for `teacher` of the images. Encoder and quantiser hold still,
    so whatever was trained on the latents (a diffusion model) stays valid; a file is read with the model that wrote it.

    In the first `warmup` of what is left the decoder follows the `error` alone, and a discriminator of patches learns
    to tell its pictures from the data. Then the decoder goes on by the error, against the discriminator (`adversary`)
    and by the distance in its features (`features`): both are shares of the error's own pull at the decoder's output,
    however loud the discriminator is. `width` is of the discriminator's first level (32); without `--from` of the
    VAE, too.

    Papers: Esser et al. 2021 (the plan); Isola et al. 2017, section 3.2.2 (patches); Défossez et al. 2022, section 3.4
    (the balance; eq. 3, features); Huang et al. 2024 (loss and penalties).
    Expected: CIFAR-10, a small AutoencoderTiny of 22.5 dB, 16,000 images, one processor, 2 minutes:
    rfd@classifier:10000 9.9 and 22.1 dB, where the squared error alone leaves 18.1 and 22.6.
    """
    for name, share in (("teacher", teacher), ("warmup", warmup)):
        if share >= 1:
            raise UserError(f"{name}={share} leaves no images for the decoder; expected less than 1.")
    taught = the_teacher(data, round(teacher * images), 1.0, network, width, latent, False, inherited)
    nets = {**taught.nets, **{name: spec for name, spec in (inherited or {}).items() if name in KEPT}}
    if inherited is None or inherited.get("prior", Net("")).kind == "NormalPrior":
        nets["prior"] = net("NormalPrior", latent=taught.latent, classes=taught.classes)
    counted: tuple[str, ...] = ()
    if "symbols" not in nets and (takes := symbols_of(nets["bottleneck"])):
        nets["symbols"], counted = net("CountModel", channels=takes[0], levels=takes[1]), ("symbols",)
    nets["D"] = D = patch_discriminator(data, loss, width or 32)
    near: Term = {"squared": SquaredError, "absolute": AbsoluteError}[error](trains=("G",))
    sharp: list[Term] = [near]
    if adversary:
        sharp.append(GeneratorLoss(trains=("G",), loss=loss, fake="recon", weight=adversary))
    if features:
        sharp.append(FeatureMatching(trains=("G",), weight=features))
    rate = Ramp(lr, lr / 10, cosine=True)
    judging = discriminator_turn(loss, gamma / patches(D), 4 * lr, ("recon",), penalty)
    alone = Turn("G", (near,), lr=lr, beta1=0.5, observes=counted)
    against = Turn("G", tuple(sharp), lr=rate, beta1=0.5, observes=counted, balance="x_hat")
    left = images - sum(phase.images for phase in taught.phases)
    first = round(warmup * left)
    phases = [Phase("adversarial", left - first, (judging, against), averages=("G",))]
    if first:
        phases.insert(0, Phase("warm-up", first, (judging, alone), averages=("G",)))
    return Run(nets, (*taught.phases, *phases), batch)


def symbols_of(bottleneck: Net) -> tuple[int, int] | None:
    """Channels and levels of a quantiser's symbols, None of another bottleneck."""
    built = bottleneck.outline()
    return (built.grid[0], built.levels) if hasattr(built, "to_symbols") else None
