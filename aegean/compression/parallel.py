"""Blocks at work side by side."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import torch
from threadpoolctl import threadpool_limits

from aegean.machine import cores

WORKERS = 8  # blocks at work at most, each with some 300 MB


def side_by_side(function: Callable[[Any], Any], blocks: Iterable[Any]) -> Iterator[Any]:
    """A function of each block, in their order, on one thread a processor: a block's own products are too small to be
    shared out. No more blocks are taken than are worked on, so memory stays bounded."""
    threads, workers = torch.get_num_threads(), min(cores(), WORKERS)
    with (
        threadpool_limits(1, "blas"),
        ThreadPoolExecutor(workers, initializer=torch.set_num_threads, initargs=(1,)) as pool,
    ):
        waiting: deque[Future[Any]] = deque()
        try:
            for block in blocks:
                waiting.append(pool.submit(function, block))
                if len(waiting) > workers:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            for one in waiting:
                one.cancel()
            torch.set_num_threads(threads)
