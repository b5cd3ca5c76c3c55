"""Runs that exist: their models, data and scores; and where a new one may be written."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch

from aegean import diffusers
from aegean.config import UserError, parse_json
from aegean.data import Dataset, open_data
from aegean.files import read_text
from aegean.model import Model
from aegean.surface import either, option
from aegean.training.folder import Folder
from aegean.training.settings import Settings


def load(path: str | Path, device: str | torch.device = "cpu") -> Model:
    """The model of a run folder, of a model file, or of a folder of diffusers, on `device`. UserError: it is none of
    these, is damaged, or has no model yet."""
    if diffusers.is_folder(path):
        return diffusers.read(path).to(device)
    folder = Folder(path)
    if folder.path.is_dir() and not folder.model.exists():
        folder.read()
        resume = either(f"aegean train --resume {path}", f"aegean.resume({str(path)!r})")
        raise UserError(f"{path} has no model yet; train it first: {resume}.")
    return Model.load(path, device)


def home(path: str | Path) -> Folder:
    """The run of a run folder, or of a model file that lies in one."""
    path = Path(path)
    if path.is_file() and not (path.parent / "config.json").exists():
        raise UserError(f"{path} lies in no run folder, so its data are not known; give {option('data', 'SPEC')}.")
    return Folder(path.parent if path.is_file() else path)


def own_data(path: str | Path, plan: Settings) -> Dataset:
    """The data that a run was trained on. UserError: they are gone, or have changed: what was trained on may be held
    out now."""
    try:
        dataset = open_data(plan.data)
    except UserError as error:
        raise UserError(f"The data of {path}: {error}") from None
    if dataset.info.fingerprint != plan.info.fingerprint:
        raise UserError(f"The data {plan.data.spec!r} have changed since {path} was started; train a new run.")
    return dataset


def scores(path: str | Path) -> dict[str, dict[str, Any]]:
    """The scores of a run's final evaluation, {value, floor, better} by key; empty before it."""
    return Folder(path).read_scores()


def free_place(path: Path, overwrite: bool) -> None:
    """Refuse an existing output unless it may be overwritten; never overwrite what is not ours."""
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        return
    if not overwrite:
        raise UserError(
            f"{path} exists; choose another {option('out')}, resume it with {option('resume')}, or give "
            f"{option('overwrite')}."
        )
    if path.is_dir() and any(path.iterdir()) and not is_run(path):
        raise UserError(f"{path} is not a run folder, so it is not overwritten; choose another {option('out')}.")
    if path.is_file():
        raise UserError(f"{path} is a file; choose a folder for {option('out')}.")


def is_run(path: Path) -> bool:
    """Whether a folder is a run, of this version or another; other programs keep a config.json too."""
    try:
        config = parse_json(read_text(path / "config.json"), str(path))
    except (UserError, OSError, UnicodeDecodeError):
        return False
    return isinstance(config, dict) and config.get("type") == Settings.__name__
