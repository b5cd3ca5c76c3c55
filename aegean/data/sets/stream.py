"""Streamed batches: while a step runs, a thread reads the next batch of each stream into host memory."""

from __future__ import annotations

import mmap
from concurrent.futures import Executor, Future
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from aegean import draw
from aegean.config import UserError
from aegean.data.read.source import resume_hint


def rows_of(seed: int, stream: str, index: Tensor, n: int) -> Tensor:
    """Which of n samples the global sample indices (B,) int64 of a stream of a run's seed are: a permutation every
    epoch."""
    rows = torch.empty_like(index)
    for epoch in torch.unique(index // n).tolist():
        here = index // n == epoch
        rows[here] = draw.permutation(draw.key(seed, stream, epoch), index[here] % n, n)
    return rows


def as_tensor(raw: np.ndarray) -> Tensor:
    """The same bytes as a tensor; numbers of 16 bits as int16, since few devices calculate with uint16."""
    return torch.from_numpy(raw.view(np.int16) if raw.dtype == np.uint16 else raw)


def read_rows(raw: Any, rows: np.ndarray, out: np.ndarray) -> None:
    """Samples `rows` (B,) int64 of `raw` (n, *shape) into `out` (B, *shape), reading forward through the file.

    UserError: the file is gone or damaged.
    """
    order = np.argsort(rows, kind="stable")
    ahead = rows[order]
    out[order] = _from_file(raw, ahead) if _is_whole_file(raw) else raw[ahead]


def _is_whole_file(raw: Any) -> bool:
    """Whether `raw` is a memory map as numpy opened it, not a view into one."""
    return isinstance(raw, np.memmap) and isinstance(raw.base, mmap.mmap) and raw.flags.c_contiguous


def _from_file(raw: np.memmap, rows: np.ndarray) -> np.ndarray:
    """The rows through a map of their own: closing it takes the pages that it touched off this process's memory,
    and a file that has become too short is an error where a map that stayed open would be a crash."""
    file = Path(str(raw.filename))
    try:
        with (
            file.open("rb") as opened,
            mmap.mmap(opened.fileno(), raw.offset + raw.nbytes, access=mmap.ACCESS_READ) as mapped,
        ):
            _announce(mapped, raw.offset + rows * raw[:1].nbytes, raw[:1].nbytes)
            values = np.frombuffer(mapped, raw.dtype, raw.size, raw.offset).reshape(raw.shape)
            found = values[rows]
            del values  # a map in use cannot be closed
            return found
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it has become shorter"
        raise UserError(f"{file} cannot be read any more ({reason}). {resume_hint('the data')}") from None


def _announce(mapped: mmap.mmap, starts: np.ndarray, size: int) -> None:
    """Have the system fetch all rows at once rather than one after the other as they are touched."""
    if hasattr(mmap, "MADV_WILLNEED"):
        for start in starts.tolist():
            page = start - start % mmap.PAGESIZE
            mapped.madvise(mmap.MADV_WILLNEED, page, start + size - page)


class Window:
    """One batch of a stream on the device, or a process's part of it, at a place that stays.

    raw: (n, *shape), all samples.
    seed, stream: what orders them.
    size: samples of a batch.
    device: where the batch is wanted.
    part: (rank, processes): only samples [size * rank / n, size * (rank + 1) / n) of each batch are fetched.
    """

    def __init__(self, raw: Any, seed: int, stream: str, size: int, part: tuple[int, int], device: torch.device):
        self.raw, self.seed, self.stream, self.size = raw, seed, stream, size
        rank, processes = part
        self.skip = size * rank // processes
        self.own = _Buffer(raw, size * (rank + 1) // processes - self.skip, device)
        self.slots = [_Buffer(raw, len(self.own.rows), device, on_host=True) for _ in range(2)]
        self.present = self.own
        self.guess = -1
        self.pending: Future[None] | None = None

    def fill(self, start: int, threads: Executor) -> None:
        """Bring the batch that begins at sample `start`, and have the one after it fetched meanwhile."""
        if start != self.guess or self.pending is None:
            self._fetch(start, threads)
        assert self.pending is not None
        pending, self.pending = self.pending, None
        pending.result()
        self.own.take_over(self.slots[0])
        self.present = self.own
        self._fetch(start + self.size, threads)

    def fill_whole(self, start: int) -> None:
        """Bring the whole batch, all processes' parts, to a place of its own, until the next `fill`."""
        host, self.present = (_Buffer(self.raw, self.size, self.own.rows.device, on_host=h) for h in (True, False))
        self._read(host, start)
        self.present.take_over(host)

    def gather(self, index: Tensor) -> tuple[Tensor, Tensor]:
        """Raw samples (B, *shape) and rows (B,) of the global sample indices (B,) int64."""
        place = index - self.present.first
        return self.present.raw[place], self.present.rows[place]

    def tensors(self) -> list[Tensor]:
        return [self.own.first, self.own.raw, self.own.rows]

    def _fetch(self, start: int, threads: Executor) -> None:
        if self.pending is not None:
            self.pending.exception()  # a wrong guess: until its slot is free
        self.slots.reverse()
        self.slots[0].wait()  # here: a thread that calls CUDA would disturb the capture of a graph
        self.guess = start
        self.pending = threads.submit(self._read, self.slots[0], start + self.skip)

    def _read(self, slot: _Buffer, first: int) -> None:
        index = torch.arange(first, first + len(slot.rows))
        slot.rows.copy_(rows_of(self.seed, self.stream, index, len(self.raw)))
        slot.first.fill_(first)
        read_rows(self.raw, slot.rows.numpy(), slot.raw.numpy().view(self.raw.dtype))


class _Buffer:
    """Room for samples in a row: which the first is (global index), their values, and their rows in the set.

    On the host the room is pinned where the device is CUDA, so that copies from it run beside the step.
    """

    def __init__(self, raw: Any, size: int, device: torch.device, on_host: bool = False):
        pinned = on_host and device.type == "cuda"
        where = torch.device("cpu") if on_host else device
        values = as_tensor(np.empty((0, *raw.shape[1:]), raw.dtype))
        self.first = torch.zeros((), dtype=torch.int64, device=where, pin_memory=pinned)
        self.raw = torch.zeros((size, *values.shape[1:]), dtype=values.dtype, device=where, pin_memory=pinned)
        self.rows = torch.zeros(size, dtype=torch.int64, device=where, pin_memory=pinned)
        self.copied = torch.cuda.Event() if pinned else None

    def take_over(self, slot: _Buffer) -> None:
        """Become a copy of a buffer on the host, in the order of the device's work."""
        for mine, value in ((self.first, slot.first), (self.raw, slot.raw), (self.rows, slot.rows)):
            mine.copy_(value, non_blocking=True)
        if slot.copied is not None:
            slot.copied.record()

    def wait(self) -> None:
        """Until the device has read what lies here."""
        if self.copied is not None:
            self.copied.synchronize()
