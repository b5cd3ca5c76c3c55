"""Autoencoders of symbols, sharpened by an adversary."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Literal

from aegean.config import Net
from aegean.data.info import DataInfo
from aegean.latent.names import quantiser_of
from aegean.objectives import Ramp, SquaredError
from aegean.recipes.codec import codec
from aegean.recipes.groups import SIZELESS, Adversary, Budget, Build, Sharpening, shares
from aegean.recipes.patches import OPPONENT, patch_discriminator, patch_turn, sharp_terms
from aegean.recipes.quantised import Quantiser
from aegean.recipes.registry import recipe
from aegean.recipes.vq_ae import vq_ae
from aegean.training.schedule import Phase, Run, Turn


@recipe
def vq_gan(
    data: DataInfo,
    *,
    quantiser: Quantiser = "finite",
    levels: int = 0,
    stages: int = 4,
    depth: int = 0,
    quality: float = 10.0,
    plain: float = 0.5,
    encoder: Literal["still", "train"] = "still",
    sharpening: Sharpening = Sharpening(),
    opponent: Adversary = OPPONENT,
    build: Build = SIZELESS,
    budget: Budget = Budget(batch=32, images=200_000),
    inherited: Mapping[str, Net] | None = None,
) -> Run:
    """Lossy compression to files whose pictures a discriminator of patches makes look like the data.

    First a codec learns its symbols without an adversary. Then the discriminator learns to tell patches of the data
    from those of their reconstructions while the codec is frozen. Finally both learn: the decoder by the codec's own
    error, against the discriminator, and by the distance in its features. A decoder that follows one of these with a
    share s < 1 all the way loses -10 log10(1 - s^2) dB by calculation (docs/design.md), 1.2 for 0.5.

    `--from RUN` begins with a trained `codec` or `vq_ae` and goes straight to the warm-up; with an `ae` or `vae` its
    encoder and decoder get a new quantiser, which is learnt first.

    Papers: Esser et al. 2021 (the plan); Isola et al. 2017, section 3.2.2 (patches); Défossez et al. 2022, section 3.4
    (the balance; eq. 3, features); Huang et al. 2024 (loss and penalties).
    Expected: CIFAR-10, 60,000 images of the codec and 24,000 more, one processor, 5 minutes, 77 bytes a picture:
    rfd@classifier:10000 1.1 and 25.2 dB, where the squared error alone leaves 2.3 and 25.6.

    quantiser: finite as in codec; vector or residual as in vq_ae
    levels: values that each dimension is rounded to (finite), or codes of a codebook; 0 chooses
    stages: codebooks of a residual quantiser
    depth: latent dimensions at each place of the grid; 0 chooses
    quality: weight of the squared error beside the bits of a finite quantiser; larger files, better pictures
    plain: share of the images that the codec learns on without the adversary
    encoder: still: it is frozen, so files keep their size; train: it learns on, and the size of files changes
    width: channels of the first level, of the discriminator too; 0 chooses
    """
    shares("the adversary", plain=plain, warmup=sharpening.warmup)
    quantiser = kind_of_source(inherited) or quantiser
    first = 0 if "symbols" in (inherited or {}) else round(plain * budget.images)
    begin = replace(budget, images=first)
    if quantiser == "finite":
        begin = replace(begin, lr=budget.lr / 5)
        run = codec(data, quality=quality, levels=levels, depth=depth, build=build, budget=begin, inherited=inherited)
    else:
        run = vq_ae(
            data,
            quantiser=quantiser,
            levels=levels or 256,
            stages=stages,
            depth=depth or 16,
            build=build,
            budget=begin,
            inherited=inherited,
        )
    terms = run.schedule[0].turns[0].terms
    (error,) = (term for term in terms if isinstance(term, SquaredError))
    moves = encoder == "train"
    others = tuple(term for term in terms if term is not error) if moves else ()
    error = error if moves else error.replace(trains=("G",))
    D, rate = patch_discriminator(data, opponent, build.width), 0.3 * budget.lr
    alone, against = (patch_turn(D, opponent, lr) for lr in (rate, Ramp(rate, rate / 10, cosine=True)))
    sharp = Turn(
        "AE",
        (*sharp_terms(error, opponent, sharpening), *others),
        lr=Ramp(budget.lr / 2, budget.lr / 20, cosine=True, rise=0.2),
        beta1=0.5,
        balance="x_hat",
        observes=("bottleneck", "symbols") if moves else (),
    )
    warming = round(sharpening.warmup * (budget.images - first))
    averages = () if quantiser == "finite" and moves else error.trains
    end = Phase("adversarial", budget.images - first - warming, (against, sharp), averages=averages)
    phases = (*(run.schedule if first else ()), *([Phase("warm-up", warming, (alone,))] if warming else ()), end)
    return Run({**run.nets, "D": D}, phases, budget.batch)


def kind_of_source(inherited: Mapping[str, Net] | None) -> Quantiser | None:
    """The quantiser that an inherited bottleneck has, None without one."""
    kinds: dict[str, Quantiser] = {"finite": "finite", "vector": "vector"}
    return kinds.get(quantiser_of(inherited["bottleneck"])) if "bottleneck" in (inherited or {}) else None  # type: ignore[index]
