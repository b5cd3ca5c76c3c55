"""Batches for training: each turn walks through a permutation of the training part, a new one every epoch.

What a turn sees is a function of its stream's name and of the global sample index: there is no position to save, and
any process can make any part of any batch.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

from aegean import draw
from aegean.data.info import DataInfo

RESIDENT_LIMIT = 4 << 30  # bytes of raw samples that are held in memory; larger sets are streamed


def rows_of(seed: int, stream: str, index: Tensor, n: int) -> Tensor:
    """Which of n samples the global sample indices (B,) int64 of a stream are: a permutation every epoch."""
    rows = torch.empty_like(index)
    for epoch in torch.unique(index // n).tolist():
        here = index // n == epoch
        rows[here] = draw.permutation(draw.key(seed, stream, epoch), index[here] % n, n)
    return rows


class Feed:
    """The training part of a data set as batches, addressed by the global sample index.

    info: its DataInfo; raw (n, *shape), labels (n,) or None: the training part. Resident sets lie on the device as
    they are stored, and a batch is gathered there. Larger ones are streamed: `ready` brings what the next batch needs
    to the device, and has the one after it fetched meanwhile.
    """

    def __init__(self, info: DataInfo, raw: Any, labels: np.ndarray | None, device: torch.device, seed: int):
        self.info, self.raw, self.device, self.seed = info, raw, device, seed
        self.count = len(raw)
        self.resident = raw.nbytes <= RESIDENT_LIMIT
        self.samples = _tensor(np.array(raw)).to(device) if self.resident else None
        self.labels = None if labels is None else torch.from_numpy(np.asarray(labels, np.int64)).to(device)
        self.offset, self.scale = (torch.tensor(v, device=device) for v in (info.offset, info.scale))
        self._orders: dict[str, _Order] = {}
        self._held: dict[str, _Held] = {}

    def take(self, stream: str, start: int, size: int) -> tuple[Tensor, Tensor | None]:
        """x (size, *shape) in model range and labels (size,) of samples start ... start + size - 1, at once."""
        rows = rows_of(self.seed, stream, torch.arange(start, start + size), self.count)
        x = _tensor(np.asarray(self.raw[rows.numpy()])).to(self.device)
        return self._values(x), self._labels(rows.to(self.device))

    def ready(self, stream: str, start: int, size: int) -> None:
        """Before a step: have at hand what `batch` needs for samples start ... start + size - 1 of a stream."""
        if self.resident:
            if stream not in self._orders:
                self._orders[stream] = _Order(self, stream, size)
            self._orders[stream].reach(start, size)
        else:
            if stream not in self._held:
                self._held[stream] = _Held(self, stream, size)
            self._held[stream].fill(start)

    def batch(self, stream: str, index: Tensor) -> tuple[Tensor, Tensor | None]:
        """x (B, *shape) in model range and labels (B,) of the samples `index` (B,) int64, which are `ready`.

        Nothing but operations on tensors that stay where they are: a step that calls it can be recorded.
        """
        if self.resident:
            rows = self._orders[stream].rows(index)
            return self._values(self.samples[rows]), self._labels(rows)  # type: ignore[index]
        return self._held[stream].batch(index)

    def tensors(self) -> list[Tensor]:
        """Every tensor that `batch` reads."""
        found = [t for t in (self.offset, self.scale, self.samples, self.labels) if t is not None]
        for order in self._orders.values():
            found += order.tensors()
        for held in self._held.values():
            found += held.tensors()
        return found

    def _values(self, raw: Tensor) -> Tensor:
        if self.info.dtype == "uint16":  # few devices calculate with unsigned numbers of 16 bits
            raw = raw.int() & 0xFFFF
        return (raw.float() - self.offset) / self.scale

    def _labels(self, rows: Tensor) -> Tensor | None:
        return None if self.labels is None else self.labels[rows]


class _Order:
    """A stream's permutations of the present epoch and of the next ones that a batch may reach into."""

    def __init__(self, feed: Feed, stream: str, size: int):
        self.n, self.seed, self.stream = feed.count, feed.seed, stream
        self.epochs = 1 + -(-size // self.n)
        self.epoch = -1
        self.first = torch.zeros((), dtype=torch.int64, device=feed.device)
        self.order = torch.zeros(self.epochs * self.n, dtype=torch.int64, device=feed.device)

    def reach(self, start: int, size: int) -> None:
        epoch = start // self.n
        if epoch == self.epoch:
            return
        kept = self.epochs - 1 if epoch == self.epoch + 1 and self.epoch >= 0 else 0
        if kept:
            self.order[: kept * self.n] = self.order[self.n :].clone()
        for k in range(kept, self.epochs):
            place = torch.arange(self.n, device=self.order.device)
            stream = draw.key(self.seed, self.stream, epoch + k)
            self.order[k * self.n : (k + 1) * self.n] = draw.permutation(stream, place, self.n)
        self.epoch = epoch
        self.first.fill_(epoch * self.n)

    def rows(self, index: Tensor) -> Tensor:
        return self.order[index - self.first]

    def tensors(self) -> list[Tensor]:
        return [self.first, self.order]


class _Held:
    """One batch of a streamed set on the device, at a place that stays."""

    def __init__(self, feed: Feed, stream: str, size: int):
        self.feed, self.stream, self.size = feed, stream, size
        self.first = torch.zeros((), dtype=torch.int64, device=feed.device)
        probe = _tensor(np.empty((0, *feed.info.shape), feed.info.dtype))
        self.raw = torch.zeros((size, *feed.info.shape), dtype=probe.dtype, device=feed.device)
        self.rows = torch.zeros(size, dtype=torch.int64, device=feed.device)

    def fill(self, start: int) -> None:
        rows = rows_of(self.feed.seed, self.stream, torch.arange(start, start + self.size), self.feed.count)
        self.raw.copy_(_tensor(np.asarray(self.feed.raw[rows.numpy()])))
        self.rows.copy_(rows)
        self.first.fill_(start)

    def batch(self, index: Tensor) -> tuple[Tensor, Tensor | None]:
        place = index - self.first
        return self.feed._values(self.raw[place]), self.feed._labels(self.rows[place])

    def tensors(self) -> list[Tensor]:
        return [self.first, self.raw, self.rows]


def _tensor(raw: np.ndarray) -> Tensor:
    """The same bytes as a tensor; numbers of 16 bits as int16, see `Feed._values`."""
    return torch.from_numpy(raw.view(np.int16) if raw.dtype == np.uint16 else raw)
