"""The processes that train a run together, as torchrun starts them; one process is a world of its own."""

from __future__ import annotations

import atexit
import contextlib
import json
import os
from collections.abc import Callable, Iterable, Iterator
from typing import Any, TypeVar

import numpy as np
import torch
from torch import Tensor

from aegean.config import UserError

T = TypeVar("T")
BROKEN = ("gloo", "Connection", "Broken pipe", "Socket")  # what backends say of a process that is gone


class Lost(Exception):
    """Another process of the run is gone."""


class World:
    """`rank` of `size` processes, `local` its number on this machine. Rank 0 leads: it alone writes files."""

    def __init__(self, rank: int = 0, size: int = 1, local: int = 0):
        self.rank, self.size, self.local = rank, size, local
        self.leads = rank == 0

    @staticmethod
    def join(device: torch.device) -> World:
        """The world that the environment describes (torchrun sets RANK, WORLD_SIZE, LOCAL_RANK), joined."""
        if os.environ.get("WORLD_SIZE", "1") == "1":
            return World()
        if not all(os.environ.get(name, "").isdigit() for name in ("RANK", "WORLD_SIZE", "LOCAL_RANK", "MASTER_PORT")):
            raise UserError(
                "WORLD_SIZE is set, but not as torchrun sets it: start several processes with torchrun, or unset it."
            )
        import torch.distributed as dist

        if not dist.is_initialized():
            # Flags and files' contents go over gloo, gradients on CUDA over NCCL.
            dist.init_process_group("cpu:gloo,cuda:nccl" if device.type == "cuda" else "gloo")
            atexit.register(dist.destroy_process_group)  # gloo's threads must not outlive the interpreter: they abort
        return World(dist.get_rank(), dist.get_world_size(), int(os.environ.get("LOCAL_RANK", "0")))

    def sum_(self, values: Tensor) -> None:
        """Every process's values become the sum of all."""
        if self.size > 1:
            with _watched():
                torch.distributed.all_reduce(values)

    def any(self, *flags: bool) -> tuple[bool, ...]:
        """For each flag: whether any process raised it."""
        if self.size == 1:
            return flags
        raised = torch.tensor(flags, dtype=torch.uint8)
        with _watched():
            torch.distributed.all_reduce(raised, torch.distributed.ReduceOp.MAX)
        return tuple(map(bool, raised.tolist()))

    def share(self, value: Any) -> Any:
        """The leader's JSON value, for all."""
        if self.size == 1:
            return value
        data = torch.frombuffer(bytearray(json.dumps(value).encode()), dtype=torch.uint8)
        length = torch.tensor(len(data))
        with _watched():
            torch.distributed.broadcast(length, 0)
            data = data if self.leads else torch.empty(int(length), dtype=torch.uint8)
            torch.distributed.broadcast(data, 0)
        return json.loads(bytes(data.tolist()))

    def spread(self, tensors: Iterable[Tensor]) -> None:
        """Every process's tensors take the leader's values."""
        if self.size > 1:
            with _watched():
                for values in tensors:
                    whole = values.detach().contiguous()
                    torch.distributed.broadcast(whole, 0)
                    values.detach().copy_(whole)

    def gather(self, rows: np.ndarray) -> np.ndarray | None:
        """The leader gets all processes' rows (n_rank, ...), in the order of ranks; the others None. Equal shapes but
        for the number of rows."""
        if self.size == 1:
            return rows
        mine = torch.from_numpy(np.ascontiguousarray(rows))
        with _watched():
            counts = [torch.zeros((), dtype=torch.int64) for _ in range(self.size)]
            torch.distributed.all_gather(counts, torch.tensor(len(mine)))
            most = max(int(c) for c in counts)
            padded = torch.zeros((most, *mine.shape[1:]), dtype=mine.dtype)
            padded[: len(mine)] = mine
            parts = [torch.empty_like(padded) for _ in counts] if self.leads else None
            torch.distributed.gather(padded, parts, 0)
        return None if parts is None else np.concatenate([p[: int(c)].numpy() for p, c in zip(parts, counts)])

    def part(self, n: int) -> range:
        """This process's share of n things, in order."""
        return range(n * self.rank // self.size, n * (self.rank + 1) // self.size)

    def first(self, function: Callable[[], T]) -> T:
        """The function on one process of each machine, then on the others, which find what it left on disk."""
        if self.size == 1:
            return function()
        found = function() if self.local == 0 else None
        self.any(False)
        return function() if found is None else found


@contextlib.contextmanager
def _watched() -> Iterator[None]:
    """What the backend says of a lost connection, in our words."""
    try:
        yield
    except RuntimeError as error:
        broken = isinstance(error, torch.distributed.DistError) or any(word in str(error) for word in BROKEN)
        if broken and not isinstance(error, torch.OutOfMemoryError):
            raise Lost("the connection to another process of the run broke off") from error
        raise
