"""A data set in its two parts."""

from __future__ import annotations

from dataclasses import dataclass, replace
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
    target: Dataset | None = None  # the other side, of data with two
    joined: np.ndarray | None = None  # of pairs, the training part of both sides, (count, *info.packed)


def in_pairs(whole: Dataset) -> Dataset:
    """A data set whose samples are pairs, (n, *info.packed), as that of its first side with the other one beside it."""
    info, channels = whole.info, whole.info.shape[0]
    assert info.target is not None
    test = whole.test
    other = replace(whole, info=info.target, train=whole.train[:, channels:], test=test[:, channels:])  # type: ignore[index]
    return replace(whole, train=whole.train[:, :channels], test=test[:, :channels], target=other, joined=whole.train)  # type: ignore[index, arg-type]
