"""Samples for a trained model: read from anywhere in its own shape and range, and written for people."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
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
    if not inputs:
        raise UserError("No inputs were given; expected images, folders or a data SPEC.")
    want = kind_of(info).want(info, skip_bad)
    names: list[str] = []
    samples: list[np.ndarray] = []
    classes: list[list[str] | None] = []
    for spec in inputs:
        try:
            source = address(spec).source(want)
            parts = [part for part in (source.train, source.test) if part]
            raw = np.concatenate([_read(part, source) for part in parts])
        except OSError as error:
            raise UserError(f"{error.filename or spec} cannot be read ({error.strerror}).") from None
        samples.append(_as_model(raw, source, info))
        classes += [None if p.labels is None else [source.classes[label] for label in p.labels] for p in parts]
        names += _names(source)
    known = [some for some in classes if some is not None]
    every = list(itertools.chain(*known)) if len(known) == len(classes) else None
    return Inputs(distinct(names, "-"), np.concatenate(samples), every)


def _read(part: Part, source: Source) -> np.ndarray:
    raw = np.concatenate([np.asarray(block, source.dtype) for block in part.blocks()])
    finite = np.isfinite(raw.reshape(len(raw), -1)).all(1)
    if not finite.all() and not source.table:
        raise UserError(f"{source.origin}: sample {np.argmin(finite)} holds NaN or infinite values; repair it.")
    return raw


def _as_model(raw: np.ndarray, source: Source, info: DataInfo) -> np.ndarray:
    """Raw samples of a source as raw samples of the model's data."""
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
        own = _own_range(raw, source)
        return info.restore(torch.from_numpy((raw.astype(np.float32) - own[0]) / own[1]))
    if source.dtype == "float32" and not info.columns:  # tables are standardised: no bounds
        low, high = info.offset[0] - info.scale[0], info.offset[0] + info.scale[0]
        slack = 1e-6 * info.scale[0]
        if raw.min() < low - slack or raw.max() > high + slack:
            raise UserError(
                f"{source.origin}: values from {raw.min():g} to {raw.max():g}; this model takes {low:g} to {high:g}."
            )
    return raw


def _own_range(raw: np.ndarray, source: Source) -> tuple[float, float]:
    """(offset, scale) of samples whose number type is not the model's."""
    if source.dtype in INTEGERS:
        return INTEGERS[source.dtype] / 2, INTEGERS[source.dtype] / 2
    if raw.min() < -1 or raw.max() > 1:
        raise UserError(
            f"{source.origin}: values from {raw.min():g} to {raw.max():g}; floats are expected in [0, 1] or [-1, 1]."
        )
    low = -1 if raw.min() < 0 else 0
    say(f"{source.name}: values from {raw.min():g} to {raw.max():g}, taken as lying in [{low}, 1]")
    return (low + 1) / 2, (1 - low) / 2


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


def _names(source: Source) -> list[str]:
    names: list[str] = []
    for part in (source.train, source.test):
        if part and part.names:
            names += [Path(name).with_suffix("").as_posix().replace("/", "-") for name in part.names]
        elif part:
            names += [f"{source.name}-{n:06d}" for n in range(len(names), len(names) + part.count)]
    return names


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
