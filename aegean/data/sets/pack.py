"""Packing: a source is read once, block by block, into memory-mapped arrays with a JSON beside them.

Of stored pictures too large for that only an index is written; they are decoded whenever they are read.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import IO, Any, NamedTuple

import numpy as np
from tqdm import tqdm

from aegean.config import UserError, from_json, parse_json, to_json
from aegean.data.column import width
from aegean.data.info import DataInfo
from aegean.data.kinds import kind_of
from aegean.data.options import DataOptions
from aegean.data.read.lazy import is_index, read_index
from aegean.data.read.source import BLOCK_BYTES, LazyArray, Part, Source, Store
from aegean.data.sets import feed
from aegean.data.sets.dataset import Dataset, in_pairs
from aegean.data.sets.split import Numbers, held_out, scaling
from aegean.surface import option, say

FORMAT = 3
LEAST = 20  # samples
LOOKED = 256  # samples that tell whether images have flat areas


class Rows(NamedTuple):
    """A part as it was written."""

    keys: list[bytes]  # sha256 of each sample, or of each encoded picture
    low: float
    high: float
    lazy: LazyArray | None = None  # where an index took the place of samples

    def at(self, mask: np.ndarray) -> Rows:
        keys = [key for key, taken in zip(self.keys, mask) if taken]
        return self._replace(keys=keys, lazy=None if self.lazy is None else self.lazy.at(mask))


def write_pack(folder: Path, source: Source, test: Source | None, options: DataOptions) -> DataInfo:
    """Write train.npy, test.npy and labels of a source, and tell what they are.

    folder: empty.
    source: of the training part, and of the test part where it has one.
    test: of a test part from elsewhere.
    options: whose range is taken.
    """
    if source.train.count < LEAST:
        raise UserError(f"{source.origin} has {source.train.count} samples; at least {LEAST} are needed to train.")
    own = _test_part(source, test)
    train = _write_part(folder, "train", source.train, source)
    labels, test_labels = source.train.labels, own.labels if own else None
    if own:
        held = _write_part(folder, "test", own, test or source, beside=train)
        known = set(train.keys)
        if shared := sum(key in known for key in held.keys):
            say(f"{source.name}: {shared} of the {own.count} test samples occur in the training part as well")
    else:
        mask = (
            source.mask
            if source.mask is not None
            else held_out(
                _together(train.keys, source.train),
                source.held_out or -(-source.train.count // 10),
                source.origin,
                labels,
            )
        )
        train, held = train.at(~mask), train.at(mask)
        if train.lazy is not None and held.lazy is not None:
            train.lazy.write(folder, "train")
            held.lazy.write(folder, "test")
        else:
            _move_rows(folder, source, mask)
        if labels is not None:
            labels, test_labels = labels[~mask], labels[mask]
    offset, scale = (
        ((0.0,), (1.0,))
        if source.table
        else scaling(folder, source, options, min(train.low, held.low), max(train.high, held.high))
    )
    for name, values in (("train", labels), ("test", test_labels)):
        if values is not None:
            np.save(folder / f"{name}-labels.npy", values, allow_pickle=False)
    info = DataInfo(
        name=source.name,
        shape=(width(source.table),) if source.table else source.shape,
        offset=offset,
        scale=scale,
        dtype=source.dtype,
        count=len(train.keys),
        test_count=len(held.keys),
        classes=source.classes if labels is not None else (),
        class_counts=() if labels is None else tuple(np.bincount(labels, minlength=len(source.classes)).tolist()),
        columns=source.columns,
        table=source.table,
        kind=source.kind,
        flat=_flat(folder, train, source),
        rate=source.rate,
        vocabulary=source.vocabulary,
        fingerprint=_fingerprint(source, offset, scale, [train.keys, held.keys], [labels, test_labels]),
    )
    if not source.split:
        return info
    ours, theirs = ((channels, *source.shape[1:]) for channels in (source.split, source.shape[0] - source.split))
    return info.replace(shape=ours, target=info.replace(name=source.other, shape=theirs), paired=True)


def _flat(folder: Path, train: Rows, source: Source) -> float:
    """How flat the first training samples are (`data.kinds`), of large ones fewer; 1 where one of them cannot be read,
    which is told when it is trained on."""
    rows = np.load(folder / "train.npy", mmap_mode="r", allow_pickle=False) if train.lazy is None else train.lazy
    count = max(1, min(LOOKED, BLOCK_BYTES // _row_bytes(source)))
    try:
        return round(kind_of(source).flat(np.asarray(rows[:count])), 3)
    except UserError:
        return 1.0


def _together(keys: list[bytes], part: Part) -> list[bytes]:
    """The samples' keys; those of one group have the key of its first, so that clips of a recording are not split over
    the parts. Of a single recording they must be."""
    if len(set(part.groups)) < 2:
        return keys
    first: dict[int, bytes] = {}
    return [first.setdefault(group, key) for group, key in zip(part.groups, keys)]


def bytes_needed(source: Source, test: Source | None) -> int:
    """Disk space for a pack: the samples or their index, and a tenth while a test part is taken out."""
    own = _test_part(source, test)
    lazy = source.train.lazy
    row = lazy.index_bytes if lazy is not None and _streams(source.train, source) else _row_bytes(source)
    return (source.train.count + (own.count if own else -(-source.train.count // 10))) * row + (1 << 16)


def _row_bytes(source: Source) -> int:
    return int(np.prod(source.shape)) * np.dtype(source.dtype).itemsize


def _streams(part: Part, source: Source) -> bool:
    """Whether a part stays where it lies: its pictures can be read in any order, and they are many."""
    return part.lazy is not None and part.count * _row_bytes(source) > feed.RESIDENT_LIMIT


def _test_part(source: Source, test: Source | None) -> Part | None:
    """The test part that is given, else the source's own, checked against the training part."""
    own = (test.test or test.train) if test else source.test
    if own is None:
        return None
    if not own.count:
        raise UserError(f"{(test or source).origin}: its test part is empty; give one with samples, or none.")
    if test:
        own = _agreeing(source, test, own)
    if (source.train.labels is None) != (own.labels is None):
        raise UserError(f"{source.origin}: only one of the training and test parts has labels; give both or neither.")
    return own


