"""Arrays in .npy and .npz files: images (n, c, h, w) or (n, h, w, c) or (n, h, w), vectors (n, columns)."""

from __future__ import annotations

import math
import zipfile
from pathlib import Path

import numpy as np

from aegean.config import UserError, nearest
from aegean.data.read.files import Files, plain_name
from aegean.data.read.source import BYTES_LIMIT, Part, Source, Want, class_labels, fits_float32, in_blocks
from aegean.surface import option, say

KEYS = ("x", "y", "x_test", "y_test")
DEFLATED = 1032  # how often a file's size its content can be at most


def read_arrays(files: Files, want: Want) -> Source:
    """A .npy file, memory-mapped, or a .npz file with x and perhaps y, x_test, y_test, read into memory."""
    path = files.path
    found = {"x": _open_npy(path)} if files.ending == ".npy" else _open_npz(path)
    values, test_values = found["x"], found.get("x_test")
    order = _order(values, path, want)
    shape, dtype = _shape(values, order, path), _dtype(values, path, want)
    if test_values is None and found.pop("y_test", None) is not None:
        say(f"{path.name}: y_test is left out, as there is no x_test")
    if test_values is not None and (test_values.dtype, test_values.shape[1:]) != (values.dtype, values.shape[1:]):
        raise UserError(
            f"{path}: x_test is {test_values.dtype} of {test_values.shape[1:]}, but x is {values.dtype} of "
            f"{values.shape[1:]}; both parts must agree."
        )
    if test_values is not None and ("y_test" in found) != ("y" in found):
        raise UserError(f"{path}: only one of x and x_test has labels; give both y and y_test, or neither.")
    classes, labels, test_labels = _labels(found, path) if "y" in found else ((), None, None)
    if len(shape) == 1:
        say(f"{path.name}: read as {len(values)} rows of {shape[0]} columns")
    else:
        say(f"{path.name}: read as {len(values)} images of {shape[0]} channels, {shape[1]}x{shape[2]}")
    kind, train = "table" if len(shape) == 1 else "image", _part(values, order, dtype, labels)
    test = None if test_values is None else _part(test_values, order, dtype, test_labels)
    return Source(str(path), plain_name(path), kind, shape, dtype, train, test, classes)


def _part(values: np.ndarray, order: tuple[int, ...], dtype: str, labels: np.ndarray | None) -> Part:
    def blocks():
        for block in in_blocks(values):
            block = block[:, None] if block.ndim == 3 else block
            with np.errstate(over="ignore"):  # an overflow becomes infinite, which is refused by row
                yield block.transpose(order).astype(dtype, copy=False)

    return Part(len(values), blocks, labels)


def _open_npy(path: Path) -> np.ndarray:
    try:
        values = np.lib.format.open_memmap(path, mode="r")
    except Exception as error:  # numpy raises many kinds for a damaged header
        raise UserError(_unreadable(path, error)) from None
    if (more := path.stat().st_size - values.offset - values.nbytes) > 0:
        raise UserError(f"{path}: {more} bytes follow its array, perhaps another one; save each array as a file.")
    return values


def _open_npz(path: Path) -> dict[str, np.ndarray]:
    """The known keys of a .npz; no array is allocated before its header agrees with the file's size."""
    try:
        with zipfile.ZipFile(path) as archive:
            members = {info.filename.removesuffix(".npy"): info for info in archive.infolist()}
            if len(members) < len(archive.infolist()):
                raise UserError(f"{path} holds two arrays of one name; save it anew with np.savez.")
            if "x" not in members:
                raise UserError(f"{path} has no array named 'x'.{nearest('x', members)}")
            if others := sorted(set(members) - set(KEYS)):
                say(f"{path.name}: the arrays {', '.join(others)} are left out; those read are named {', '.join(KEYS)}")
            found = {key: _member(archive, members[key], path) for key in KEYS if key in members}
    except UserError:
        raise
    except MemoryError:
        raise UserError(f"{path} does not fit into memory; save x as .npy, which is read piece by piece.") from None
    except Exception as error:  # zipfile and numpy raise many kinds for damaged files
        raise UserError(_unreadable(path, error)) from None
    return found


