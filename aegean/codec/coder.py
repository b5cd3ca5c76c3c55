"""Entropy coding by constriction's range coder, with tables of integer frequencies.

A table's frequencies sum to 2^24, exactly the coder's precision, and are handed over in the one form that it neither
scales nor rounds. So its streams are a function of integers alone, and `tests/codec` decodes them with the textbook's
range decoder in whole numbers: the files do not depend on how a library rounds.
"""

from __future__ import annotations

from functools import cached_property
from typing import Any

import numpy as np

from aegean.codec.fields import CodecError
from aegean.config import UserError

BITS = 24
TOTAL = 1 << BITS


def frequencies(counts: np.ndarray) -> np.ndarray:
    """Counts (tables, symbols), integers from 0 on with something in each row -> frequencies (tables, symbols), int64,
    from 1 on, that sum to 2^24 in each row and are proportional to the counts but for rounding, of which the most
    frequent symbol takes the rest. In whole numbers throughout: the same everywhere."""
    counts = np.asarray(counts, np.int64)
    symbols = counts.shape[1]
    totals = counts.sum(1, keepdims=True)
    assert symbols <= 1 << 16 and (counts >= 0).all() and 0 < totals.min() <= totals.max() < 1 << 38, "wrong counts"
    found = counts * (TOTAL - symbols) // totals + 1
    rows = np.arange(len(found))
    found[rows, found.argmax(1)] += TOTAL - found.sum(1)
    return found


class Tables:
    """Frequencies (tables, symbols) that sum to 2^24 in each row, and what constriction makes of them.

    It gives every symbol one of its 2^24 shares and deals out the others in proportion; numbers that sum to what it
    deals out stay as they are.
    """

    def __init__(self, counts: np.ndarray):
        self.frequencies = frequencies(counts)

    @cached_property
    def models(self) -> list[Any]:
        assert (self.frequencies >= 1).all() and (self.frequencies.sum(1) == TOTAL).all()
        categorical = _constriction().stream.model.Categorical
        return [categorical((row - 1).astype(np.float64), lazy=False, perfect=False) for row in self.frequencies]

    def bits(self, symbols: np.ndarray, table: np.ndarray) -> float:
        """-log2 of the probability of symbols (n,), each under its table (n,)."""
        return float(np.log2(TOTAL / self.frequencies[table, symbols]).sum())


class Encoder:
    """Symbols in, bytes out."""

    def __init__(self, tables: Tables):
        self.models, self.coder = tables.models, _constriction().stream.queue.RangeEncoder()

    def put(self, symbols: np.ndarray, table: np.ndarray) -> None:
        """Symbols (n,) and the table of each (n,)."""
        order, ends = _by_table(table, len(self.models))
        symbols = np.ascontiguousarray(symbols[order], np.int32)
        for number, start, end in ends:
            self.coder.encode(symbols[start:end], self.models[number])

    def finish(self) -> bytes:
        """All of it."""
        return self.coder.get_compressed().astype("<u4").tobytes()


class Decoder:
    """The inverse of `Encoder`, asked for the same tables in the same order."""

    def __init__(self, tables: Tables, data: bytes):
        if len(data) % 4:
            raise CodecError("a block is not made of whole words")
        self.models = tables.models
        self.coder = _constriction().stream.queue.RangeDecoder(np.frombuffer(data, "<u4").astype(np.uint32))

    def take(self, table: np.ndarray) -> np.ndarray:
        """The table of each symbol (n,) -> the symbols (n,) int32."""
        order, ends = _by_table(table, len(self.models))
        found = np.empty(len(table), np.int32)
        try:
            for number, start, end in ends:
                found[order[start:end]] = self.coder.decode(self.models[number], end - start)
        except (AssertionError, ValueError) as error:  # constriction's word for bytes that no encoder wrote
            raise CodecError(f"a block holds what no encoder wrote ({error})") from None
        return found

    def end(self) -> None:
        """CodecError: bytes are left."""
        if not self.coder.maybe_exhausted():
            raise CodecError("a block holds more than its tiles")


def _by_table(table: np.ndarray, count: int) -> tuple[np.ndarray, list[tuple[int, int, int]]]:
    """The order that brings symbols of one table together, and where each table's begin and end in it."""
    order = np.argsort(table.astype(np.uint16) if count <= 1 << 16 else table, kind="stable")  # 16 bits: by radix
    ends = np.cumsum(np.bincount(table, minlength=count))
    starts = ends - np.diff(ends, prepend=0)
    used = np.flatnonzero(ends > starts)
    return order, list(zip(used.tolist(), starts[used].tolist(), ends[used].tolist()))


def _constriction() -> Any:
    try:
        import constriction
    except ImportError:
        raise UserError(
            "Compression needs the library constriction, which is missing; pip install constriction (on Linux with "
            "aarch64 there is no wheel: it is built from source, which needs a Rust compiler)."
        ) from None
    return constriction
