"""Batches for training: each turn walks through a permutation of the training part, a new one every epoch.

What a turn sees is a function of its stream's name and of the global sample index: there is no position to save, and
any process can make any part of any batch.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import torch
from torch import Tensor
from tqdm import tqdm

from aegean import draw
from aegean.data.batch import Batch
from aegean.data.info import DataInfo
from aegean.data.read.source import BLOCK_BYTES
from aegean.data.sets.stream import Window, as_tensor, read_rows, rows_of
from aegean.machine import free_memory

RESIDENT_LIMIT = 4 << 30  # bytes of raw samples that are held in host memory; larger sets are streamed
THREADS = 4  # that fetch batches of streams


class Feed:
    """The training part of a data set as batches, addressed by the global sample index.

    Resident sets lie on the device as they are stored, and a batch is gathered there. Larger ones are streamed: `ready`
    brings what the next batch needs to the device, and has the one after it fetched meanwhile.

    info: of the data set.
    raw: (n, *info.packed) of info.dtype, the training part.
    labels: (n,) indices into info.classes, or None.
    device: where batches are wanted.
    seed: of the run; it orders the samples.
    part: (rank, processes): a streamed feed fetches only this process's samples of a batch.
    other: of the other side, of data with two whose samples do not belong together.

    `residence` says where the samples are kept, and why.
    """

    def __init__(
        self,
        info: DataInfo,
        raw: Any,
        labels: np.ndarray | None,
        device: torch.device,
        seed: int,
        part: tuple[int, int] = (0, 1),
        other: Feed | None = None,
    ):
        self.other = other
        self.info, self.raw, self.device, self.seed, self.part = info, raw, device, seed, part
        self.count = len(raw)
        room, where = _room(device)
        self.resident = raw.nbytes <= room
        how = f"held {where}" if self.resident else "streamed from where they lie"
        fit = "fit into" if self.resident else "do not fit into"
        self.residence = f"training samples are {how}: their {_size(raw.nbytes)} {fit} {_size(room)} {where}"
        self.samples = _on_device(raw, device) if self.resident else None
        self.labels = None if labels is None else torch.from_numpy(np.asarray(labels, np.int64)).to(device)
        self.offset, self.scale = (
            torch.tensor(v, dtype=torch.float64 if info.dtype == "float64" else torch.float32, device=device)
            for v in (info.offset, info.scale)
        )
        self.coder = info.coder.to(device) if info.table else None
        self._orders: dict[str, _Order] = {}
        self._windows: dict[str, Window] = {}
        self._threads = ThreadPoolExecutor(THREADS, "aegean-feed")  # they end when the feed is dropped

    def mirrored(self) -> Feed:
        """A feed of these images, and of all of them mirrored left to right."""
        raw = np.array(self.raw[: self.count])
        labels = None if self.labels is None else np.tile(self.labels.cpu().numpy(), 2)
        return Feed(self.info, np.concatenate((raw, raw[..., ::-1])), labels, self.device, self.seed, self.part)

    def take(self, stream: str, start: int, size: int) -> Batch:
        """Samples start ... start + size - 1 of a stream, at once."""
        rows = rows_of(self.seed, stream, torch.arange(start, start + size), self.count)
        x = np.empty((size, *self.raw.shape[1:]), self.raw.dtype)
        read_rows(self.raw, rows.numpy(), x)
        target = self.other.take(_beside(stream), start, size).x if self.other else None
        return self._batch(as_tensor(x).to(self.device), rows.to(self.device), target)

    def ready(self, stream: str, start: int, size: int, whole: bool = False) -> None:
        """Before a step: have at hand what `batch` needs.

        stream: its name.
        start, size: the samples start ... start + size - 1 of the stream.
        whole: all processes' parts of the batch.

        UserError: the data cannot be read any more.
        """
        if self.other:
            self.other.ready(_beside(stream), start, size, whole)
        if self.resident:
            if stream not in self._orders:
                self._orders[stream] = _Order(self, stream, size)
            self._orders[stream].reach(start)
            return
        if stream not in self._windows:
            self._windows[stream] = Window(self.raw, self.seed, stream, size, self.part, self.device)
        window = self._windows[stream]
        assert window.size == size, f"batches of {size} samples from a stream of batches of {window.size}"
        if whole and self.part[1] > 1:
            window.fill_whole(start)
        else:
            window.fill(start, self._threads)

    def batch(self, stream: str, index: Tensor) -> Batch:
        """The samples `index` (B,) int64 of a stream, which are `ready`.

        Nothing but operations on tensors that stay where they are: a step that calls it can be recorded.
        """
        target = self.other.batch(_beside(stream), index).x if self.other else None
        if self.resident:
            rows = self._orders[stream].rows(index)
            return self._batch(self.samples.index_select(0, rows), rows, target)  # type: ignore[union-attr]
        raw, rows = self._windows[stream].gather(index)
        return self._batch(raw, rows, target)

    def forget(self) -> None:
        """Drop all streams: other ones are wanted from now on."""
        self._orders.clear()
        self._windows.clear()
        if self.other:
            self.other.forget()

    def tensors(self) -> list[Tensor]:
        """Every tensor that `batch` reads."""
        found = [t for t in (self.offset, self.scale, self.samples, self.labels) if t is not None]
        found += self.coder.tensors() if self.coder else []
        streams: list[_Order | Window] = [*self._orders.values(), *self._windows.values()]
        theirs = self.other.tensors() if self.other else []
        return found + [t for stream in streams for t in stream.tensors()] + theirs

    def _batch(self, raw: Tensor, rows: Tensor, target: Tensor | None) -> Batch:
        """Samples (B, *info.packed) at rows (B,); target: samples of another feed."""
        values = self._values(raw)
        if self.info.paired:
            values, target = values.split((self.info.shape[0], len(values[0]) - self.info.shape[0]), 1)
        return Batch(values, self._labels(rows), target)

    def _values(self, raw: Tensor) -> Tensor:
        if self.coder:
            return self.coder(raw)
        if self.info.dtype == "uint16":
            raw = raw.int() & 0xFFFF
        if self.info.dtype == "float64":  # values that float32 does not tell apart before they are standardised
            return ((raw - self.offset) / self.scale).float()
        return (raw.float() - self.offset).div_(self.scale)

    def _labels(self, rows: Tensor) -> Tensor | None:
        return None if self.labels is None else self.labels[rows]


def _beside(stream: str) -> str:
    """The stream of the other side's samples."""
    return f"{stream}/target"


