"""The samples that are compared: chosen by a seed, as a file would hold them, of data that can be compared at all."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from aegean.config import UserError
from aegean.data import kinds
from aegean.data.info import DataInfo
from aegean.training.world import World


def chosen(count: int, n: int, seed: int) -> np.ndarray:
    """n different indices below `count`, seeded, in rising order."""
    return np.sort(np.random.default_rng(seed).permutation(count)[:n])


def as_saved(x: Tensor, info: DataInfo, what: str, world: World | None = None) -> Tensor:
    """Model values (n, *shape) as a file would hold them: rounded and clipped to the data's raw type."""
    return info.normalise(info.restore(finite(x, what, world))).to(x.device)


def finite(x: Tensor, what: str, world: World | None = None) -> Tensor:
    """x, if all of it is finite in every process; all of them refuse together, so that none waits for another."""
    x = x.detach()
    if any((world or World()).any(not bool(torch.isfinite(x).all()))):
        raise UserError(f"The model's {what} contain NaN or infinity: it has diverged; use an earlier state of it.")
    return x


def check_fits(theirs: DataInfo, ours: DataInfo, who: str) -> None:
    """UserError: other shapes cannot be compared, and data standardised otherwise would be, without meaning."""
    if theirs.shape != ours.shape:
        raise UserError(
            f"{who} was made for samples of shape {theirs.shape}; those of {ours.name} have {ours.shape}. "
            "Measure on data of the same shape."
        )
    if theirs.table != ours.table:
        raise UserError(f"{who} was made for other columns than {ours.name} has; measure on the data it was made for.")
    if not kinds.kind_of(ours).bounded and (theirs.offset, theirs.scale) != (ours.offset, ours.scale):
        raise UserError(
            f"{who} was made for {theirs.name}, whose columns were standardised otherwise than those of "
            f"{ours.name}; measure on the data it was made for."
        )
