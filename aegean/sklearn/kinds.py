"""The kinds of data that rows (n, columns) may stand for, one row a kind."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from aegean.config import UserError
from aegean.data.column import Column, trained, width
from aegean.data.info import DataInfo
from aegean.data.read.cells import Reading
from aegean.data.read.describe import describe
from aegean.data.read.frames import opened_frame
from aegean.data.read.texts import length_of
from aegean.data.read.vocabulary import scheme_of, vocabulary_of


class Kind(NamedTuple):
    """describe: X (n, columns), a sample's shape, the columns' names, and whether all columns are divided by one number
        -> the data as a model sees them.
    image_shape: of a model's data -> the estimators' parameter.
    """

    describe: Callable[[np.ndarray, tuple[int, ...], Sequence[str], bool], DataInfo]
    image_shape: Callable[[DataInfo], tuple[int, ...] | None]


def describe_images(X: np.ndarray, shape: tuple[int, ...], names: Sequence[str], common: bool) -> DataInfo:
    """Images laid flat, brought into [-1, 1]."""
    low, high = float(X.min()), float(X.max())
    return DataInfo("X", shape, ((low + high) / 2,), ((high - low) / 2 or 1.0,), "float32", len(X), kind="image")


def describe_sounds(X: np.ndarray, shape: tuple[int, ...], names: Sequence[str], common: bool) -> DataInfo:
    """Sounds of one channel, the loudest value of all brought to 1; silence stays 0."""
    loudest = float(abs(X).max()) or 1.0
    return DataInfo("X", shape, (0.0,), (loudest,), "float32", len(X), kind="audio")


def describe_rows(X: np.ndarray, shape: tuple[int, ...], names: Sequence[str], common: bool) -> DataInfo:
    """Every column centred, and divided by its own standard deviation or by a common one."""
    mean, scale = spread(X)
    scale = np.full_like(scale, np.sqrt(np.square(scale).mean())) if common else scale
    scale = np.where(scale > 0, scale, 1.0)
    columns = tuple(map(str, names)) or tuple(f"x{i}" for i in range(len(mean)))
    offset, scaling = tuple(mean.tolist()), tuple(scale.tolist())
    return DataInfo("X", shape, offset, scaling, "float32", len(X), columns=columns, kind="table")


def describe_texts(X: np.ndarray, shape: tuple[int, ...], names: Sequence[str], common: bool) -> DataInfo:
    """Texts (n,) in a vocabulary of their own."""
    texts = list(X)
    vocabulary = vocabulary_of(texts, scheme_of(texts))[0]
    length = length_of(texts, vocabulary)
    return DataInfo("X", (length,), (0.0,), (1.0,), "uint16", len(X), kind="text", vocabulary=vocabulary)


def as_texts(X: Any) -> np.ndarray | None:
    """A list, array or series of strings as an array (n,) of objects; None for anything else."""
    if isinstance(X, str) or not hasattr(X, "__len__") or getattr(X, "ndim", 1) != 1:
        return None
    found = np.empty(len(X), object)
    found[:] = list(X)
    return found if len(found) and all(isinstance(text, str) for text in found) else None


def is_mixed(X: Any) -> bool:
    """Whether X is a DataFrame with a column that is no number, or with missing ones."""
    if not hasattr(X, "dtypes") or not hasattr(X, "iloc"):
        return False
    return any(not hasattr(kind, "kind") or kind.kind not in "iuf" for kind in X.dtypes) or bool(X.isna().any().any())


def described(X: Any, table: Sequence[Column] = ()) -> tuple[tuple[Column, ...], np.ndarray]:
    """Columns of a DataFrame, those of a model where it has some, and raw rows (n, trained columns) float64. UserError:
    one is missing, none says anything."""
    with opened_frame(X) as (names, rows):
        given = [row for _, row in rows]
        types = dict(zip(names, map(str, X.dtypes)))
    table = tuple(table) or tuple(c.replace(dtype=types[c.name]) for c in describe(names, given))
    if not trained(table) or not given:
        raise UserError("X has no column that varies or repeats; there is nothing to learn.")
    reading = Reading("X", table, names)
    raw = np.concatenate(list(reading.blocks(given)))
    reading.say(known=True)
    return table, raw


def named(rows: np.ndarray, names: Sequence[str]) -> Any:
    """Rows (n, columns) as a DataFrame."""
    import pandas

    return pandas.DataFrame(rows, columns=list(names))


def describe_columns(table: tuple[Column, ...], count: int) -> DataInfo:
    names = tuple(column.name for column in trained(table))
    shape = (width(table),)
    return DataInfo("X", shape, (0.0,), (1.0,), "float64", count, columns=names, table=table, kind="table")


def spread(X: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean and standard deviation of the columns of X (n, columns), float64; exactly 0 where a column never moves."""
    mean, deviation = X.mean(0, dtype=np.float64), X.std(0, dtype=np.float64)
    if not np.isfinite(deviation).all():
        raise UserError("X holds numbers so large that their variance overflows; scale them first.")
    return mean, np.where((X[0] == X).all(0), 0.0, deviation)


KINDS: dict[str, Kind] = {
    "image": Kind(describe_images, lambda info: info.shape),
    "table": Kind(describe_rows, lambda info: None),
    "audio": Kind(describe_sounds, lambda info: None),
    "text": Kind(describe_texts, lambda info: None),
}
