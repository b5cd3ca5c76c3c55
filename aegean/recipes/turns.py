"""The turns that several recipes play."""

from __future__ import annotations

from aegean.config import UserError
from aegean.objectives import DiscriminatorLoss, GeneratorLoss, GradientPenalty, Ramp, Term, WassersteinPenalty
from aegean.objectives.penalties import Precision
from aegean.training.schedule import Turn


def autoencoder_turn(*terms: Term, lr: float) -> Turn:
    """The reconstruction player: Adam with momentum, the rate falling to a tenth along a cosine."""
    return Turn("AE", terms, lr=Ramp(lr, lr / 10, cosine=True), beta1=0.9, beta2=0.999)


def discriminator_turn(
    loss: str,
    gamma: float,
    lr: float | Ramp,
    fakes: tuple[str, ...] = ("fake",),
    penalty: Precision = "auto",
    trains: tuple[str, ...] = ("D",),
) -> Turn:
    """The discriminator, or the parts of it that `trains` names, against each of `fakes`, with R1, and R2 on the first
    of them (Huang et al. 2024), or the Wasserstein penalty; `penalty` is the precision of either."""
    terms: list[Term] = [DiscriminatorLoss(trains=trains, loss=loss, fake=fake) for fake in fakes]
    if loss == "wasserstein":
        terms.append(WassersteinPenalty(trains=trains, weight=10.0, precision=penalty))
    elif gamma:
        for on in ("real", fakes[0]):
            terms.append(GradientPenalty(trains=trains, on=on, weight=gamma, precision=penalty))
    return Turn("D", tuple(terms), lr=lr)


def latent_turn(real: str, fake: str, loss: str, gamma: float, lr: float | Ramp, penalty: Precision) -> Turn:
    """The discriminator of latents, with R1 and R2 on what it compares."""
    terms: list[Term] = [DiscriminatorLoss(trains=("Dz",), loss=loss, real=real, fake=fake)]
    if gamma:
        terms += [GradientPenalty(trains=("Dz",), on=on, weight=gamma, precision=penalty) for on in (real, fake)]
    return Turn("Dz", tuple(terms), lr=lr)


def generator_turn(loss: str, lr: float | Ramp, *more: Term) -> Turn:
    return Turn("G", (GeneratorLoss(trains=("G",), loss=loss), *more), lr=lr)


def whole_packs(batch: int, pack: int) -> None:
    if batch % max(1, pack):
        raise UserError(f"batch={batch} is not a multiple of pack={pack}; choose one that is.")