def _agreeing(source: Source, test: Source, part: Part) -> Part:
    """A test part from elsewhere, with the training part's shape, and its classes in their order."""
    if (test.shape, test.dtype) != (source.shape, source.dtype):
        raise UserError(
            f"{test.origin}: test samples of {test.dtype} {test.shape}, but the training samples are {source.dtype} "
            f"{source.shape}; for images {option('size')} and {option('channels')} bring both to one shape."
        )
    if source.columns and test.columns != source.columns:
        raise UserError(f"{test.origin}: columns {test.columns}, but the training part has {source.columns}.")
    if not source.classes:
        return replace(part, labels=None)
    strange = [name for name in test.classes if name not in source.classes]
    if strange or part.labels is None:
        what = f"the class {strange[0]!r} is not in the training part" if strange else "it has no classes"
        raise UserError(f"{test.origin}: {what}; both parts need the same classes.")
    order = np.array([source.classes.index(name) for name in test.classes])
    return replace(part, labels=order[part.labels])


def _write_part(folder: Path, name: str, part: Part, source: Source, beside: Rows | None = None) -> Rows:
    """A part as <name>.npy, or as an index where it streams. A test part goes with the training part, if it can:
    only keys of one kind can be compared."""
    along = beside is not None and beside.lazy is not None
    if part.lazy is not None and (along or _streams(part, source)):
        part.lazy.write(folder, name)
        return Rows([key.tobytes() for key in part.lazy.keys], np.inf, -np.inf, part.lazy)
    return _write_rows(folder / f"{name}.npy", part, source)


