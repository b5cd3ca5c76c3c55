"""The networks that a run begins with, from an earlier run or a model file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from aegean import diffusers
from aegean.config import Net, UserError
from aegean.data import DataInfo
from aegean.latent import quantiser_of
from aegean.model import Model
from aegean.surface import option
from aegean.training.schedule import Renew, Run
from aegean.training.settings import Settings
from aegean.training.trainer import Trainer


def inherit(source: str | Path | None, info: DataInfo) -> tuple[Model | None, dict[str, Any]]:
    """The model to start from, and what a run notes of it."""
    if source is None:
        return None, {}
    model = _read(source, info)
    cost = {key: model.about.get(key, 0) for key in ("images", "seconds", "recipe")}
    return model, {"source": str(Path(source).resolve()), **cost}


def _read(source: str | Path, info: DataInfo) -> Model:
    """A run, a model file, or a folder of diffusers, whose networks take pictures of the data's size."""
    return diffusers.read(source, info) if diffusers.is_folder(source) else Model.load(source)


def fitting(run: Run, model: Model, info: DataInfo) -> list[str]:
    """The run's networks that the source has in the same form. UserError: what does not fit, and what would."""
    any_size = "U" in run.nets
    if tuple(model.info.shape) != tuple(info.shape) and not any_size:
        channels, *sides = model.info.shape
        to = f"{option('size', sides[0])} {option('channels', channels)}" if len(set(sides)) == 1 else ""
        raise UserError(
            f"{option('source')}: made for samples of shape {model.info.shape}, but these have {info.shape}; "
            f"{f'bring these to it with {to}, or ' if to else ''}train a source on data of this shape."
        )
    fits = []
    anew = {edge.net for edge in run.schedule[0].edges if isinstance(edge, Renew)}
    for name, spec in run.nets.items():
        theirs = model.specs.get(name)
        if theirs is None or name == "prior" or name in anew or quantises_anew(spec, theirs):
            continue
        if not model.nets[name].state_dict():  # nothing in it was learnt, such as how pictures are damaged
            continue
        if theirs != spec and not (any_size and _sizeless(theirs) == _sizeless(spec)):
            chosen = " ".join(option(k, v) for k, v in model.about.get("settings", {}).items()) or "its defaults"
            raise UserError(
                f"{option('source')}: network {name} differs: {_difference(spec, theirs)}; the source was trained with "
                f"{chosen}."
            )
        fits.append(name)
    if not fits:
        theirs, ours = ", ".join(model.specs), ", ".join(run.nets)
        raise UserError(f"{option('source')}: the source has {theirs}; none of the recipe's {ours}.")
    return fits


def quantises_anew(spec: Net, theirs: Net) -> bool:
    """Whether a quantiser that learns takes the place of a bottleneck that knows no symbols, or only given ones."""
    return bool(quantiser_of(spec)) and not quantiser_of(theirs)


def _sizeless(spec: Net) -> Net:
    """A network without what no weight of a U depends on: the size of samples, and whether it sees all levels."""
    args = {name: value for name, value in spec.args.items() if name != "skips"}
    return spec.replace(args={**args, "shape": tuple(args.get("shape", ()))[:1]})


def _difference(wanted: Net, found: Net) -> str:
    if wanted.kind != found.kind:
        return f"the recipe makes a {wanted.kind}, the source has a {found.kind}"
    parts = [
        f"{key} is {value!r} in the recipe and {found.args.get(key)!r} in the source"
        for key, value in wanted.args.items()
        if found.args.get(key) != value
    ]
    return "; ".join(parts)


def give(trainer: Trainer, plan: Settings) -> None:
    """Fill the trainer's networks with the inherited values."""
    model = _read(plan.inherited["source"], plan.info)
    for name in fitting(trainer.run, model, trainer.info):
        trainer.nets[name].load_state_dict(model.nets[name].state_dict())
    trainer.enter()
