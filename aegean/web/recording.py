"""A sound that somebody dropped into the page: read with limits, then brought to a model's form."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from aegean.config import UserError
from aegean.data import DataInfo
from aegean.data.options import RATES
from aegean.data.read.hearing import listen
from aegean.data.read.sounds import converted
from aegean.surface import plural
from aegean.web.upload import BYTES, ModelInput

SECONDS = 30  # of a sound that is taken whole
CHANNELS = 8


@dataclass(frozen=True)
class SoundUpload:
    """The beginning of a sound."""

    values: np.ndarray  # (channels, frames) float32, at most SECONDS
    rate: int
    seconds: float  # of all of it


def sound_upload(data: bytes) -> SoundUpload:
    """UserError: no sound, damaged, or too large."""
    if len(data) > BYTES:
        raise UserError(f"This file has {len(data) / (1 << 20):.0f} MB; sounds of at most {BYTES >> 20} MB are taken.")
    parts, count = [], 0
    try:
        found = listen(data)
        if not (RATES[0] <= found.rate <= RATES[1] and 1 <= found.channels <= CHANNELS):
            raise ValueError(f"{plural(found.channels, 'channel')} at {found.rate} samples a second")
        for part in found.pieces():
            parts.append(part)
            count += part.shape[1]
            if count >= SECONDS * found.rate:
                break
        if not count:
            raise ValueError("it holds no samples")
    except ValueError as error:
        raise UserError(
            f"This file cannot be read as a sound ({error}); give a WAV, FLAC, Ogg, MP3 or AIFF file."
        ) from None
    values = np.concatenate(parts, 1)[:, : SECONDS * found.rate]
    return SoundUpload(values, found.rate, max(count, found.frames) / found.rate)


def prepare_sound(upload: SoundUpload, info: DataInfo, whole: bool = False) -> ModelInput:
    """An upload at a model's rate: its first clip, or `whole`, up to SECONDS, in its own channels."""
    channels, length = info.shape
    own = len(upload.values)
    wanted = own if whole else channels
    if wanted != own and 1 not in (wanted, own):
        raise UserError(f"This model takes {channels} channels; your sound has {own}.")
    values = converted(upload.values, upload.rate, info.rate, wanted)
    steps = []
    if upload.rate != info.rate:
        lost = f" (nothing above {info.rate / 2:g} Hz is kept)" if upload.rate > info.rate else ""
        steps.append(f"resampled from {upload.rate} to {info.rate} Hz{lost}")
    if wanted != own:
        steps.append("mixed to one channel" if wanted == 1 else f"repeated in {wanted} channels")
    kept = values.shape[1] if whole else min(length, values.shape[1])
    if upload.seconds - kept / info.rate > 1e-3:
        steps.append(f"cut to the first {kept / info.rate:.3g} of its {upload.seconds:.3g} s")
    if not whole:
        values = np.pad(values[:, :length], ((0, 0), (0, length - kept)))
        if kept < length:
            steps.append(f"followed by silence up to {length / info.rate:g} s")
    return ModelInput(values, f"Your sound was {', '.join(steps)}." if steps else "Your sound is taken as it is.")