def _write_rows(path: Path, part: Part, source: Source) -> Rows:
    """Stream a part into an .npy file; samples that are not finite are refused by number."""
    keys: list[bytes] = []
    low, high = np.inf, -np.inf
    with path.open("wb") as file, tqdm(None, "packing", part.count, leave=False, disable=None) as bar:
        _write_header(file, part.count, source)
        checked = np.dtype(source.dtype).kind == "f" and not source.table  # in which a missing number is NaN
        for block in part.blocks():
            block = np.ascontiguousarray(block, source.dtype)
            flat = block.reshape(len(block), -1)
            if checked and not (finite := np.isfinite(flat).all(1)).all():
                row = len(keys) + int(np.argmin(finite))
                raise UserError(f"{source.origin}: sample {row} holds NaN or infinite values; repair or remove it.")
            low, high = min(low, float(flat.min())), max(high, float(flat.max()))
            keys += [hashlib.sha256(row.data).digest() for row in flat]
            file.write(block.data)
            bar.update(len(block))
    if len(keys) != part.count:
        raise UserError(f"{source.origin}: {len(keys)} samples were read where {part.count} were expected.")
    return Rows(keys, low, high)


def _write_header(file: IO[bytes], count: int, source: Source) -> None:
    description = np.lib.format.dtype_to_descr(np.dtype(source.dtype))
    header = {"descr": description, "fortran_order": False, "shape": (count, *source.shape)}
    np.lib.format.write_array_header_1_0(file, header)


def _move_rows(folder: Path, source: Source, mask: np.ndarray) -> None:
    """Take the rows of `mask` out of train.npy into test.npy; the others close up in place."""
    path = folder / "train.npy"
    rows = np.lib.format.open_memmap(path, mode="r+")
    step = max(1, BLOCK_BYTES // rows[:1].nbytes)
    kept, taken = np.flatnonzero(~mask), np.flatnonzero(mask)
    with (folder / "test.npy").open("wb") as file:
        _write_header(file, len(taken), source)
        for start in range(0, len(taken), step):
            file.write(rows[taken[start : start + step]].data)
    for start in range(0, len(kept), step):
        part = kept[start : start + step]
        rows[start : start + len(part)] = rows[part]
    rows.flush()
    begin = rows.offset + len(kept) * rows[:1].nbytes
    del rows
    with path.open("r+b") as file:
        _write_header(file, len(kept), source)  # as long as before: numpy leaves room for the count to change
        file.truncate(begin)


def _fingerprint(
    source: Source, offset: Numbers, scale: Numbers, keys: list[list[bytes]], labels: list[np.ndarray | None]
) -> str:
    """sha256 over what a model can see: shape, range, every sample, every label."""
    more = [part for part in (source.rate, to_json(source.table), source.vocabulary) if part]
    total = hashlib.sha256(json.dumps([source.shape, source.dtype, offset, scale, *more]).encode())
    for part, classes in zip(keys, labels):
        total.update(b"".join(part))
        total.update(b"" if classes is None else classes.astype("<i8").tobytes())
    return total.hexdigest()


def write_json(path: Path, info: DataInfo, **more) -> None:
    path.write_text(json.dumps({"format": FORMAT, "info": to_json(info), **more}, indent=1) + "\n")


def read_json(folder: Path) -> dict:
    return parse_json((folder / "pack.json").read_text(), str(folder / "pack.json"))


def load_pack(folder: Path, opening: Callable[[str, dict[str, Any]], Store]) -> Dataset | None:
    """The data set in a pack folder, or None where it is missing, damaged or of another format.

    opening: from a part's name and the description of its store to the store, where the part is only an index.
    """

    def read(part: str) -> np.ndarray | LazyArray:
        if is_index(folder, part):
            return read_index(folder, part, partial(opening, part))
        return np.load(folder / f"{part}.npy", mmap_mode="r", allow_pickle=False)

    try:
        stored = read_json(folder)
        info = from_json(stored["info"])
        arrays = {part: read(part) for part in ("train", "test")}
        labels = {part: np.load(folder / f"{part}-labels.npy", allow_pickle=False) if info.classes else None
                  for part in ("train", "test")}  # fmt: skip
    except (OSError, EOFError, ValueError, KeyError, TypeError, AttributeError):
        return None
    counts = {"train": info.count, "test": info.test_count}
    whole = all(arrays[part].shape == (counts[part], *info.packed) for part in counts)
    if stored.get("format") != FORMAT or not whole:
        return None
    whole_set = Dataset(info, arrays["train"], arrays["test"], labels["train"], labels["test"], folder)
    return in_pairs(whole_set) if info.paired else whole_set
