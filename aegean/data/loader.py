"""Batches for training: each turn walks through a permutation of the training part, a new one every epoch."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from aegean import draw
from aegean.data.info import DataInfo

RESIDENT_LIMIT = 4 << 30  # bytes of raw samples that are held in memory; larger sets stay memory-mapped


def permutation(seed: int, stream: str, epoch: int, n: int) -> np.ndarray:
    """The order of n samples in an epoch of a stream; a function of its arguments alone. (n,) int64."""
    generator = np.random.Generator(np.random.Philox(key=draw.key(seed, stream, epoch) % 2**64))
    return generator.permutation(n)


class Feed:
    """The training part of a data set as batches, addressed by the global sample index.

    info: its DataInfo; raw (n, *shape), labels (n,) or None: the training part. There is no position to
    save: `batch` is a function of the stream and of the index of the batch's first sample.
    """

    def __init__(self, info: DataInfo, raw: np.ndarray, labels: np.ndarray | None, device: torch.device, seed: int):
        self.info, self.seed, self.device = info, seed, device
        self.resident = raw.nbytes <= RESIDENT_LIMIT
        self.raw = np.ascontiguousarray(raw) if self.resident else raw
        self.labels = None if labels is None else np.asarray(labels, np.int64)
        self._orders: dict[str, tuple[int, np.ndarray]] = {}

    def batch(self, stream: str, start: int, size: int) -> tuple[Tensor, Tensor | None]:
        """x (size, *shape) in model range and labels (size,) of samples start ... start + size - 1."""
        n = len(self.raw)
        place = np.arange(start, start + size)
        rows = np.empty(size, np.int64)
        for epoch in np.unique(place // n):
            here = place // n == epoch
            rows[here] = self._order(stream, int(epoch))[place[here] % n]
        x = self.info.normalise(self.raw[rows]).to(self.device)
        labels = None if self.labels is None else torch.from_numpy(self.labels[rows]).to(self.device)
        return x, labels

    def _order(self, stream: str, epoch: int) -> np.ndarray:
        known = self._orders.get(stream)
        if known is None or known[0] != epoch:
            known = self._orders[stream] = (epoch, permutation(self.seed, stream, epoch, len(self.raw)))
        return known[1]