def _member(archive: zipfile.ZipFile, info: zipfile.ZipInfo, path: Path) -> np.ndarray:
    key = info.filename.removesuffix(".npy")
    with archive.open(info) as file:
        version = np.lib.format.read_magic(file)
        read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
        shape, fortran, dtype = read(file)
        if dtype.hasobject:
            raise UserError(f"{path}: {key} holds Python objects; save numbers: np.asarray(x, np.float32).")
        size = math.prod(shape) * dtype.itemsize
        if size != info.file_size - file.tell() or size > min(BYTES_LIMIT, DEFLATED * path.stat().st_size):
            raise UserError(f"{path}: the header of {key} promises {size} bytes, which the file does not hold.")
        flat = np.frombuffer(file.read(), dtype)
    return flat.reshape(shape[::-1]).transpose() if fortran else flat.reshape(shape)


def _unreadable(path: Path, error: Exception) -> str:
    if "object" in str(error).lower():
        return f"{path} holds Python objects; save an array of numbers: np.asarray(x, np.float32)."
    reason = str(error).partition("\n")[0]
    return f"{path} is not a readable NumPy file ({reason}); save it anew with np.save or np.savez."


def _order(values: np.ndarray, path: Path, want: Want) -> tuple[int, ...]:
    """The transposition to (n, channels, height, width); only an unambiguous one is guessed."""
    if values.ndim not in (2, 3, 4):
        raise UserError(f"{path}: x has {values.ndim} dimensions; expected 2 (vectors), 3 (grey images) or 4 (images).")
    if values.ndim != 4:
        return (0, 1) if values.ndim == 2 else (0, 1, 2, 3)
    first, last = (1 <= values.shape[axis] <= 4 for axis in (1, 3))
    if not want.axes and first == last:
        raise UserError(
            f"{path}: images of {values.shape[1:]} can be read in two ways; give {option('axes', 'nchw')} (channels, "
            f"height, width) or {option('axes', 'nhwc')} (height, width, channels)."
        )
    return (0, 1, 2, 3) if (want.axes or ("nchw" if first else "nhwc")) == "nchw" else (0, 3, 1, 2)


def _shape(values: np.ndarray, order: tuple[int, ...], path: Path) -> tuple[int, ...]:
    if 0 in values.shape:
        raise UserError(f"{path} is empty: x has the shape {values.shape}.")
    shape = values.shape if values.ndim != 3 else (len(values), 1, *values.shape[1:])
    return tuple(shape[axis] for axis in order[1:])


def _dtype(values: np.ndarray, path: Path, want: Want) -> str:
    kind, size = values.dtype.kind, values.dtype.itemsize
    if kind == "u" and size in (1, 2):
        return "uint8" if size == 1 else "uint16"
    if kind in "iu" and not want.ranged:
        raise UserError(
            f"{path}: values of type {values.dtype} have no range of their own; give {option('range')} its two "
            f"ends, or save uint8, uint16 or floats."
        )
    if kind not in "iufb":
        raise UserError(f"{path}: x is of type {values.dtype}; expected real numbers: np.asarray(x, np.float32).")
    narrow = (size <= 4 and kind == "f") or kind == "b" or values.ndim > 2
    return "float32" if narrow or all(map(fits_float32, in_blocks(values))) else "float64"


def _labels(found: dict[str, np.ndarray], path: Path) -> tuple[tuple[str, ...], np.ndarray, np.ndarray | None]:
    """`class_labels` of y and y_test."""
    y, test = _label_values(found["y"], len(found["x"]), f"{path}, key y"), None
    if "y_test" in found:
        test = _label_values(found["y_test"], len(found["x_test"]), f"{path}, key y_test")
        if test.dtype.kind != y.dtype.kind:
            raise UserError(f"{path}: y is {y.dtype} but y_test is {test.dtype}; give both the same type.")
    return class_labels(y, str(path), test)


def _label_values(y: np.ndarray, count: int, origin: str) -> np.ndarray:
    if y.ndim != 1 or len(y) != count:
        raise UserError(f"{origin}: labels of shape {y.shape} for {count} samples; expected ({count},).")
    if y.dtype.kind not in "iubUS":
        raise UserError(f"{origin}: labels of type {y.dtype}; expected integers or strings.")
    if y.dtype.kind == "S":
        return np.array([text.decode("utf-8", "replace") for text in y.tolist()])
    if y.dtype.kind == "u" and len(y) and y.max() > np.iinfo(np.int64).max:
        raise UserError(f"{origin}: the label {y.max()} is too large; number the classes from 0.")
    return y if y.dtype.kind == "U" else y.astype(np.int64)
