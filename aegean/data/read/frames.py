"""Tables that know the types of their columns: .parquet files and DataFrames, as cells of text like those of a .csv."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from aegean.config import UserError
from aegean.data.column import MISSING, NUMBERS, Column
from aegean.data.read.files import Files, distinct, plain_name
from aegean.data.read.mixed import Rows, read_mixed
from aegean.data.read.source import Source, Want

BATCH = 20_000  # rows


def parquet() -> Any:
    """pyarrow's module. UserError: it is not installed."""
    try:
        import pyarrow.parquet
    except ImportError:
        raise UserError(".parquet tables need pyarrow: pip install 'aegean[data]', or give a .csv.") from None
    return pyarrow


def read_parquet(files: Files, want: Want) -> Source:
    """A .parquet file -> rows of described columns."""
    arrow, path = parquet(), files.path
    try:
        schema = arrow.parquet.read_schema(path)
    except (arrow.ArrowException, ValueError) as error:
        raise UserError(f"{path} is not a readable .parquet file ({error}).") from None
    kinds = {name: str(kind) for name, kind in zip(schema.names, schema.types)}
    return read_mixed(path, plain_name(path), partial(opened_parquet, path), want, kinds)


@contextlib.contextmanager
def opened_parquet(path: Path) -> Iterator[tuple[list[str], Rows]]:
    """The names of the columns of a .parquet file, and its rows."""
    arrow = parquet()
    try:
        with arrow.parquet.ParquetFile(path) as file:
            batches = file.iter_batches(BATCH)
            parts = ([cells(column.to_pylist()) for column in batch.columns] for batch in batches)
            yield (
                distinct(file.schema_arrow.names, "."),
                enumerate((list(row) for part in parts for row in zip(*part)), 1),
            )
    except (arrow.ArrowException, ValueError) as error:
        if isinstance(error, UserError):
            raise
        raise UserError(f"{path} is not a readable .parquet file ({error}).") from None


@contextlib.contextmanager
def opened_frame(frame: Any) -> Iterator[tuple[list[str], Rows]]:
    """The names of the columns of a DataFrame, and its rows."""
    parts = [cells(frame.iloc[:, i].astype(object).tolist()) for i in range(frame.shape[1])]
    yield distinct(map(str, frame.columns), "."), enumerate(map(list, zip(*parts)), 1)


def cells(values: Sequence[Any]) -> list[str]:
    """The values of one column as text; whole numbers without a point if all are, days without a time."""
    known = [value for value in values if not nothing(value)]
    if known and all(isinstance(value, (float, np.floating)) for value in known):
        whole = all(float(value).is_integer() for value in known)
        return [MISSING if nothing(v) else str(int(v)) if whole else repr(float(v)) for v in values]
    if known and all(isinstance(value, datetime) for value in known):
        times = [value.replace(tzinfo=None) for value in known]
        day = all((time.hour, time.minute, time.second, time.microsecond) == (0, 0, 0, 0) for time in times)
        parts = any(time.microsecond for time in times)
        form = "%Y-%m-%d" if day else "%Y-%m-%d %H:%M:%S.%f" if parts else "%Y-%m-%d %H:%M:%S"
        return [MISSING if nothing(value) else value.strftime(form) for value in values]
    return [MISSING if nothing(value) else str(value) for value in values]


def nothing(value: Any) -> bool:
    """None, NaN, NaT and pandas' NA."""
    if value is None or type(value).__name__ in ("NAType", "NaTType"):
        return True
    return isinstance(value, (float, np.floating)) and bool(np.isnan(value))


def typed(column: Column, texts: Sequence[str]) -> list[Any]:
    """Cells of a column as numbers, dates, truth values or text; None for missing ones."""
    if column.dtype == "bool":
        return [None if text == MISSING else text == "True" for text in texts]
    if column.kind in NUMBERS and column.kind != "date":
        make: Any = int if column.kind == "whole" else float
    elif column.kind == "date":
        make = lambda text: datetime.strptime(text, column.form)  # noqa: E731
    elif column.kind == "identifier" and "int" in column.dtype:
        make = int
    else:
        make = str
    return [None if text == MISSING else make(text) for text in texts]


def frame_of(table: Sequence[Column], parts: Sequence[Sequence[str]]) -> Any:
    """The cells of each column -> a DataFrame of the types that the columns had. UserError: pandas is not installed."""
    try:
        import pandas
    except ImportError:
        raise UserError("a DataFrame needs pandas: pip install 'aegean[data]'.") from None
    found = {}
    for column, texts in zip(table, parts):
        values = pandas.Series(typed(column, texts))
        with contextlib.suppress(ValueError, TypeError):  # whole numbers with gaps, new categories
            values = values.astype(column.dtype or values.dtype)
        found[column.name] = values
    return pandas.DataFrame(found)
