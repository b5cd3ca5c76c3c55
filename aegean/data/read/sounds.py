"""Sounds in files: those of a folder or a zip, or one alone, cut into clips of one length, rate and channels."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import PurePosixPath
from typing import NamedTuple

import numpy as np
from tqdm import tqdm

from aegean.config import UserError
from aegean.data.options import RATES
from aegean.data.read.files import Files, plain_name
from aegean.data.read.folders import folder_labels, in_parts
from aegean.data.read.hearing import ENDINGS, Sound, hear, look_at
from aegean.data.read.pictures import PictureFiles
from aegean.data.read.source import BLOCK_BYTES, Part, Source, Want
from aegean.data.read.stored import say_left_out, some_of
from aegean.data.read.zips import open_zip, zip_names
from aegean.surface import be, option, plural, say

CHANNELS = 64
LONGEST = 1.0  # seconds of a clip, where none are wanted
ROUND = 16  # samples, a multiple of which a clip has, where none are wanted: networks halve it so often
LENGTHS = (16, 1 << 24)  # samples of a clip
VALUES = 1 << 28  # of one file, at the rate that is wanted


class Form(NamedTuple):
    """What every clip becomes."""

    rate: int
    channels: int
    length: int  # samples


def holds_sounds(files: Files) -> bool:
    """Whether a file is a sound by its ending; or a folder or zip with any, and no fewer than other files."""
    if files.is_folder:
        names = files.names
    elif files.ending == ".zip":
        try:
            names = zip_names(open_zip(files.path))
        except UserError:
            return False
    else:
        return files.ending in ENDINGS
    sounds = sum(map(is_sound, names))
    return sounds > 0 and 2 * sounds >= len(names)


def is_sound(name: str) -> bool:
    return PurePosixPath(name).suffix.lower() in ENDINGS


def read_sounds(files: Files, want: Want) -> Source:
    """Sounds of a folder, a zip or one file -> clips (channels, length), float32, full scale at 1.

    Sub-folders are classes; exactly two, `train` and `test`, are the two parts. Longer sounds are cut into clips,
    shorter ones are padded with silence.
    """
    store, path = PictureFiles(files), files.path
    if want.size:
        raise UserError(f"{path} holds sounds, and images are wanted; give those.")
    rows = [row for row, name in enumerate(store.names) if is_sound(name or path.name)]
    if others := [store.names[row] for row in sorted(set(range(len(store.names))) - set(rows))]:
        say(f"{path.name}: {plural(len(others), 'file')} no sounds by their endings, left out: {some_of(others)}")
    heads = look(store, rows, path.name, want)
    form = settle(heads, str(path), path.name, want)
    trees = {row: PurePosixPath(store.names[row] or path.name).parts for row in heads}
    lengths = {row: resampled(head.frames, head.rate, form.rate) for row, head in heads.items()}
    counts = {row: _clips(length, form, want) for row, length in lengths.items()}
    if ends := sum(length > counts[row] * form.length for row, length in lengths.items()):
        say(f"{path.name}: the end of {plural(ends, 'sound')}, shorter than half a clip, is left out")

    def part(chosen: list[int], labels: np.ndarray | None) -> Part:
        cut = [(row, clip) for row in chosen for clip in range(counts[row])]
        repeated = None if labels is None else np.repeat(labels, [counts[row] for row in chosen])
        names = [_name("/".join(trees[row]), clip, counts[row]) for row, clip in cut]

        def at(order: np.ndarray) -> Callable[[], Iterator[np.ndarray]]:
            return partial(blocks, store, [cut[n] for n in order], form)

        return Part(len(cut), at(np.arange(len(cut))), repeated, names, at=at, groups=[row for row, _ in cut])

    train, test, classes = in_parts(trees, path, partial(folder_labels, path=path), part)
    shape = (form.channels, form.length)
    return Source(
        str(path), plain_name(path), "audio", shape, "float32", train, test, classes, range=(-1.0, 1.0), rate=form.rate
    )


def look(store: PictureFiles, rows: Sequence[int], origin: str, want: Want) -> dict[int, Sound]:
    """The readable sounds, by row, without their values. What is wrong with one is said by name, or refused."""
    heads, bad, clipped = dict[int, Sound](), list[tuple[str, str]](), list[str]()
    loud = list[str]()
    for row in tqdm(rows, "listening", leave=False, disable=None, unit="file", delay=1):
        place = store.places[row]
        try:
            sound = look_at(store.read(place))
            _check(sound)
        except ValueError as error:
            if not want.skip_bad:
                raise UserError(unreadable(store.name(place), str(error))) from None
            bad.append((store.names[row], str(error)))
            continue
        clipped += [f"{store.names[row] or origin} at {sound.clipped:.3f} s"] if sound.clipped >= 0 else []
        loud += [f"{store.names[row] or origin} by {20 * math.log10(sound.peak):.1f} dB"] if sound.peak > 1 else []
        heads[row] = sound
    if bad:
        say_left_out(origin, len(rows), bad)
    if not heads:
        raise UserError(f"{origin}: none of its {len(rows)} files is a readable sound.")
    if clipped:
        say(f"{origin}: {plural(len(clipped), 'sound')} clipped at full scale: {some_of(clipped)}")
    if loud:
        say(f"{origin}: {plural(len(loud), 'sound')} beyond full scale, made quieter to fit: {some_of(loud)}")
    return heads


def _check(sound: Sound) -> None:
    """ValueError: more than is read."""
    if not RATES[0] <= sound.rate <= RATES[1]:
        raise ValueError(f"{sound.rate} samples a second; expected {RATES[0]} to {RATES[1]}")
    if not 1 <= sound.channels <= CHANNELS:
        raise ValueError(f"{sound.channels} channels; expected 1 to {CHANNELS}")
    if not sound.frames:
        raise ValueError("it holds no samples")


def settle(heads: dict[int, Sound], origin: str, name: str, want: Want) -> Form:
    """One rate, number of channels and length for all, and every conversion that follows said in words."""
    rates, channels = Counter(h.rate for h in heads.values()), Counter(h.channels for h in heads.values())
    if not want.rate and len(rates) > 1:
        raise UserError(
            f"{origin}: sounds of {', '.join(map(str, sorted(rates)))} samples a second; "
            f"give {option('rate')} to bring all to one."
        )
    rate = want.rate or next(iter(rates))
    for other, count in sorted(rates.items()):
        if other != rate:
            kept = f"nothing above {rate / 2:g} Hz is kept" if other > rate else f"nothing lies above {other / 2:g} Hz"
            say(f"{name}: {count} of {len(heads)} sounds {be(count)} resampled from {other} Hz to {rate} Hz: {kept}")
    wanted = want.channels or (next(iter(channels)) if len(channels) == 1 else 1)
    for other, count in sorted(channels.items()):
        if other != wanted and 1 not in (other, wanted):
            raise UserError(
                f"{origin}: sounds of {plural(other, 'channel')} where {wanted} are wanted; {option('channels', 1)} "
                "mixes all."
            )
        if other != wanted:
            how = "mixed to one channel" if wanted == 1 else f"repeated in {wanted} channels"
            say(f"{name}: {count} of {len(heads)} sounds {be(count)} of {plural(other, 'channel')}: {how}")
    return Form(rate, wanted, _length(heads, rate, name, want))


def _length(heads: dict[int, Sound], rate: int, name: str, want: Want) -> int:
    """Samples of a clip."""
    lengths = [resampled(h.frames, h.rate, rate) for h in heads.values()]
    longest = max(lengths)
    if want.seconds:
        length = round(want.seconds * rate)
    elif min(lengths) == longest <= LONGEST * rate:
        length = longest
    else:
        length = -(-min(longest, math.ceil(LONGEST * rate)) // ROUND) * ROUND
    if not LENGTHS[0] <= length <= LENGTHS[1]:
        raise UserError(
            f"{name}: clips of {length:,} samples at {rate} Hz; expected {LENGTHS[0]} to {LENGTHS[1]:,}: choose "
            f"another {option('seconds')}."
        )
    if longest * max(h.channels for h in heads.values()) > VALUES:
        raise UserError(f"{name}: a sound of {longest:,} samples at {rate} Hz is more than is read; cut it into files.")
    cut, padded = sum(n > length for n in lengths), sum(n < length for n in lengths)
    if cut or padded:
        chosen = "" if want.ranged else f" ({option('seconds')} chooses another length)"
        say(
            f"{name}: clips of {length / rate:g} s{chosen}: {cut:,} of {plural(len(lengths), 'sound')} longer and cut, "
            f"{padded:,} shorter and padded with silence"
        )
    return length


def resampled(frames: int, old: int, new: int) -> int:
    """How many samples a sound has at another rate."""
    return -(-frames * new // old)


def _clips(length: int, form: Form, want: Want) -> int:
    """How many clips a sound gives. A rest shorter than half a clip is no sample to train on; a model gets all."""
    whole, rest = divmod(length, form.length)
    return max(1, whole + (rest > 0 if want.ranged else 2 * rest >= form.length))


def _name(name: str, clip: int, count: int) -> str:
    path = PurePosixPath(name)
    return name if count == 1 else str(path.with_name(f"{path.stem}-{clip + 1:04d}{path.suffix}"))


def blocks(store: PictureFiles, cut: Sequence[tuple[int, int]], form: Form) -> Iterator[np.ndarray]:
    """Clips (m, channels, length) float32. cut: the file's row and the clip's number in it, of each."""
    step = max(1, BLOCK_BYTES // (4 * form.channels * form.length))
    values, last = np.empty(0), -1
    for start in range(0, len(cut), step):
        found = np.zeros((len(cut[start : start + step]), form.channels, form.length), np.float32)
        for out, (row, clip) in zip(found, cut[start : start + step]):
            if row != last:
                values, last = _whole(store, row, form), row
            piece = values[:, clip * form.length : (clip + 1) * form.length]
            out[:, : piece.shape[1]] = piece
        yield found


def _whole(store: PictureFiles, row: int, form: Form) -> np.ndarray:
    """One sound (channels, length of its own) at the rate and in the channels that are wanted."""
    place = store.places[row]
    try:
        values, rate = hear(store.read(place))
    except ValueError as error:
        raise UserError(unreadable(store.name(place), str(error))) from None
    return converted(values, rate, form.rate, form.channels)


def converted(values: np.ndarray, rate: int, new_rate: int, channels: int) -> np.ndarray:
    """A sound (its channels, n) of a rate as (channels, m) of another, at most full scale."""
    from scipy.signal import resample_poly

    if len(values) != channels:
        values = values.mean(0, keepdims=True) if channels == 1 else values.repeat(channels, 0)
    if rate != new_rate:
        common = math.gcd(rate, new_rate)
        values = resample_poly(values, new_rate // common, rate // common, axis=1).astype(np.float32)
    return values / max(1.0, float(abs(values).max(initial=0.0)))


def unreadable(place: str, reason: str) -> str:
    """The refusal of a sound, and what to do about it."""
    return f"{place} is not a readable sound ({reason}); repair or remove it, or leave it out: {option('skip_bad')}."