class _Order:
    """A stream's permutations of the present epoch and of the next ones that a batch may reach into."""

    def __init__(self, feed: Feed, stream: str, size: int):
        self.n, self.seed, self.stream = feed.count, feed.seed, stream
        self.epochs = 1 + -(-size // self.n)
        self.epoch = -1
        self.first = torch.zeros((), dtype=torch.int64, device=feed.device)
        self.order = torch.zeros(self.epochs * self.n, dtype=torch.int64, device=feed.device)

    def reach(self, start: int) -> None:
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


def _on_device(raw: Any, device: torch.device) -> Tensor:
    """All samples on the device, block by block: the host never holds a second copy."""
    values = as_tensor(np.empty((0, *raw.shape[1:]), raw.dtype))
    samples = torch.empty(raw.shape, dtype=values.dtype, device=device)
    step = max(1, BLOCK_BYTES * len(raw) // max(1, raw.nbytes))
    for start in tqdm(range(0, len(raw), step), "reading", leave=False, disable=None, delay=1):
        samples[start : start + step] = as_tensor(np.array(raw[start : start + step])).to(device)
    return samples


def _room(device: torch.device) -> tuple[int, str]:
    """How many bytes of samples may lie on a device, and where that is in words."""
    if device.type == "cuda":
        return torch.cuda.mem_get_info(device)[0] // 2, "on the device (half of its free memory)"
    return min(RESIDENT_LIMIT, free_memory() // 4), "in memory"


def _size(count: int) -> str:
    return f"{count / 1e9:.2f} GB" if count >= 1e8 else f"{count / 1e6:.2f} MB"
