"""What a file of sounds says of itself."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby

from aegean.codec.fields import CodecError, Reader, Writer
from aegean.codec.names import read_names, write_names
from aegean.codec.pictures import BLOCK_VALUES, COUNT_LIMIT, DIGEST

RATES = (1, 400_000)  # samples a second
CHANNELS = 64
LENGTH = (1 << 31) - 64  # values (channels x samples) of a sound: what a .wav of 16 bits holds
LIMIT = 1 << 34  # of all sounds of a file
PLACES = 1 << 12  # of a row
DEPTH = 1 << 15  # symbols at a place
SPAN = 1 << 10  # places of a channel, after which the next channel's follow


@dataclass(frozen=True)
class Sound:
    """A sound of a file: samples of each channel, their rate, and the gain that each channel was coded with: 0 for
    silence, of which nothing is coded, else `gain_of`."""

    length: int
    rate: int
    gains: tuple[int, ...]
    name: str = ""

    @property
    def audible(self) -> int:
        """Channels that are coded."""
        return sum(map(bool, self.gains))


def gain_of(code: int) -> float:
    """The gain that a byte above 0 stands for: steps of half a decibel, from -31.5 to 95.5 dB."""
    return float(10 ** ((code - 64) / 40))


def resampled(frames: int, old: int, new: int) -> int:
    """How many samples a sound has at another rate."""
    return -(-frames * new // old)


@dataclass(frozen=True)
class SoundHeader:
    """What a file says of itself.

    model: the fingerprint of model and tables. rate: of the model, which others are brought to. hop: samples that a
    place of the grid stands for. depth, row: symbols at a place, and places in a row. group: rows in a block, the last
    one's fewer.

    The places of all sounds follow each other, of each channel SPAN at a time, and are cut into rows, of which the last
    one is padded.
    """

    model: bytes
    rate: int
    hop: int
    depth: int
    row: int
    group: int
    sounds: tuple[Sound, ...]
    kind: str = "sound"

    def places(self, sound: Sound) -> int:
        """Of each channel that is coded."""
        return -(-resampled(sound.length, sound.rate, self.rate) // self.hop)

    @property
    def count(self) -> int:
        """Rows."""
        return -(-sum(self.places(sound) * sound.audible for sound in self.sounds) // self.row)

    @property
    def blocks(self) -> int:
        return -(-self.count // self.group)

    @property
    def names(self) -> list[str]:
        return [sound.name for sound in self.sounds]

    def write(self, fields: Writer) -> None:
        """All fields but the kind."""
        fields.numbers(self.rate, self.hop, self.depth, self.row, self.group)
        fields.data += self.model
        forms = [(sound.rate, len(sound.gains)) for sound in self.sounds]
        runs = [(form, len(list(same))) for form, same in groupby(forms)]
        fields.number(len(runs))
        for form, count in runs:
            fields.numbers(count, *form)
        fields.numbers(*(sound.length for sound in self.sounds))
        fields.data += bytes(gain for sound in self.sounds for gain in sound.gains)
        write_names(fields, self.names)


def read(reader: Reader, kind: str) -> SoundHeader:
    """The inverse of `SoundHeader.write`."""
    rate = reader.number("rate of the model", *RATES)
    hop = reader.number("hop", 1, 1 << 16)
    depth = reader.number("number of symbols at a place", 1, DEPTH)
    row = reader.number("number of places in a row", 1, PLACES)
    group = reader.number("number of rows in a block", 1, COUNT_LIMIT)
    if group * row * depth > BLOCK_VALUES:
        raise CodecError(
            f"its blocks hold {group * row * depth:,} symbols; at most {BLOCK_VALUES:,} are decoded at once"
        )
    model = reader.take(DIGEST, "fingerprint")
    forms = list(_forms(reader))
    lengths = [reader.number("length of a sound", 1, LENGTH) for _ in forms]
    total = 0
    for length, (own, channels) in zip(lengths, forms):
        total += max(length, resampled(length, own, rate)) * channels
        if length * channels > LENGTH or total > LIMIT:
            raise CodecError(f"its sounds have {total:,} values; at most {LENGTH:,} of one and {LIMIT:,} are decoded")
    gains = [tuple(reader.take(channels, "gains")) for _, channels in forms]
    names = read_names(reader, len(forms))
    sounds = (Sound(length, own, gain, name) for length, (own, _), gain, name in zip(lengths, forms, gains, names))
    return SoundHeader(model, rate, hop, depth, row, group, tuple(sounds), kind)


def _forms(reader: Reader) -> Iterator[tuple[int, int]]:
    """Rate and channels of every sound."""
    sounds = 0
    for _ in range(reader.number("number of forms", 1, COUNT_LIMIT)):
        count = reader.number("number of sounds", 1, COUNT_LIMIT - sounds)
        rate = reader.number("rate of a sound", *RATES)
        channels = reader.number("number of channels", 1, CHANNELS)
        sounds += count
        yield from [(rate, channels)] * count
