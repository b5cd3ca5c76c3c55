"""Two well-known binary layouts: MNIST's idx files (perhaps gzipped) and CIFAR-10's record files."""

from __future__ import annotations

import gzip
import math
import struct
import zlib
from collections.abc import Iterator
from fnmatch import fnmatchcase
from pathlib import Path
from typing import IO

import numpy as np

from aegean.config import UserError
from aegean.data.read.files import Files, plain_name
from aegean.data.read.source import (
    BLOCK_BYTES,
    BYTES_LIMIT,
    Part,
    Source,
    Want,
    class_indices,
    class_names,
    in_blocks,
)

IDX_FILES = ("train-images-idx3-ubyte", "train-labels-idx1-ubyte", "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte")
GZIP_RATIO = 1032  # deflate cannot do better
RECORD = 1 + 3 * 32 * 32


def is_idx(files: Files) -> bool:
    return files.is_folder and any(_idx_file(files, name) for name in IDX_FILES)


def read_idx(files: Files, want: Want) -> Source:
    """The four idx files of MNIST and its kin -> grey images (1, height, width) with labels."""
    folder = files.path
    found = {name: _idx_file(files, name) for name in IDX_FILES}
    missing = [name for name, file in found.items() if file is None]
    if missing:
        raise UserError(f"{folder}: {', '.join(missing)} (or .gz) is missing beside the other idx files; add it.")
    images, labels, test_images, test_labels = (file for file in found.values() if file)
    shape, test_shape = _idx_shape(images, 3), _idx_shape(test_images, 3)
    if shape[1:] != test_shape[1:]:
        raise UserError(f"{test_images}: images of {test_shape[1:]}, but the training images have {shape[1:]}.")
    values, test_values = _idx_labels(labels, shape[0]), _idx_labels(test_labels, test_shape[0])
    classes = class_names(values, str(labels))
    return Source(
        str(folder),
        plain_name(folder),
        "image",
        (1, *shape[1:]),
        "uint8",
        Part(shape[0], lambda: _idx_images(images, shape), class_indices(values, classes, str(labels))),
        Part(
            test_shape[0],
            lambda: _idx_images(test_images, test_shape),
            class_indices(test_values, classes, str(test_labels)),
        ),
        classes=tuple(map(str, classes)),
    )


def _idx_file(files: Files, name: str) -> Path | None:
    dotted = name.replace("-idx", ".idx")
    names = [name, f"{name}.gz", dotted, f"{dotted}.gz"]
    return next((files.path / n for n in names if n in files.names), None)


def _open(file: Path) -> IO[bytes]:
    return gzip.open(file, "rb") if file.suffix == ".gz" else file.open("rb")  # type: ignore[return-value]


def _idx_shape(file: Path, rank: int) -> tuple[int, ...]:
    """The header's shape, refused where the file cannot hold that many bytes."""
    header = next(_idx_bytes(file, 0, 4 + 4 * rank))
    if header[:4] != bytes([0, 0, 8, rank]) or len(header) != 4 + 4 * rank:
        raise UserError(f"{file} is not an idx file of unsigned bytes in {rank} dimensions; download it again.")
    shape = struct.unpack(f">{rank}I", header[4:])
    room = file.stat().st_size * (GZIP_RATIO if file.suffix == ".gz" else 1)
    if math.prod(shape) > min(room, BYTES_LIMIT):
        raise UserError(f"{file}: its header promises {math.prod(shape)} bytes, which it cannot hold.")
    if 0 in shape:
        raise UserError(f"{file} holds no samples: its header says {shape}.")
    return shape


def _idx_labels(file: Path, count: int) -> np.ndarray:
    shape = _idx_shape(file, 1)
    if shape[0] != count:
        raise UserError(f"{file} has {shape[0]} labels for {count} images; both files must belong together.")
    return np.frombuffer(b"".join(_idx_bytes(file, 8, count, whole=True)), np.uint8).astype(np.int64)


def _idx_images(file: Path, shape: tuple[int, ...]) -> Iterator[np.ndarray]:
    row = math.prod(shape[1:])
    for data in _idx_bytes(file, 4 + 4 * len(shape), math.prod(shape), row, whole=True):
        yield np.frombuffer(data, np.uint8).reshape(-1, 1, *shape[1:])


def _idx_bytes(file: Path, skip: int, count: int, row: int = 1, whole: bool = False) -> Iterator[bytes]:
    """`count` bytes after the first `skip`, in pieces of whole rows; `whole`: nothing may follow them."""
    try:
        with _open(file) as stream:
            stream.read(skip)
            while count:
                data = stream.read(min(count, max(row, BLOCK_BYTES // row * row)))
                if not data or len(data) % row:
                    raise EOFError("it ends too early")
                count -= len(data)
                yield data
            if whole and stream.read(1):
                raise EOFError("more bytes follow than its header says")
    except (EOFError, OSError, zlib.error) as error:
        raise UserError(f"{file} is damaged or truncated ({error}); download it again.") from None


def is_cifar(files: Files) -> bool:
    return files.is_folder and bool(_cifar_batches(files))


def read_cifar(files: Files, want: Want) -> Source:
    """data_batch_*.bin (and test_batch.bin): records of a label byte and 3072 pixel bytes -> (3, 32, 32)."""
    folder = files.path
    batches = [_records(file) for file in _cifar_batches(files)]
    test_file, names_file = folder / "test_batch.bin", folder / "batches.meta.txt"
    names: list[str] = []
    if names_file.name in files.names:
        with names_file.open("rb") as file:
            names = file.read(1 << 16).decode("utf-8", "replace").split()
    names = names or [str(n) for n in range(10)]
    test = _cifar_part([_records(test_file)], names, folder) if test_file.name in files.names else None
    train = _cifar_part(batches, names, folder)
    return Source(str(folder), plain_name(folder), "image", (3, 32, 32), "uint8", train, test, classes=tuple(names))


def _cifar_batches(files: Files) -> list[Path]:
    return [files.path / name for name in files.names if fnmatchcase(name, "data_batch_*.bin") and "/" not in name]


def _records(file: Path) -> np.ndarray:
    size = file.stat().st_size
    if size == 0 or size % RECORD:
        raise UserError(f"{file} has {size} bytes, not a multiple of {RECORD} (a label and 32x32x3): truncated?")
    return np.memmap(file, np.uint8, "r").reshape(-1, RECORD)


def _cifar_part(batches: list[np.ndarray], names: list[str], folder: Path) -> Part:
    labels = np.concatenate([records[:, 0] for records in batches]).astype(np.int64)
    strange = np.flatnonzero(labels >= len(names))
    if len(strange):
        raise UserError(
            f"{folder}: record {strange[0]} has the label {labels[strange[0]]}, but there are {len(names)} classes; "
            f"the files are damaged or of another layout."
        )

    def blocks() -> Iterator[np.ndarray]:
        for records in batches:
            for block in in_blocks(records):
                yield block[:, 1:].reshape(-1, 3, 32, 32)

    return Part(len(labels), blocks, labels)
