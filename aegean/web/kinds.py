"""What can be played with: one row a kind of data."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from torch import Tensor

from aegean.config import UserError
from aegean.data import DataInfo, kinds
from aegean.data.io.show import as_pictures
from aegean.formulas.pictures import mean_squared_error, psnr
from aegean.surface import either
from aegean.web.upload import ModelInput, Upload, prepare


class Kind(NamedTuple):
    """What the page knows of a kind."""

    shape: Callable[[DataInfo], str]  # that of a sample, in words
    draw: Callable[[np.ndarray, DataInfo], np.ndarray]  # raw samples (n, *shape) -> pictures (n, H, W, 3) uint8
    prepare: Callable[[Upload, DataInfo, bool], ModelInput]  # True: in its own size
    error: Callable[[Tensor, Tensor], str]  # an original and its reconstruction (n, *shape), in words


def picture_shape(info: DataInfo) -> str:
    channels, height, width = info.shape
    colours = {1: "grey", 3: "colour", 4: "colour with transparency"}.get(channels, f"{channels} channels")
    return f"{width} × {height} {colours}"


def picture_error(x: Tensor, x_hat: Tensor) -> str:
    a, b = x.cpu().numpy(), x_hat.cpu().numpy()
    return f"Error: {psnr(a, b):.1f} dB PSNR; mean squared error {mean_squared_error(a, b):.4f}, black -1 and white 1."


KINDS: dict[str, Kind] = {"image": Kind(picture_shape, as_pictures, prepare, picture_error)}


def kind_of(info: DataInfo) -> Kind:
    """What the page knows of a kind that it shows."""
    return KINDS[info.kind]


def check_kind(info: DataInfo, path: str) -> None:
    """UserError: the page cannot show what a model makes."""
    if info.kind not in KINDS:
        shown = " and ".join(kinds.KINDS[name].samples for name in KINDS)
        samples = either(f"aegean sample {path}", "model.sample(64)")
        raise UserError(
            f"{path} was trained on {kinds.kind_of(info).samples}; the playground shows {shown}. Use {samples}."
        )
