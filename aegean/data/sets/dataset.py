"""A data set in its two parts."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from aegean.data.info import DataInfo
from aegean.data.read.source import LazyArray


@dataclass(frozen=True)
class Dataset:
    """Raw samples, memory-mapped, or decoded as they are indexed; `info` turns them into model values."""

    info: DataInfo
    train: np.ndarray | LazyArray  # (info.count, *info.shape), info.dtype
    test: np.ndarray | LazyArray  # (info.test_count, *info.shape), never trained on
    train_labels: np.ndarray | None  # (count,) int64 indices into info.classes
    test_labels: np.ndarray | None
    folder: Path  # of the pack; what is derived from the data is cached beside them
