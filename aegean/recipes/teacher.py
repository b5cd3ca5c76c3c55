"""The autoencoder that teaches: trained in a run's first phase, or inherited with `--from RUN`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from aegean.config import Net, UserError
from aegean.data.info import DataInfo
from aegean.objectives import SquaredError
from aegean.recipes.ae import autoencoder_nets
from aegean.recipes.architecture import Network, class_count, latent_size
from aegean.recipes.turns import autoencoder_turn
from aegean.recipes.vae import evidence_terms
from aegean.training.schedule import Phase


class Teacher(NamedTuple):
    nets: dict[str, Net]  # E, bottleneck, G
    latent: int
    classes: int
    phases: tuple[Phase, ...]  # none where it is inherited


def teacher(
    data: DataInfo,
    images: int,
    beta: float,
    network: Network,
    width: int,
    latent: int,
    conditional: bool,
    inherited: Mapping[str, Net] | None,
    variational: bool = False,
) -> Teacher:
    """A VAE with weight `beta` on its rate, to be trained on so many images; or the inherited autoencoder, of any kind
    and size. For rows a plain autoencoder instead, unless a `variational` one is needed: a VAE of few columns forgets
    most of them (docs/log.md). UserError: none was inherited, or none with the classes asked for."""
    if inherited is not None:
        nets = _handed_over(inherited, conditional)
        G = nets["G"].outline()
        return Teacher(nets, G.latent, G.classes, ())
    classes = class_count(data, conditional)
    variational = variational or data.is_image
    kind, error = ("gaussian", "gaussian") if variational else ("identity", "squared")
    nets = autoencoder_nets(data, kind, network, width, latent, error, classes)
    terms = evidence_terms("gaussian", beta) if variational else (SquaredError(trains=("E", "bottleneck", "G")),)
    turn = autoencoder_turn(*terms, lr=1e-3)
    phase = Phase("autoencoder", images, (turn,), averages=("E", "bottleneck", "G"))
    return Teacher(nets, latent_size(data, latent), classes, (phase,))


def _handed_over(inherited: Mapping[str, Net], conditional: bool) -> dict[str, Net]:
    missing = [name for name in ("E", "bottleneck", "G") if name not in inherited]
    if missing:
        raise UserError(
            f"--from: the source has {', '.join(inherited)}, but no {', '.join(missing)}; this recipe starts from an "
            "autoencoder: train ae, denoising_ae or vae."
        )
    if conditional and not inherited["G"].args.get("classes"):
        raise UserError("conditional=true: the source was trained without classes; train it with conditional=true.")
    return {name: inherited[name] for name in ("E", "bottleneck", "G")}


def unlabelled(taught: Teacher, recipe: str) -> None:
    """UserError: the teacher has classes, which a recipe does not take."""
    if taught.classes:
        raise UserError(f"--from: the source has classes, which {recipe} does not take; train it without.")


def shares(teacher: float, warmup: float = 0.0) -> None:
    """UserError: the shares of the images leave none for what follows."""
    if teacher + warmup >= 1:
        what = f"teacher={teacher} and warmup={warmup} leave" if warmup else f"teacher={teacher} leaves"
        raise UserError(f"{what} no images for the GAN; expected less than 1 in all.")
