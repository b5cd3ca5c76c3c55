"""The turns that several recipes play."""

from __future__ import annotations

from aegean.objectives import DiscriminatorLoss, GeneratorLoss, GradientPenalty, Ramp, Term, WassersteinPenalty
from aegean.recipes.groups import ABSENT, Adversary
from aegean.training.schedule import Turn


def autoencoder_turn(*terms: Term, lr: float, rise: float = 0.0) -> Turn:
    """The reconstruction player: Adam with momentum, the rate falling to a tenth along a cosine, after it has risen
    over a share of the phase where there is something to lose."""
    return Turn("AE", terms, lr=Ramp(lr, lr / 10, cosine=True, rise=rise), beta1=0.9, beta2=0.999)


def falling(lr: float) -> Ramp:
    """An adversary's rate: to a quarter along a cosine."""
    return Ramp(lr, lr / 4, cosine=True)


def gradient_penalties(opponent: Adversary, trains: tuple[str, ...], *on: str) -> list[Term]:
    """R1 and R2 on these paths; none where their weight is 0."""
    gamma, precision, every = opponent.gamma, opponent.penalty, opponent.every
    weight = gamma if opponent.relax is ABSENT else Ramp(gamma, gamma * opponent.relax, geometric=True)
    terms = (GradientPenalty(trains=trains, on=path, weight=weight, precision=precision, every=every) for path in on)
    return list(terms) if gamma else []


def discriminator_turn(
    opponent: Adversary,
    lr: float | Ramp,
    fakes: tuple[str, ...] = ("fake",),
    trains: tuple[str, ...] = ("D",),
) -> Turn:
    """The discriminator, with R1, and R2 on the first of the fakes (Huang et al. 2024), or the Wasserstein penalty.

    fakes: paths that it tells from real samples
    trains: the discriminator, or the parts of it that are not frozen
    """
    terms: list[Term] = [DiscriminatorLoss(trains=trains, loss=opponent.loss, fake=fake) for fake in fakes]
    if opponent.loss == "wasserstein":
        terms.append(WassersteinPenalty(trains=trains, weight=10.0, precision=opponent.penalty))
    else:
        terms += gradient_penalties(opponent, trains, "real", fakes[0])
    return Turn("D", tuple(terms), lr=lr)


def latent_turn(real: str, fake: str, opponent: Adversary, lr: float | Ramp) -> Turn:
    """The discriminator of latents, with R1 and R2 on both."""
    loss = DiscriminatorLoss(trains=("Dz",), real=real, fake=fake)
    return Turn("Dz", (loss, *gradient_penalties(opponent, ("Dz",), real, fake)), lr=lr)


def generator_turn(loss: str, lr: float | Ramp, *more: Term) -> Turn:
    return Turn("G", (GeneratorLoss(trains=("G",), loss=loss), *more), lr=lr)
