"""A picture that somebody dragged into the page: checked by its header first, then brought to a model's shape."""

from __future__ import annotations

import io
from dataclasses import dataclass

import numpy as np
import torch

from aegean.config import UserError
from aegean.data import DataInfo
from aegean.data.read.decode import Form, decode
from aegean.data.read.formats import open_picture, reason_of

BYTES = 20 << 20  # of an upload
PIXELS = 50_000_000  # of one picture: more are refused by the header, before anything is decoded
WHOLE = 512  # pixels of the longer side of a picture that is taken whole


@dataclass(frozen=True)
class Upload:
    """An upload whose header has been read."""

    data: bytes
    size: tuple[int, int]  # height, width, upright
    grey: bool
    clear: bool  # has transparency


@dataclass(frozen=True)
class ModelInput:
    """A picture as a model takes it: raw values (channels, H, W), and what was done to it in words."""

    raw: np.ndarray
    note: str


def upload(data: bytes) -> Upload:
    """UserError: no picture, damaged, or too large."""
    if len(data) > BYTES:
        raise UserError(f"This file has {len(data) / (1 << 20):.0f} MB; images of at most {BYTES >> 20} MB are taken.")
    try:
        with open_picture(io.BytesIO(data)) as picture:
            pixels = picture.size[0] * picture.size[1]
            if pixels <= PIXELS:
                return Upload(data, picture.size, picture.grey, picture.clear)
    except Exception as error:  # Pillow's readers raise many kinds for damaged files
        raise unreadable(reason_of(error)) from None
    raise UserError(f"This image has {pixels / 1e6:.0f} megapixels; at most {PIXELS // 1_000_000} are taken.")


def unreadable(reason: str) -> UserError:
    return UserError(f"This file cannot be read as an image ({reason}); give a PNG, JPEG, WebP, GIF, TIFF or BMP.")


def prepare(upload: Upload, info: DataInfo, whole: bool = False) -> ModelInput:
    """An upload in a model's channels and range, black the lowest value and white the highest: scaled and cropped to
    the model's size, or `whole`, only scaled down where it is larger than WHOLE. UserError: it is damaged, or the model
    takes other channels than pictures have."""
    channels, height, width = info.shape
    if channels not in (1, 3, 4):
        raise UserError(f"This model takes {channels} channels; an image has 1, 3 or 4.")
    size = _within(upload.size) if whole else (height, width)
    try:
        found = decode(upload.data, Form(size, channels, deep=False))
    except Exception as error:  # Pillow's readers raise many kinds for damaged files
        raise unreadable(reason_of(error)) from None
    raw = info.restore(torch.from_numpy(found.astype(np.float32) / 127.5 - 1))
    return ModelInput(raw, _note(upload, size, channels))


def _within(size: tuple[int, int]) -> tuple[int, int]:
    """The size (height, width), scaled down until its longer side is WHOLE."""
    scale = min(1.0, WHOLE / max(size))
    return max(1, round(size[0] * scale)), max(1, round(size[1] * scale))


def _note(upload: Upload, size: tuple[int, int], channels: int) -> str:
    """What became of the picture."""
    steps = []
    if upload.size != size:
        (h, w), (height, width) = upload.size, size
        cropped = abs(h * width - w * height) > max(h, w)
        steps.append(f"scaled from {w} x {h} to {width} x {height} pixels{' and cropped to its middle' * cropped}")
    if upload.clear and channels != 4:
        steps.append("laid on white where it was transparent")
    if not upload.grey and channels == 1:
        steps.append("turned into grey")
    if upload.grey and channels > 1:
        steps.append("given the same value in every colour")
    return f"Your image was {', '.join(steps)}." if steps else "Your image is taken as it is."
