"""Mutated .aeg files: every one is refused in words, or decodes to what the good one does; nothing else may happen.

    python benchmarks/fuzz_codec.py --count 100000

Five good files (lossy and lossless of two models of images, one of a model of sounds) are changed by flipped bits,
cuts, additions, bytes written over, parts swapped within a file and between two, huge lengths, headers of one with
blocks of the other, and handed to the wrong model. A third of the changes mends every checksum afterwards, as a
forger would: such a file may decode to other pictures. Each decoding may take a second of a processor, and `LIMIT`
bytes of memory.
"""

from __future__ import annotations

import argparse
import json
import struct
import sys
import time
import tracemalloc
import zlib
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch

sys.path.insert(0, str(Path(__file__).parent.parent / "tests" / "training"))
from steps import digits, trainer

from aegean.codec import CodecError, unpack
from aegean.codec.container import PREFIX, _block_check, _digest, _head
from aegean.codec.sounds import SoundHeader
from aegean.compression import compress, decompress, sounds

SECONDS = 1.0
LIMIT = 128 << 20  # bytes allocated while a file of kilobytes is read, as every
HOURS = 1 << 20  # values of sounds, more of which are not waited for
WATCHED = 7  # th decoding tells: telling is slow

Mutation = Callable[[np.random.Generator, list[bytes], int], bytes]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--count", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--quick", action="store_true", help="a hundred of them")
    options = parser.parse_args()
    print(json.dumps(fuzz(100 if options.quick else options.count, options.seed)))


