"""Tables whose gaps a model fills, row by row, so that memory does not grow with them."""

from __future__ import annotations

from itertools import islice
from pathlib import Path

import numpy as np
import torch

from aegean.config import UserError
from aegean.data.column import MISSING, Column, trained
from aegean.data.io.rows import cells, rows_file
from aegean.data.read.cells import Reading
from aegean.data.read.describe import Choice
from aegean.data.read.frames import opened_parquet
from aegean.data.read.tables import opened
from aegean.files import expanded
from aegean.model import Model

BLOCK = 10_000  # rows


def fill(model: Model, source: Path, path: Path, missing: tuple[str, ...] = ()) -> tuple[int, int]:
    """Write a table with the gaps of the model's columns filled; all other cells as they are. How many cells, and rows.

    source: a .csv, .tsv or .parquet file that has all columns the model was trained on
    path: of the new file, a .csv or .parquet
    missing: cells that hold no value, besides the usual ones
    UserError: a column is missing, the file cannot be read.
    """
    source = expanded(str(source))
    if not source.is_file():
        raise UserError(f"There is no table at {source}; give a .csv, .tsv or .parquet file.")
    open_table = opened_parquet if source.suffix.lower() == ".parquet" else opened
    table, choice, count, total = model.info.table, Choice(missing=missing), 0, 0
    own = {column.name: column for column in table}
    with open_table(source) as (names, rows):
        reading = Reading(source.name, table, names, choice)
        others = [own.get(name, Column(name, "category", names=(MISSING,), counts=(1,))) for name in names]
        given = (row for _, row in rows)
        with rows_file(path, others) as write:
            while block := list(islice(given, BLOCK)):
                parts = [list(part) for part in zip(*block)]
                count += _filled(model, reading, parts, choice)
                total += len(block)
                write(parts)
        reading.say(known=True)
    return count, total


def _filled(model: Model, reading: Reading, parts: list[list[str]], choice: Choice) -> int:
    """Fill the gaps in the cells of each column; how many there were."""
    columns = trained(model.info.table)
    raw = next(reading.blocks(list(zip(*parts))))
    gaps = np.array([[choice.gap(cell.strip()) for cell in parts[place]] for place in reading.places]).T
    some = gaps.any(1)
    if not some.any():
        return 0
    x = model.info.normalise(raw[some])
    made = model.info.restore(model.impute(x, torch.from_numpy(gaps[some])))
    found = dict(zip((column.name for column in columns), cells(columns, made)))
    rows = np.flatnonzero(some)
    for i, (column, place) in enumerate(zip(columns, reading.places)):
        for at, row in enumerate(rows):
            if gaps[row, i]:
                parts[place][row] = found[column.name][at]
    return int(gaps.sum())
