"""A trained autoencoder's decoder, taught to draw the user's own pictures sharply."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from aegean.config import Net, net
from aegean.data.info import DataInfo
from aegean.latent.names import SYMBOLIC
from aegean.objectives import AbsoluteError, Ramp, SquaredError, Term
from aegean.recipes.groups import UNPATCHED, Adversary, Budget, Build, Sharpening, shares
from aegean.recipes.patches import OPPONENT, patch_discriminator, patch_turn, sharp_terms
from aegean.recipes.registry import recipe
from aegean.recipes.teacher import teacher as the_teacher
from aegean.training.schedule import Phase, Run, Turn

KEPT = ("symbols", "pixels")  # what else a source's model needs for its verbs


@recipe
def decoder_finetune(
    data: DataInfo,
    *,
    teacher: float = 0.5,
    error: Literal["squared", "absolute"] = "squared",
    sharpening: Sharpening = Sharpening(),
    opponent: Adversary = OPPONENT,
    build: Build = UNPATCHED,
    budget: Budget = Budget(lr=2e-4, batch=16),
    inherited: Mapping[str, Net] | None = None,
) -> Run:
    """The decoder of a trained autoencoder learns to draw your own pictures sharply; latents keep their meaning.

    `--from` is a run with an autoencoder of any kind, or a folder of diffusers with an AutoencoderKL, a VQModel or an
    AutoencoderTiny; without it a VAE is trained first. Encoder and quantiser are frozen, so whatever was trained on the
    latents (a diffusion model) stays valid; a file is read with the model that wrote it.

    At first the decoder is trained by the error alone, while a discriminator of patches learns to tell its pictures
    from the data. Then the decoder learns by the error, against the discriminator and by the distance in its features.

    Papers: Esser et al. 2021 (the plan); Isola et al. 2017, section 3.2.2 (patches); Défossez et al. 2022, section 3.4
    (the balance; eq. 3, features); Huang et al. 2024 (loss and penalties).
    Expected: CIFAR-10, a small AutoencoderTiny of 22.5 dB, 16,000 images, one processor, 2 minutes:
    rfd@classifier:10000 9.9 and 22.1 dB, where the squared error alone leaves 18.1 and 22.6.

    teacher: share of the images that the VAE is trained on; none with `--from`
    error: distance of a reconstruction to its data
    width: channels of the first level of the discriminator, and of the VAE; 0: 32
    """
    shares("the decoder", teacher=teacher, warmup=sharpening.warmup)
    taught = the_teacher(data, build, round(teacher * budget.images), 1.0, inherited)
    nets = {**taught.nets, **{name: spec for name, spec in (inherited or {}).items() if name in KEPT}}
    if inherited is None or inherited.get("prior", Net("")).kind == "NormalPrior":
        nets["prior"] = net("NormalPrior", latent=taught.latent, classes=taught.classes)
    observes: tuple[str, ...] = ()
    if "symbols" not in nets and nets["bottleneck"].kind in SYMBOLIC:
        bottleneck = nets["bottleneck"].outline()
        nets["symbols"] = net("CountModel", channels=bottleneck.grid[0], levels=bottleneck.levels)
        observes = ("symbols",)
    nets["D"] = D = patch_discriminator(data, opponent, build.width)
    near: Term = {"squared": SquaredError, "absolute": AbsoluteError}[error](trains=("G",))
    against = patch_turn(D, opponent, 4 * budget.lr)
    alone = Turn("G", (near,), lr=budget.lr, beta1=0.5, observes=observes)
    rate = Ramp(budget.lr, budget.lr / 10, cosine=True)
    sharp = alone.replace(terms=sharp_terms(near, opponent, sharpening), lr=rate, balance="x_hat")
    left = budget.images - sum(phase.images for phase in taught.phases)
    first = round(sharpening.warmup * left)
    phases = [Phase("adversarial", left - first, (against, sharp), averages=("G",))]
    if first:
        phases.insert(0, Phase("warm-up", first, (against, alone), averages=("G",)))
    return Run(nets, (*taught.phases, *phases), budget.batch)
