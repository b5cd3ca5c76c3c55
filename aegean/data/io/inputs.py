"""Samples for a trained model: read from anywhere in its own shape and range, and written for people."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch

from aegean.config import UserError
from aegean.data.address import address
from aegean.data.info import INTEGERS, DataInfo
from aegean.data.kinds import kind_of
from aegean.data.read.files import distinct
from aegean.data.read.source import Part, Source
from aegean.surface import say


class Inputs(NamedTuple):
    """Samples for a model."""

    names: list[str]  # one each, all different
    raw: np.ndarray  # (n, *shape), the model's shape and number type
    classes: list[str] | None  # of each, by name; None where a source has none


def read_inputs(inputs: Sequence[str], info: DataInfo, skip_bad: bool = False) -> tuple[list[str], np.ndarray]:
    """Pictures, folders or any data SPEC -> their names and raw samples (n, *info.shape) of info.dtype.

    The whole source, training and test part, in source order. Pictures and images are scaled and cropped to the
    model's size, values taken over in its range. UserError for what the model cannot take.
    """
    return read_labelled(inputs, info, skip_bad)[:2]


def read_labelled(inputs: Sequence[str], info: DataInfo, skip_bad: bool = False) -> Inputs:
    """The same, and the classes that the sources bring."""
    found = joined(list(labelled_blocks(inputs, info, skip_bad)))
    return found._replace(names=distinct(found.names, "-"))


def joined(blocks: Sequence[Inputs]) -> Inputs:
    """All samples; their classes where every block has some."""
    names = list(itertools.chain.from_iterable(block.names for block in blocks))
    classes = [block.classes for block in blocks if block.classes is not None]
    every = list(itertools.chain.from_iterable(classes)) if len(classes) == len(blocks) else None
    return Inputs(names, np.concatenate([block.raw for block in blocks]), every)


def labelled_blocks(inputs: Sequence[str], info: DataInfo, skip_bad: bool = False) -> Iterator[Inputs]:
    """The same, some samples at a time, so that memory does not grow with their number. Names may come again."""
    if not inputs:
        raise UserError("No inputs were given; expected images, folders or a data SPEC.")
    want = kind_of(info).want(info, skip_bad)
    for spec in inputs:
        try:
            source = address(spec).source(want)
            own = own_range(source, info)
            for first, part, start, raw in _blocks(source):
                end = start + len(raw)
                labels = None if part.labels is None else [source.classes[label] for label in part.labels[start:end]]
                names = [Path(name).with_suffix("").as_posix().replace("/", "-") for name in part.names[start:end]]
                names = names or [f"{source.name}-{n:06d}" for n in range(first + start, first + end)]
                yield Inputs(names, _as_model(raw, source, info, own), labels)
        except OSError as error:
            raise UserError(f"{error.filename or spec} cannot be read ({error.strerror}).") from None


def _blocks(source: Source) -> Iterator[tuple[int, Part, int, np.ndarray]]:
    """The number of a part's first sample, the part, and where in it a block of finite raw samples begins."""
    first = 0
    for part in (part for part in (source.train, source.test) if part):
        start = 0
        for block in part.blocks():
            raw = np.asarray(block, source.dtype)
            finite = np.isfinite(raw.reshape(len(raw), -1)).all(1)
            if not finite.all() and not source.table:
                sample = first + start + np.argmin(finite)
                raise UserError(f"{source.origin}: sample {sample} holds NaN or infinite values; repair it.")
            yield first, part, start, raw
            start += len(raw)
        first += part.count


def _as_model(raw: np.ndarray, source: Source, info: DataInfo, own: tuple[float, float]) -> np.ndarray:
    """Raw samples of a source, whose offset and scale are `own`, as raw samples of the model's data."""
    if source.table:
        return raw
    raw = _columns(raw, source, info)
    if raw.shape[1:] != info.shape and source.kind != info.kind:
        ours, theirs = kind_of(info).samples, kind_of(source).samples
        raise UserError(f"{source.origin} holds {theirs}, but this model takes {ours}; give those.")
    if raw.shape[1:] != info.shape:
        raise UserError(f"{source.origin}: samples of shape {raw.shape[1:]}, but this model takes {info.shape}.")
    if {source.dtype, info.dtype} == {"float32", "float64"}:
        return raw.astype(info.dtype)
    if source.dtype != info.dtype:
        return info.restore(torch.from_numpy((raw.astype(np.float32) - own[0]) / own[1]))
    if source.dtype == "float32" and not info.columns:  # tables are standardised: no bounds
        low, high = info.offset[0] - info.scale[0], info.offset[0] + info.scale[0]
        slack = 1e-6 * info.scale[0]
        if raw.min() < low - slack or raw.max() > high + slack:
            raise UserError(
                f"{source.origin}: values from {raw.min():g} to {raw.max():g}; this model takes {low:g} to {high:g}."
            )
    return raw


def own_range(source: Source, info: DataInfo) -> tuple[float, float]:
    """(offset, scale) of a source whose number type is not the model's; floats are looked through for it."""
    if source.dtype in INTEGERS:
        return INTEGERS[source.dtype] / 2, INTEGERS[source.dtype] / 2
    if source.table or info.dtype not in INTEGERS:
        return 0.0, 1.0
    low, high = np.inf, -np.inf
    for *_, raw in _blocks(source):
        low, high = min(low, float(raw.min(initial=np.inf))), max(high, float(raw.max(initial=-np.inf)))
    if low < -1 or high > 1:
        raise UserError(f"{source.origin}: values from {low:g} to {high:g}; floats are expected in [0, 1] or [-1, 1].")
    least = -1 if low < 0 else 0
    say(f"{source.name}: values from {low:g} to {high:g}, taken as lying in [{least}, 1]")
    return (least + 1) / 2, (1 - least) / 2


def _columns(raw: np.ndarray, source: Source, info: DataInfo) -> np.ndarray:
    """The model's columns, by name where both sides have names and all are there, else as they stand."""
    if not (source.columns and info.columns) or source.columns == info.columns:
        return raw
    if set(info.columns) <= set(source.columns):
        return raw[:, [source.columns.index(name) for name in info.columns]]
    if len(source.columns) == len(info.columns) and source.columns[0] == "column 1":  # a table without a header
        return raw
    missing = [name for name in info.columns if name not in source.columns]
    raise UserError(f"{source.origin} lacks the columns {', '.join(missing)} that this model was trained on.")


def write_samples(raw: np.ndarray, names: Sequence[str], folder: Path, info: DataInfo) -> list[Path]:
    """Write samples as their kind is written: one PNG each, or all in samples.npy where no PNG holds them; rows of a
    table in samples.csv.

    raw: (n, *info.shape), as `DataInfo.restore` gives them.
    names: of the files, n without ending.
    folder: made where it is missing.
    info: of the model's data.
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    return kind_of(info).write(np.asarray(raw, info.dtype), names, folder, info)
