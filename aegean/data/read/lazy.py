"""Images that stay encoded where they lie, found by an index and decoded when they are read."""

from __future__ import annotations

import functools
import hashlib
import json
import math
import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from aegean.config import UserError
from aegean.data.read.decode import Form, decode, unreadable
from aegean.data.read.formats import reason_of
from aegean.data.read.source import BLOCK_BYTES, Store, resume_hint

KEY = hashlib.sha256().digest_size


@dataclass(frozen=True)
class LazyPictures:
    """The pictures of a part: an array (n, *shape) whose samples are decoded when it is indexed."""

    store: Store
    places: np.ndarray  # (n, k) int64
    keys: np.ndarray  # (n, 32) uint8: sha256 of each encoded picture
    wanted: Form

    def __len__(self) -> int:
        return len(self.places)

    @property
    def shape(self) -> tuple[int, ...]:
        return (len(self), *self.wanted.shape)

    @property
    def ndim(self) -> int:
        return len(self.shape)

    @property
    def dtype(self) -> np.dtype:
        return np.dtype(self.wanted.dtype)

    @property
    def nbytes(self) -> int:
        """Of the samples, decoded."""
        return math.prod(self.shape) * self.dtype.itemsize

    @property
    def index_bytes(self) -> int:
        """Of one picture's entry in the index."""
        return self.places[:1].nbytes + self.keys[:1].nbytes

    def __getitem__(self, index: np.ndarray | slice) -> np.ndarray:
        """Rows (B,) int64, or a slice of rows -> raw samples (B, *shape). UserError: a picture cannot be read."""
        places, keys = self.places[index], self.keys[index]
        samples = np.empty((len(places), *self.wanted.shape), self.dtype)
        for i, sample in enumerate(threads().map(self._sample, places, keys)):
            samples[i] = sample
        return samples

    def at(self, rows: np.ndarray) -> LazyPictures:
        """Some of its pictures: a mask or rows."""
        return LazyPictures(self.store, self.places[rows], self.keys[rows], self.wanted)

    def _sample(self, place: np.ndarray, key: np.ndarray) -> np.ndarray:
        try:
            data = self.store.read(place)
            if hashlib.sha256(data).digest() != key.tobytes():
                raise UserError(f"{self.store.name(place)} has changed since it was indexed. {resume_hint('it')}")
            return decode(data, self.wanted)
        except UserError:
            raise
        except Exception as error:  # Pillow's readers raise many kinds for damaged files
            raise UserError(unreadable(self.store.name(place), reason_of(error))) from None

    def write(self, folder: Path, part: str) -> None:
        """<part>-index.json, -places.npy and -keys.npy, from which `read_index` finds the pictures again."""
        about = {"store": self.store.describe(), "wanted": [self.wanted.size, *self.wanted[1:]]}
        (folder / f"{part}-index.json").write_text(json.dumps(about) + "\n")
        np.save(folder / f"{part}-places.npy", self.places, allow_pickle=False)
        np.save(folder / f"{part}-keys.npy", self.keys, allow_pickle=False)

    def blocks(self) -> Iterator[np.ndarray]:
        step = min(256, max(16, BLOCK_BYTES * len(self) // max(1, self.nbytes)))
        return (self[start : start + step] for start in range(0, len(self), step))


@functools.cache
def threads() -> ThreadPoolExecutor:
    """Those that decode, shared by all sets."""
    return ThreadPoolExecutor(min(16, os.cpu_count() or 1), "aegean-decode")


def is_index(folder: Path, part: str = "train") -> bool:
    """Whether a part of a pack is an index."""
    return (folder / f"{part}-index.json").exists()


def read_index(folder: Path, part: str, opening: Callable[[dict[str, Any]], Store]) -> LazyPictures:
    """The pictures of a part whose index was written. opening: from a store's description to the store.

    OSError, EOFError, ValueError, KeyError, TypeError: the index is missing or damaged.
    """
    about = json.loads((folder / f"{part}-index.json").read_text())
    places, keys = (np.load(folder / f"{part}-{what}.npy", "r", allow_pickle=False) for what in ("places", "keys"))
    if places.dtype != np.int64 or keys.shape != (len(places), KEY):
        raise ValueError(f"{folder}: the index of {part} is damaged")
    size, channels, deep = about["wanted"]
    return LazyPictures(opening(about["store"]), places, keys, Form((size[0], size[1]), channels, deep))
