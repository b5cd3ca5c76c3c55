"""What a pack decides of its samples: which are held out for tests, and how values become those of a model."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np

from aegean.config import UserError
from aegean.data.info import INTEGERS
from aegean.data.options import DataOptions
from aegean.data.read.source import Source
from aegean.surface import option, say

Numbers = tuple[float, ...]


def held_out(keys: list[bytes], count: int, origin: str, labels: np.ndarray | None = None) -> np.ndarray:
    """The `count` samples with the smallest content hashes -> (n,) bool. Equal samples stay together.

    keys: the content hash of each sample.
    count: how many are to be held out, about.
    origin: of the samples, for errors.
    labels: (n,) classes, each of which keeps a sample in the training part.
    A sample that occurs more than `count` times stays in the training part, unless nothing else is left.
    """
    groups = Counter(keys)
    if len(groups) < 2:
        raise UserError(f"{origin}: all {len(keys)} samples are equal; there is nothing to learn or to test on.")
    last: dict[int, bytes] = {}  # of each class the key that comes last, and so is held out last
    for key, label in zip(keys, [] if labels is None else labels.tolist()):
        last[label] = max(key, last.get(label, key))
    kept, chosen, taken = set(last.values()), set[bytes](), 0
    for key in sorted(groups):
        if taken < count and groups[key] <= count and key not in kept:
            chosen.add(key)
            taken += groups[key]
    chosen = chosen or {min(groups, key=lambda key: (groups[key], key))}
    only = [label for label, key in last.items() if key < max(chosen)]
    if only:
        say(f"{origin}: all samples of {len(only)} rare classes are trained on; none is left to test them on")
    return np.array([key in chosen for key in keys])


def scaling(folder: Path, source: Source, options: DataOptions, low: float, high: float) -> tuple[Numbers, Numbers]:
    """(offset, scale) such that (raw - offset) / scale lies in [-1, 1], or has mean 0 and deviation 1.

    folder: of the pack, with train.npy.
    source: of the samples.
    options: whose range is taken, if it is given.
    low, high: the least and the greatest value.
    """
    if source.vocabulary:  # numbers that stand for something have no range
        if options.range:
            raise UserError(f"{source.origin} holds texts, which have no range; leave {option('range')} out.")
        return (0.0,), (1.0,)
    full = (0, INTEGERS[source.dtype]) if source.dtype in INTEGERS else None
    bounds = options.range or source.range or full
    if full and not (options.range or source.range) and 0 <= 2 * (high - low) <= full[1]:
        say(
            f"{source.name}: values from {low:g} to {high:g} of 0 to {full[1]}, which become [-1, 1]: if there can be "
            f"no others, give {option('range')} their ends"
        )
    if bounds is None and source.standardise:
        rows = np.load(folder / "train.npy", mmap_mode="r", allow_pickle=False)
        mean, deviation = rows.mean(0, dtype=np.float64), rows.std(0, dtype=np.float64)
        constant = deviation <= np.maximum(1e-30, np.finfo(source.dtype).eps * abs(mean))
        return tuple(mean.tolist()), tuple(np.where(constant, 1.0, deviation).tolist())
    if bounds is None:
        bounds = next(((a, 1) for a in (0, -1) if a - 1e-6 <= low and high <= 1 + 1e-6), None)
        if bounds is None:
            raise UserError(
                f"{source.origin}: values from {low:g} to {high:g}; floats are expected in [0, 1] or [-1, 1]: "
                f"give {option('range')} both ends of theirs."
            )
        say(f"{source.name}: values from {low:g} to {high:g}, taken as lying in [{bounds[0]}, 1]")
    elif low < bounds[0] or high > bounds[1]:
        raise UserError(
            f"{source.origin}: values from {low:g} to {high:g} leave the range {bounds[0]:g} to {bounds[1]:g}; "
            f"give {option('range')} ends that hold them."
        )
    return ((bounds[0] + bounds[1]) / 2,), ((bounds[1] - bounds[0]) / 2,)
