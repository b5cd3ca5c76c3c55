"""Samples as files: what `sample` and `decode` put into a folder."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from aegean.config import UserError
from aegean.data.info import DataInfo
from aegean.data.io import rows

PICTURES = {("uint8", 1), ("uint8", 3), ("uint8", 4), ("uint16", 1)}  # what a PNG holds


def write_pictures(raw: np.ndarray, names: Sequence[str], folder: Path, info: DataInfo) -> list[Path]:
    """Pictures (n, C, H, W) as one PNG each, else all in samples.npy."""
    if (info.dtype, info.shape[0]) not in PICTURES:
        path = folder / "samples.npy"
        np.save(path, raw, allow_pickle=False)
        return [path]
    paths = [folder / (name.replace("/", "-") + ".png") for name in names]
    for sample, path in zip(raw, paths):
        pixels = np.ascontiguousarray(sample[0] if info.shape[0] == 1 else sample.transpose(1, 2, 0))
        Image.fromarray(pixels).save(path)
    return paths


def write_rows(raw: np.ndarray, names: Sequence[str], folder: Path, info: DataInfo) -> list[Path]:
    """Rows (n, columns) as samples.csv."""
    path = folder / "samples.csv"
    path.write_text(csv_text(raw, info), encoding="utf-8", newline="")
    return [path]


def csv_text(raw: np.ndarray, info: DataInfo) -> str:
    """Rows (n, columns) as the text of a .csv with a header."""
    if info.table:
        return rows.csv_text(info.table, raw)
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(info.columns or [f"column {n}" for n in range(1, info.shape[0] + 1)])
    writer.writerows([[str(value) for value in row] for row in raw])
    return out.getvalue()


def parquet_bytes(raw: np.ndarray, info: DataInfo) -> bytes:
    """Rows (n, columns) as the bytes of a .parquet file. UserError: their columns are not described."""
    if not info.table:
        raise UserError("This model was trained on an array of numbers; give .csv or .npz.")
    out = io.BytesIO()
    with rows.parquet_file(out, info.table) as write:
        write(rows.cells(info.table, raw))
    return out.getvalue()
