"""What a user asks of a training: budgets, devices, places to write to; refused here where it cannot be had."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import torch

from aegean.config import UserError, parse_json
from aegean.training.folder import Settings
from aegean.training.schedule import Run


def parse_images(text: int | str) -> int:
    """A budget: 500000, "500k", "2M", "1.5M"."""
    match = re.fullmatch(r"(\d+(?:\.\d+)?)([kM]?)", str(text).strip())
    images = Fraction(match[1]) * {"": 1, "k": 1000, "M": 1000_000}[match[2]] if match else Fraction(0)
    if isinstance(text, bool) or images.denominator != 1 or not 1 <= images <= 10**15:
        raise UserError(f"--images {text}: expected a whole number of images above 0, such as 50000, 500k or 1.5M.")
    return int(images)


def pick_device(name: str) -> torch.device:
    """auto is cuda, then mps, then cpu."""
    there: dict[str, Callable[[], bool]] = {
        "cuda": torch.cuda.is_available,
        "mps": torch.backends.mps.is_available,
        "cpu": lambda: True,
    }
    if name == "auto":
        name = next(kind for kind, available in there.items() if available())
    kind = name.partition(":")[0]
    if kind not in there:
        raise UserError(f"--device {name}: expected auto, cuda, mps or cpu.")
    count, local = torch.cuda.device_count(), int(os.environ.get("LOCAL_RANK", "0"))
    many = int(os.environ.get("LOCAL_WORLD_SIZE", "1")) > 1
    if many and (kind == "mps" or (kind == "cuda" and name != "cuda")):
        raise UserError(f"--device {name}: several processes take one device each; give --device cuda or cpu.")
    if name == "cuda" and there["cuda"]() and local >= count:
        raise UserError(f"This machine has {count} CUDA devices: start at most so many processes (--nproc-per-node).")
    if not there[kind]():
        raise UserError(f"--device {name}: this machine (or this build of torch) has no {kind}; use --device cpu.")
    if name == "cuda":  # of several processes on a machine each takes its own
        name = f"cuda:{os.environ.get('LOCAL_RANK', '0')}"
    try:
        if kind == "cuda" and (torch.device(name).index or 0) >= count:
            raise UserError(f"--device {name}: this machine has {count} CUDA devices, counted from cuda:0.")
        return torch.device(name)
    except RuntimeError:
        raise UserError(f"--device {name}: expected {kind}, or {kind}:0 for the first of several.") from None


def free_place(path: Path, overwrite: bool) -> None:
    """Refuse an existing output unless it may be overwritten; never overwrite what is not ours."""
    if not path.exists():
        if not path.parent.exists():
            path.parent.mkdir(parents=True)
        return
    if not overwrite:
        raise UserError(f"{path} exists; choose another --out, resume it with --resume, or give --overwrite.")
    if path.is_dir() and any(path.iterdir()) and not is_run(path):
        raise UserError(f"{path} is not a run folder, so it is not overwritten; choose another --out.")
    if path.is_file():
        raise UserError(f"{path} is a file; choose a folder for --out.")


def is_run(path: Path) -> bool:
    """Whether a folder is a run, of this version or another; other programs keep a config.json too."""
    try:
        config = parse_json((path / "config.json").read_text(encoding="utf-8"), str(path))
    except (UserError, OSError, UnicodeDecodeError):
        return False
    return isinstance(config, dict) and config.get("type") == Settings.__name__


def with_budget(run: Run, budget: int | None, inherited: int) -> Run:
    """The recipe's own budget or the one asked for; an inherited network's images are part of it."""
    total = run.images + inherited if budget is None else budget
    if total - inherited < run.batch * len(run.schedule):
        count, part = len(run.schedule), f", {inherited:,} of them inherited," if inherited else ""
        phases = "its one phase needs" if count == 1 else f"each of the {count} phases needs"
        raise UserError(
            f"A budget of {total:,} images{part} is too small: {phases} a batch of {run.batch:,} at "
            f"least, {inherited + run.batch * count:,} images in all."
        )
    return run.with_images(total - inherited)
