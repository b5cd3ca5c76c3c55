"""The autoencoder that teaches: trained in a run's first phase, or inherited from another run."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import NamedTuple

from aegean.config import Net, UserError
from aegean.data.info import DataInfo
from aegean.nets.kinds import body_of, kind_of
from aegean.objectives import Term
from aegean.recipes.ae import AUTOENCODER, ERRORS, autoencoder_nets, error_of
from aegean.recipes.architecture import class_count, latent_size
from aegean.recipes.groups import Build
from aegean.recipes.turns import autoencoder_turn
from aegean.recipes.vae import evidence_terms
from aegean.surface import option
from aegean.training.schedule import Copy, Edge, Fit, Phase

RISE = 0.1  # share of the phase over which the rate rises where it begins with components
FITTED, NUMBERS = 6_000, 1 << 27  # samples that principal components are fitted to, and values of them, at most


class Teacher(NamedTuple):
    nets: dict[str, Net]  # E, bottleneck, G
    latent: int
    classes: int
    phases: tuple[Phase, ...]  # none where it is inherited


def teacher(
    data: DataInfo,
    build: Build,
    images: int,
    beta: float,
    inherited: Mapping[str, Net] | None,
    variational: bool = False,
    principal: bool = False,
) -> Teacher:
    """A VAE to be trained, or an inherited autoencoder of any kind and size.

    images: that the VAE is trained on
    beta: weight of its rate
    inherited: the networks of another run, by name
    variational: it must be a VAE, also for data of a kind that a plain autoencoder teaches better
    principal: it may begin as the principal components of the data, as it does on photographs

    UserError: what is inherited is no autoencoder, or knows none of the classes that are asked for.
    """
    if inherited is not None:
        nets = _handed_over(inherited, build.conditional)
        G = nets["G"].outline()
        return Teacher(nets, G.latent, G.classes, ())
    classes, edges = class_count(data, build), tuple[Edge, ...]()
    fits = latent_size(data, build) <= math.prod(data.shape)
    principal = principal and fits and data.textured and body_of(data, build.network).grid
    if principal:
        count = min(FITTED, NUMBERS // math.prod(data.shape))
        edges = (Fit("E", count, "samples"), Copy("E.components", "G.components"))
    if variational or kind_of(data).variational or data.table:
        nets = autoencoder_nets(data, build, "gaussian", "gaussian", classes, principal)
        terms: tuple[Term, ...] = evidence_terms(error_of(data, "gaussian"), beta)
    else:
        nets = autoencoder_nets(data, build, classes=classes, principal=principal)
        terms = (ERRORS[error_of(data, "squared")](trains=AUTOENCODER),)
    turn = autoencoder_turn(*terms, lr=kind_of(data).rate, rise=RISE if principal else 0.0)
    phase = Phase("autoencoder", images, (turn,), edges=edges, averages=AUTOENCODER)
    return Teacher(nets, latent_size(data, build), classes, (phase,))


def _handed_over(inherited: Mapping[str, Net], conditional: bool) -> dict[str, Net]:
    missing = [name for name in AUTOENCODER if name not in inherited]
    if missing:
        raise UserError(
            f"{option('source')}: the model has {', '.join(inherited)}, but no {', '.join(missing)}; this recipe "
            "starts from an autoencoder: train ae, denoising_ae or vae."
        )
    if inherited["bottleneck"].kind == "LadderPosterior":
        raise UserError(
            f"{option('source')}: the model has latents on several levels; this recipe starts from an autoencoder with "
            "one: train ae, denoising_ae or vae."
        )
    if conditional and not inherited["G"].args.get("classes"):
        said = option("conditional", True)
        raise UserError(f"{said}: the model of {option('source')} was trained without classes; train it with {said}.")
    return {name: inherited[name] for name in AUTOENCODER}


def unlabelled(taught: Teacher, recipe: str) -> None:
    """UserError: the teacher has classes, which a recipe does not take."""
    if taught.classes:
        raise UserError(f"{option('source')}: the model has classes, which {recipe} does not take; train it without.")
