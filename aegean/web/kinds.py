"""What can be played with: one row a kind of data."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from torch import Tensor

from aegean.config import UserError
from aegean.data import DataInfo, kinds
from aegean.data.io.hearing import as_spectrograms
from aegean.data.io.show import as_pictures
from aegean.data.read.hearing import sounds_like
from aegean.data.read.vocabulary import encoded
from aegean.formulas.pictures import mean_squared_error, psnr
from aegean.formulas.sounds import log_spectral_distance, mel_distance
from aegean.formulas.texts import words_restored
from aegean.surface import either
from aegean.web.recording import SoundUpload, prepare_sound, sound_upload
from aegean.web.upload import ModelInput, Upload, prepare, upload


class Kind(NamedTuple):
    """What the page knows of a kind."""

    shape: Callable[[DataInfo], str]  # that of a sample, in words
    draw: Callable[[np.ndarray, DataInfo], np.ndarray]  # raw samples (n, *shape) -> pictures (n, H, W, 3) uint8
    upload: type  # what becomes of a file that somebody gives
    prepare: Callable[[Any, DataInfo, bool], ModelInput]  # True: in its own size
    error: Callable[[Tensor, Tensor, DataInfo], str]  # an original and its reconstruction (n, *shape), in words
    rate: Callable[[int, np.ndarray, DataInfo], str]  # what so many bytes mean for a raw sample
    media: str  # what a browser calls files of it: "image"
    whole: str  # what is done to a file, and what to one whose size is kept


def picture_shape(info: DataInfo) -> str:
    channels, height, width = info.shape
    colours = {1: "grey", 3: "colour", 4: "colour with transparency"}.get(channels, f"{channels} channels")
    return f"{width} × {height} {colours}"


def picture_error(x: Tensor, x_hat: Tensor, info: DataInfo) -> str:
    a, b = x.cpu().numpy(), x_hat.cpu().numpy()
    return f"Error: {psnr(a, b):.1f} dB PSNR; mean squared error {mean_squared_error(a, b):.4f}, black -1 and white 1."


def bits_a_pixel(count: int, raw: np.ndarray, info: DataInfo) -> str:
    return f"{8 * count / (raw.shape[1] * raw.shape[2]):.2f} bits a pixel"


def sound_error(x: Tensor, x_hat: Tensor, info: DataInfo) -> str:
    a, b = x.cpu().numpy(), x_hat.cpu().numpy()
    mel, lsd = (measure(a, b, info.rate) for measure in (mel_distance, log_spectral_distance))
    return f"Error: mel distance {mel:.3f}; log-spectral distance {lsd:.1f} dB."


def bits_a_second(count: int, raw: np.ndarray, info: DataInfo) -> str:
    return f"{8 * count * info.rate / raw.shape[1] / 1000:.2f} kbit/s"


class Words(NamedTuple):
    """What somebody has typed."""

    text: str


def prepare_text(given: Words, info: DataInfo, whole: bool = False) -> ModelInput:
    raw, cut = encoded([given.text], info.vocabulary, info.shape[0])
    return ModelInput(raw[0], f"It is longer than {info.shape[0]} tokens, and cut." if cut[0] else "")


def text_error(x: Tensor, x_hat: Tensor, info: DataInfo) -> str:
    share = words_restored(x.cpu().numpy(), x_hat.cpu().numpy(), info)
    return f"{share:.0%} of the words are back in their places."


KINDS: dict[str, Kind] = {
    "image": Kind(
        picture_shape,
        as_pictures,
        Upload,
        prepare,
        picture_error,
        bits_a_pixel,
        "image",
        "An image of any size and kind: it is scaled to the model's own size and colours. With “Keep its size”, models "
        "that compress take it tile by tile instead.",
    ),
    "text": Kind(
        kinds.describe_texts,
        lambda raw, info: np.zeros((len(raw), 1, 1, 3), np.uint8),
        Words,
        prepare_text,
        text_error,
        lambda count, raw, info: f"{8 * count} bits",
        "text",
        "A text of your own, in the language of the training data.",
    ),
    "audio": Kind(
        kinds.describe_sounds,
        as_spectrograms,
        SoundUpload,
        prepare_sound,
        sound_error,
        bits_a_second,
        "audio",
        "A sound of any length, rate and number of channels: its beginning is taken, as long as the model's clips. "
        "With “Keep its size”, models that compress take up to 30 s of it.",
    ),
}


Given = Upload | SoundUpload | Words


def uploaded(data: bytes | str) -> Given:
    """A file that somebody has given, or a text. UserError: it cannot be read."""
    if isinstance(data, str):
        return Words(data)
    return sound_upload(data) if sounds_like(data) else upload(data)


def prepared(given: Given, info: DataInfo, whole: bool = False) -> ModelInput:
    """It as a model of such data takes it. UserError: it is of another kind, or damaged."""
    kind = kind_of(info)
    if not isinstance(given, kind.upload):
        raise UserError(f"This model takes {kinds.kind_of(info).samples}, and this file is something else.")
    return kind.prepare(given, info, whole)


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
