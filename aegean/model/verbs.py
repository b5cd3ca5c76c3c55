"""What a model may be able to do: each verb, what it needs, and how to come by it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from aegean.compression.kinds import LOSSLESS, LOSSY, takes
from aegean.data.info import DataInfo
from aegean.surface import either


class Verb(NamedTuple):
    """needs: networks by name; "bound" an evidence bound, "files" data that go into .aeg files;
        "target" data with two sides; "columns" tables of described columns.
    path: of the wiring, whose value is the verb's; "" where there is more to it.
    hint: what a model without it lacks, and which recipes, or {fit}, give it.
    """

    needs: tuple[str, ...]
    path: str
    hint: str


ENCODER = "this model has no encoder: train ae, vae, vae_gan or ae_to_gan"

VERBS: dict[str, Verb] = {
    "encode": Verb(("E", "bottleneck"), "latent.z", ENCODER),
    "decode": Verb(("G",), "x_decoded", "this model has no decoder: train ae, vae or gan"),
    "reconstruct": Verb(("E", "bottleneck", "G"), "x_hat", ENCODER),
    "sample": Verb(("prior", "G"), "x_fake", "this model has no prior: fit one with {fit}, or train vae or ae_to_gan"),
    "impute": Verb(("E", "bottleneck", "G", "columns"), "", "this model fills no gaps: train vae on a .csv table"),
    "score": Verb(("E", "bottleneck", "G", "bound"), "", "this model has no evidence bound: train vae"),
    "translate": Verb(("U", "target"), "x_hat", "this model translates nothing: train translate or unit"),
    "restore": Verb(("E", "U", "damage"), "x_hat", "this model restores nothing: train restore on images"),
    "levels": Verb(("E", "bottleneck"), "", "this model has no encoder: train ae, vae or stacked_gan"),
    "compress": Verb(
        (*LOSSY, "files"),
        "",
        "this model has no symbols to write: train codec, vq_ae or sound_codec",
    ),
    "compress_lossless": Verb(
        (*LOSSLESS, "files"),
        "",
        "this model has no network for exact pixels: train codec or lossless on 8-bit images",
    ),
}


def hint(verb: str, run: str = "RUN") -> str:
    """Why a model cannot do a verb, and what to do about it; `run` as it is written in a command."""
    fit = either(f"aegean fit {run} --prior mixture", f'aegean.fit_prior("{run}", "mixture")')
    return VERBS[verb].hint.format(fit=fit)


def able(nets: Iterable[str], bound: bool, info: DataInfo) -> list[str]:
    """The verbs of a model with these networks, with or without an evidence bound, of some data."""
    more = {"bound": bound, "files": takes(info, nets), "target": info.target is not None, "columns": bool(info.table)}
    have = {*nets, *(name for name, there in more.items() if there)}
    return [name for name, verb in VERBS.items() if have.issuperset(verb.needs)]
