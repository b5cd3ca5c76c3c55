"""Grids of symbols coded by one table for each channel."""

from __future__ import annotations

import hashlib
from functools import cached_property

import numpy as np

from aegean.codec.coder import Decoder, Encoder, Tables


class ChannelTables:
    """Tables (channels, levels), from counts of each symbol."""

    def __init__(self, counts: np.ndarray):
        self.tables = Tables(counts)

    @cached_property
    def fingerprint(self) -> bytes:
        """16 bytes that any other table would change."""
        return hashlib.blake2b(self.tables.frequencies.astype("<i4").tobytes(), digest_size=16).digest()

    def encode(self, grids: np.ndarray) -> bytes:
        """Grids (n, channels or fewer, height, width) of whole numbers -> bytes."""
        encoder = Encoder(self.tables)
        encoder.put(grids.ravel(), self._table(grids.shape))
        return encoder.finish()

    def decode(self, data: bytes, shape: tuple[int, ...]) -> np.ndarray:
        """Bytes -> grids (n, channels or fewer, height, width), int32. CodecError: they are no such grids."""
        decoder = Decoder(self.tables, data)
        found = decoder.take(self._table(shape))
        decoder.end()
        return found.reshape(shape)

    def ideal_bits(self, grids: np.ndarray) -> float:
        """What the tables say that grids (n, channels, height, width) cost: -log2 of their probability."""
        return self.tables.bits(grids.ravel(), self._table(grids.shape))

    def _table(self, shape: tuple[int, ...]) -> np.ndarray:
        """The table of each symbol of grids (n, channels, height, width), in their order."""
        n, channels, height, width = shape
        return np.tile(np.repeat(np.arange(channels), height * width), n)