def fuzz(count: int, seed: int = 0) -> dict[str, object]:
    """Try `count` mutations; what became of them, by mutation. AssertionError: one that was neither refused nor
    decoded as it should, took too long or too much memory."""
    models, files, expected = made()
    found: Counter[str] = Counter()
    slowest, largest, start = 0.0, 0, time.monotonic()
    names = list(MUTATIONS)
    for number in range(count):
        rng = np.random.default_rng((seed, number))
        name, which = names[number % len(names)], int(rng.integers(len(files)))
        data = MUTATIONS[name](rng, files, which)
        forged = bool(rng.random() < 1 / 3) and (mended := mend(data)) is not None
        coders = models[(which // 2 + (name == "wrong model")) % len(models)]
        tried = mended if forged and mended is not None else data
        result, seconds, memory = attempt(coders, tried, watched=number % WATCHED == 0)
        where = f"mutation {number} ({name}, file {which}, forged {forged})"
        assert seconds < SECONDS, f"{where} took {seconds:.1f} s"
        assert memory < LIMIT, f"{where} took {memory:,} bytes"
        if isinstance(result, CodecError):
            found[f"{name}: refused"] += 1
        else:
            same = tried in files and np.array_equal(result, expected[files.index(tried)])
            assert same or forged, f"{where} was decoded in silence"
            found[f"{name}: {'unchanged' if same else 'forged'}"] += 1
        slowest, largest = max(slowest, seconds), max(largest, memory)
    return {
        "mutations": count,
        "refused": sum(n for name, n in found.items() if name.endswith("refused")),
        "decoded in silence": 0,
        "slowest_ms": round(1000 * slowest, 1),
        "largest_bytes": largest,
        "seconds": round(time.monotonic() - start, 1),
        "outcomes": dict(sorted(found.items())),
    }


Coders = dict[str, Any]  # of a model, by the kinds of files


def made() -> tuple[list[Coders], list[bytes], list[np.ndarray]]:
    """Three models' coders; a lossy and a lossless file of each of images, and one of sounds; what is in them."""
    models, files, expected = [], [], []
    for seed in (0, 1):
        t = trainer("codec", seed=seed)
        for _ in t:
            pass
        models.append({kind: t.model().coder(kind) for kind in ("lossy", "lossless")})
        for coder in models[-1].values():
            files.append(compress(coder, (("", picture) for picture in digits()[0][20 * seed :][:40])))
            expected.append(decoded(models[-1], files[-1]))
    t = trainer("sound_codec")
    for _ in t:
        pass
    models.append({"sound": t.model().coder("sound")})
    time = torch.arange(900) / 9
    files.append(t.model().compress([0.3 * torch.sin(time)[None], torch.stack((0.1 * torch.cos(time), 0 * time))]))
    expected.append(decoded(models[-1], files[-1]))
    return models, files, expected


def decoded(coders: Coders, data: bytes) -> np.ndarray:
    """The samples of a file, as `Model.decompress` finds them; of sounds that claim hours, none."""
    header, blocks = unpack(data)
    if header.kind not in coders:
        raise CodecError("another kind of file")
    if isinstance(header, SoundHeader):
        if sum(header.places(sound) * header.hop * len(sound.gains) for sound in header.sounds) > HOURS:
            return np.zeros(0)
        found = sounds.decoded(coders["sound"], header, blocks)
        return np.concatenate([piece.ravel() for _, pieces in found for piece in pieces])
    return np.stack([values for _, values in decompress(coders[header.kind], header, blocks)])


def attempt(coders: Coders, data: bytes, watched: bool) -> tuple[np.ndarray | CodecError, float, int]:
    """What a file decodes to, or why not; seconds; where it is watched, bytes allocated at the most."""
    if watched:
        tracemalloc.start()
    start = time.process_time()
    try:
        result: np.ndarray | CodecError = decoded(coders, data)
    except CodecError as refused:
        result = refused
    seconds, memory = time.process_time() - start, tracemalloc.get_traced_memory()[1]
    if watched:
        tracemalloc.stop()
    return result, seconds, memory


def mend(data: bytes) -> bytes | None:
    """The file with every length and checksum as it should be, where there is still a header to mend."""
    if len(data) < PREFIX.size:
        return None
    magic, version, length, _ = PREFIX.unpack_from(data)
    fields = data[PREFIX.size : PREFIX.size + length]
    data = _sealed(magic, version, fields) + data[PREFIX.size + length :]
    try:
        head, _, lengths, digest = _head(data)
    except CodecError:
        return data  # refused by its fields, whatever its checksum
    blocks, place = [], len(head)
    for size in lengths:
        blocks.append(data[place : place + size])
        place += size + 4
    fields = fields[: -len(digest)] + _digest(blocks)
    head = _sealed(magic, version, fields)
    return head + b"".join(block + _block_check(head, n, block) for n, block in enumerate(blocks))


def _sealed(magic: bytes, version: int, fields: bytes) -> bytes:
    start = struct.pack("<8sHI", magic, version, len(fields))
    return start + struct.pack("<I", zlib.crc32(fields, zlib.crc32(start))) + fields


# mutations of file `which` of `files`


def flip(rng: np.random.Generator, files: list[bytes], which: int) -> bytes:
    data = bytearray(files[which])
    for _ in range(int(rng.integers(1, 5))):
        data[rng.integers(len(data))] ^= 1 << int(rng.integers(8))
    return bytes(data)


def flip_in_header(rng: np.random.Generator, files: list[bytes], which: int) -> bytes:
    data = bytearray(files[which])
    data[rng.integers(PREFIX.size + PREFIX.unpack_from(data)[2])] ^= 1 << int(rng.integers(8))
    return bytes(data)


def cut(rng: np.random.Generator, files: list[bytes], which: int) -> bytes:
    return files[which][: rng.integers(len(files[which]))]


def extend(rng: np.random.Generator, files: list[bytes], which: int) -> bytes:
    return files[which] + rng.bytes(int(rng.integers(1, 40)))


def overwrite(rng: np.random.Generator, files: list[bytes], which: int) -> bytes:
    data = bytearray(files[which])
    place, size = int(rng.integers(len(data))), int(rng.integers(1, 30))
    data[place : place + size] = rng.bytes(min(size, len(data) - place))
    return bytes(data)


def remove(rng: np.random.Generator, files: list[bytes], which: int) -> bytes:
    data, place = files[which], int(rng.integers(len(files[which])))
    return data[:place] + data[place + int(rng.integers(1, 30)) :]


def swap(rng: np.random.Generator, files: list[bytes], which: int) -> bytes:
    data = bytearray(files[which])
    a, b = sorted(int(i) for i in rng.integers(0, len(data) - 16, 2))
    data[a : a + 16], data[b : b + 16] = data[b : b + 16], data[a : a + 16]
    return bytes(data)


def splice(rng: np.random.Generator, files: list[bytes], which: int) -> bytes:
    """The header of one file and the blocks of another, or a place inside where one becomes the other."""
    other = files[int(rng.integers(len(files)))]
    ends = [PREFIX.size + PREFIX.unpack_from(data)[2] for data in (files[which], other)]
    if rng.random() < 0.5:
        return files[which][: ends[0]] + other[ends[1] :]
    place = int(rng.integers(min(len(files[which]), len(other))))
    return files[which][:place] + other[place:]


def huge(rng: np.random.Generator, files: list[bytes], which: int) -> bytes:
    """A number of the header made as large as its form allows."""
    data, place = bytearray(files[which]), PREFIX.size + int(rng.integers(60))
    if rng.random() < 0.2:
        data[10:14] = rng.bytes(4)  # the header's own length
        return bytes(data)
    data[place : place + 1] = b"\xff" * int(rng.integers(1, 9)) + b"\x7f"
    data[10:14] = struct.pack("<I", PREFIX.unpack_from(files[which])[2] + len(data) - len(files[which]))
    return bytes(data)


def wrong_model(rng: np.random.Generator, files: list[bytes], which: int) -> bytes:
    return files[which]


def noise(rng: np.random.Generator, files: list[bytes], which: int) -> bytes:
    return files[which][: int(rng.integers(0, PREFIX.size + 1))] + rng.bytes(int(rng.integers(0, 300)))


MUTATIONS: dict[str, Mutation] = {
    "flipped bits": flip,
    "flipped bit in the header": flip_in_header,
    "cut": cut,
    "longer": extend,
    "overwritten": overwrite,
    "removed": remove,
    "swapped": swap,
    "spliced": splice,
    "huge number": huge,
    "wrong model": wrong_model,
    "noise": noise,
}

if __name__ == "__main__":
    main()
