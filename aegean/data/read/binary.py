"""Well-known binary layouts: MNIST's idx files (perhaps gzipped), the record files of CIFAR-10 and CIFAR-100.

They may lie in a sub-folder, as their archives and torchvision unpack them (MNIST/raw, cifar-10-batches-bin).
"""

from __future__ import annotations

import gzip
import math
import struct
import zlib
from collections.abc import Callable, Iterator
from fnmatch import fnmatchcase
from pathlib import Path, PurePosixPath
from typing import NamedTuple

import numpy as np

from aegean.config import UserError
from aegean.data.read.arrays import DEFLATED
from aegean.data.read.files import Files, plain_name
from aegean.data.read.source import BYTES_LIMIT, Part, Source, Want, array_part, class_labels, in_blocks

IDX_FILES = ("train-images-idx3-ubyte", "train-labels-idx1-ubyte", "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte")
PIXELS = 3 * 32 * 32  # of a CIFAR picture
PICKLES = (".pkl", ".pickle", ".pt", ".pth", ".joblib")


def _forms(name: str) -> list[str]:
    """The names that an idx file goes by."""
    dotted = name.replace("-idx", ".idx")
    return [name, f"{name}.gz", dotted, f"{dotted}.gz"]


IDX_NAMES = {form for name in IDX_FILES for form in _forms(name)}


def _home(files: Files, known: Callable[[str], bool]) -> Path | None:
    """The folder of the files whose names are known, None where there are none. UserError: there are several."""
    if not files.is_folder:
        return None
    found = sorted({str(PurePosixPath(name).parent) for name in files.names if known(PurePosixPath(name).name)})
    if len(found) > 1:
        raise UserError(f"{files.path} holds several data sets: {', '.join(found)}; give the folder of one.")
    return files.path / found[0] if found else None


def _idx_home(files: Files) -> Path | None:
    return _home(files, lambda name: name in IDX_NAMES)


def is_idx(files: Files) -> bool:
    return _idx_home(files) is not None


def read_idx(files: Files, want: Want) -> Source:
    """The four idx files of MNIST and its kin -> grey images (1, height, width) with labels."""
    folder = _idx_home(files)
    assert folder is not None
    found = {name: next((folder / n for n in _forms(name) if (folder / n).is_file()), None) for name in IDX_FILES}
    missing = [name for name, file in found.items() if file is None]
    if missing:
        raise UserError(f"{folder}: {', '.join(missing)} (or .gz) is missing beside the other idx files; add it.")
    files_ = [file for file in found.values() if file]
    images, labels, test_images, test_labels = (_idx(file, rank) for file, rank in zip(files_, (3, 1, 3, 1)))
    if images.shape[1:] != test_images.shape[1:]:
        shapes = test_images.shape[1:], images.shape[1:]
        raise UserError(f"{files_[2]}: images of {shapes[0]}, but the training images have {shapes[1]}.")
    for file, some, these in ((files_[1], labels, images), (files_[3], test_labels, test_images)):
        if len(some) != len(these):
            raise UserError(f"{file} has {len(some)} labels for {len(these)} images; both files must belong together.")
    classes, y, test_y = class_labels(labels.astype(np.int64), str(folder), test_labels.astype(np.int64))
    train, test = array_part(images[:, None], y), array_part(test_images[:, None], test_y)
    return Source(str(folder), plain_name(folder), "image", (1, *images.shape[1:]), "uint8", train, test, classes)


def _idx(file: Path, rank: int) -> np.ndarray:
    """The array in an idx file: memory-mapped, or read where it is gzipped. UserError: it is damaged, or its header
    promises more than it can hold."""
    zipped, start = file.suffix == ".gz", 4 + 4 * rank
    try:
        with gzip.open(file) if zipped else file.open("rb") as stream:
            header = stream.read(start)
            if len(header) < start:
                raise EOFError("it ends too early")
            if header[:4] != bytes([0, 0, 8, rank]):
                raise UserError(f"{file} is not an idx file of unsigned bytes in {rank} dimensions; download it again.")
            shape = struct.unpack(f">{rank}I", header[4:])
            size, room = math.prod(shape), file.stat().st_size * (DEFLATED if zipped else 1)
            if size > min(room, BYTES_LIMIT):
                raise UserError(f"{file}: its header promises {size} bytes, which it cannot hold.")
            if not size:
                raise UserError(f"{file} holds no samples: its header says {shape}.")
            data = stream.read(size + 1) if zipped else np.memmap(file, np.uint8, "r")[start:]
        if len(data) != size:
            raise EOFError("it ends too early" if len(data) < size else "more bytes follow than its header says")
    except (EOFError, OSError, zlib.error) as error:
        raise UserError(f"{file} is damaged or truncated ({error}); download it again.") from None
    return np.frombuffer(data, np.uint8).reshape(shape)


