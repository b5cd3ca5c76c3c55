"""What is asked for and what is handed out: options, and a data set in its two parts."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from aegean.config import Config, UserError
from aegean.data.info import DataInfo
from aegean.data.read.source import LazyArray, Want
from aegean.surface import option

SIZES = (4, 8192)


@dataclass(frozen=True)
class DataOptions(Config):
    """What a user asks of the data."""

    spec: str  # digits, grid, ring, sprites, hub:NAME, a folder, .zip, .tar, .npy, .npz or .csv
    test: str = ""  # the SPEC of a test part; empty: the source's own, else 10 % by content
    size: int = 0  # height and width; 0: the pictures' own, or 64 where they differ
    channels: int = 0  # 1, 3 or 4; 0: as the pictures are
    range: tuple[float, float] | None = None  # of the raw values that become [-1, 1]
    axes: str = ""  # nchw or nhwc, where an array can be read in both ways
    skip_bad: bool = False  # leave unreadable pictures out

    def check(self) -> None:
        if self.size and not SIZES[0] <= self.size <= SIZES[1]:
            raise UserError(f"{option('size', self.size)}: expected {SIZES[0]} to {SIZES[1]}.")
        if self.channels < 0:
            raise UserError(f"{option('channels', self.channels)}: expected 1, 3 or 4.")
        if self.axes not in ("", "nchw", "nhwc"):
            raise UserError(f"{option('axes', self.axes)}: expected nchw or nhwc.")
        if self.range is not None and not (
            len(self.range) == 2 and all(map(math.isfinite, self.range)) and self.range[0] < self.range[1]
        ):
            raise UserError(f"{option('range', self.range)}: expected two finite numbers, the lower one first.")

    def want(self) -> Want:
        """What a source's samples shall become."""
        size = (self.size, self.size) if self.size else None
        return Want(size, self.channels, self.axes, self.skip_bad, self.range is not None)


@dataclass(frozen=True)
class Dataset:
    """Raw samples, memory-mapped, or decoded as they are indexed; `info` turns them into model values."""

    info: DataInfo
    train: np.ndarray | LazyArray  # (info.count, *info.shape), info.dtype
    test: np.ndarray | LazyArray  # (info.test_count, *info.shape), never trained on
    train_labels: np.ndarray | None  # (count,) int64 indices into info.classes
    test_labels: np.ndarray | None
    folder: Path  # of the pack; what is derived from the data is cached beside them
