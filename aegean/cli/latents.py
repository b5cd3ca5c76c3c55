"""The .npz of latents that `encode` writes, read again."""

from __future__ import annotations

import zipfile
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from aegean.cli.models import LIMIT
from aegean.cli.outputs import plain
from aegean.config import UserError
from aegean.model import Model


def read_latents(path: Path, model: Model) -> tuple[Tensor, list[str], Tensor | None]:
    """z (n, latent) float32, names for files, and labels (n,) where they are, from a .npz.

    UserError: unreadable, too large, Python objects, no z, another shape, NaN, labels that do not match.
    """
    found = _arrays(path)
    if "z" not in found:
        raise UserError(f"{path} has no array named 'z'; expected the .npz that `aegean encode` writes.")
    z, latent = found["z"], model.latent
    if z.dtype.kind not in "fiu" or z.ndim != 2 or z.shape[1] != latent or not len(z):
        raise UserError(
            f"{path}: z is {z.dtype} of shape {z.shape}; this model decodes numbers of shape (n, {latent})."
        )
    with np.errstate(over="ignore"):
        z = z.astype(np.float32)
    if not np.isfinite(z).all():
        raise UserError(f"{path}: z holds NaN, infinite or far too large values; encode the inputs again.")
    names = [plain(str(name)) for name in np.atleast_1d(found.get("names", np.array([]))).ravel()]
    if len(names) != len(z) or len(set(names)) != len(z):
        names = [f"decoded-{n:06d}" for n in range(len(z))]
    return torch.from_numpy(z), names, _labels(path, found.get("labels"), len(z), model)


def _arrays(path: Path) -> dict[str, np.ndarray]:
    try:
        with zipfile.ZipFile(path) as archive:
            size = sum(member.file_size for member in archive.infolist())
        if size > LIMIT:
            raise UserError(f"{path} unpacks to {size:,} bytes; at most {LIMIT:,} are read: decode it in parts.")
        with np.load(path, allow_pickle=False) as arrays:
            return {key: arrays[key] for key in ("z", "names", "labels") if key in arrays}
    except (UserError, OSError) as error:
        if isinstance(error, OSError) and error.strerror is None:
            raise UserError(f"{path} is not a readable .npz file ({error}); write it again.") from None
        raise
    except Exception as error:  # zipfile and numpy raise many kinds for damaged files
        raise UserError(f"{path} is not a readable .npz file ({error}); write it with `aegean encode`.") from None


def _labels(path: Path, labels: np.ndarray | None, count: int, model: Model) -> Tensor | None:
    if labels is None or not model.conditional:
        return None
    classes = len(model.info.classes)
    if labels.shape != (count,) or labels.dtype.kind not in "iu" or labels.min() < 0 or labels.max() >= classes:
        raise UserError(f"{path}: labels must be {count} whole numbers from 0 to {classes - 1}, one for each latent.")
    return torch.from_numpy(labels.astype(np.int64))