class Cifar(NamedTuple):
    """A layout of records: labels, then 3072 bytes of pixels."""

    train: str  # the names of its files, as a pattern
    test: str
    classes: str  # the file of their names
    labels: int  # bytes before the pixels; the last one is the class
    total: int  # of its classes


CIFARS = (
    Cifar("data_batch_*.bin", "test_batch.bin", "batches.meta.txt", 1, 10),
    Cifar("train.bin", "test.bin", "fine_label_names.txt", 2, 100),
)


def _cifar(files: Files) -> tuple[Cifar, Path] | None:
    """The layout of a folder, and where its files lie."""
    for layout in CIFARS:
        folder = _home(files, lambda name, layout=layout: fnmatchcase(name, layout.train))  # type: ignore[misc]
        if folder and (layout is CIFARS[0] or (folder / layout.classes).is_file()):
            return layout, folder
    return None


def is_cifar(files: Files) -> bool:
    return _cifar(files) is not None


def read_cifar(files: Files, want: Want) -> Source:
    """Records of a label and 3072 pixel bytes -> (3, 32, 32); of CIFAR-100 the fine classes."""
    found = _cifar(files)
    assert found is not None
    layout, folder = found
    names: list[str] = []
    if (folder / layout.classes).is_file():
        with (folder / layout.classes).open("rb") as file:
            names = file.read(1 << 16).decode("utf-8", "replace").split()
    names = names or [str(n) for n in range(layout.total)]
    batches = [_records(file, layout) for file in sorted(folder.glob(layout.train))]
    train = _cifar_part(batches, layout, names, folder)
    test_file = folder / layout.test
    test = _cifar_part([_records(test_file, layout)], layout, names, folder) if test_file.is_file() else None
    return Source(str(folder), plain_name(files.path), "image", (3, 32, 32), "uint8", train, test, classes=tuple(names))


def _records(file: Path, layout: Cifar) -> np.ndarray:
    size, record = file.stat().st_size, layout.labels + PIXELS
    if size == 0 or size % record:
        raise UserError(f"{file} has {size} bytes, not a multiple of {record} (labels and 32x32x3): truncated?")
    return np.memmap(file, np.uint8, "r").reshape(-1, record)


def _cifar_part(batches: list[np.ndarray], layout: Cifar, names: list[str], folder: Path) -> Part:
    labels = np.concatenate([records[:, layout.labels - 1] for records in batches]).astype(np.int64)
    strange = np.flatnonzero(labels >= len(names))
    if len(strange):
        raise UserError(
            f"{folder}: record {strange[0]} has the label {labels[strange[0]]}, but there are {len(names)} classes; "
            f"the files are damaged or of another layout."
        )

    def blocks() -> Iterator[np.ndarray]:
        for records in batches:
            for block in in_blocks(records):
                yield block[:, layout.labels :].reshape(-1, 3, 32, 32)

    return Part(len(labels), blocks, labels)


def is_pickled(files: Files) -> bool:
    """Python objects, as the "python version" of CIFAR and torch.save keep them."""
    if not files.is_folder:
        return files.ending in PICKLES
    names = {PurePosixPath(name).name for name in files.names}
    return {"data_batch_1", "batches.meta"} <= names or ({"train", "test", "meta"} <= names and len(names) < 8)


def refuse_pickles(files: Files, want: Want) -> Source:
    """UserError, with the layout that is read instead."""
    if files.is_folder:
        raise UserError(
            f"{files.path} holds Python pickles, which may run any code and are never loaded; give the binary version "
            "of CIFAR: data_batch_1.bin, ..., test_batch.bin (CIFAR-10), or train.bin, test.bin and "
            "fine_label_names.txt (CIFAR-100)."
        )
    raise UserError(
        f"{files.path} is a Python pickle, which may run any code and is never loaded; save the numbers as .npy or "
        ".npz: np.savez(file, x=x, y=y)."
    )
