"""Files that a stranger has crafted: refused in a sentence before memory is taken, and nothing in them is executed."""

import io
import json
import pickle
import struct
import zipfile
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

from aegean.config import UserError, parse_json
from aegean.data import open_data
from aegean.files import read_tensor_header
from aegean.model import Model

F32 = {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]}


def safetensors(header, data=b"", length=None):
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(text) if length is None else length) + text + data


CRAFTED = {
    "a header longer than any memory": safetensors({}, length=1 << 62),
    "a header longer than the file": safetensors({"a": F32}, bytes(8), length=1000),
    "a header cut off": safetensors({"a": F32})[:12],
    "a name twice": safetensors(
        b'{"a": {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]}, '
        b'"a": {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]}}',
        bytes(8),
    ),
    "metadata twice": safetensors(b'{"__metadata__": {"aegean": "{}"}, "__metadata__": {}}'),
    "a gap": safetensors({"a": F32, "b": {**F32, "data_offsets": [12, 20]}}, bytes(20)),
    "tensors on each other": safetensors({"a": F32, "b": {**F32, "data_offsets": [4, 12]}}, bytes(12)),
    "the same bytes twice": safetensors({"a": F32, "b": F32}, bytes(8)),
    "bytes before the first": safetensors({"a": {**F32, "data_offsets": [4, 12]}}, bytes(12)),
    "bytes behind the last": safetensors({"a": F32}, bytes(8) + b"PK\3\4 an archive"),
    "more bytes than the shape": safetensors({"a": {**F32, "shape": [1]}}, bytes(8)),
    "a shape beyond the file": safetensors({"a": {**F32, "shape": [1 << 40]}}, bytes(8)),
    "a product that overflows 64 bits": safetensors({"a": {**F32, "shape": [1 << 33, 1 << 33]}}, bytes(8)),
    "a shape below zero": safetensors({"a": {**F32, "shape": [-1, -2]}}, bytes(8)),
    "a shape of truths": safetensors({"a": {**F32, "shape": [True, 2]}}, bytes(8)),
    "a type that is none": safetensors({"a": {**F32, "dtype": "OBJ"}}, bytes(8)),
    "metadata that are a list": safetensors({"__metadata__": ["aegean"], "a": F32}, bytes(8)),
    "no JSON": safetensors(b"}{" * 20),
    "depth without end": safetensors(b'{"a":' * 100_000 + b"1" + b"}" * 100_000),
    "digits without end": safetensors(b'{"a": {"dtype": "F32", "shape": [' + b"9" * 10_000 + b"]}}"),
}


@pytest.mark.parametrize("data", CRAFTED.values(), ids=CRAFTED)
def test_a_crafted_safetensors_is_refused(data, tmp_path):
    file = tmp_path / "model.safetensors"
    file.write_bytes(data)
    with pytest.raises(UserError):
        read_tensor_header(file)
    with pytest.raises(UserError):
        Model.load(file)


class Trap:
    """Executed by whoever unpickles it."""

    sprung = SimpleNamespace(times=0)

    def __reduce__(self):
        return spring, ()


def spring():
    Trap.sprung.times += 1


def polyglot():
    """A whole safetensors file that is an archive with a pickle, too: archives are read from their end."""
    inside = zipped(pickle.dumps(Trap()), "archive/data.pkl")
    entry = {"dtype": "U8", "shape": [len(inside)], "data_offsets": [0, len(inside)]}
    return safetensors({"__metadata__": {"format": "pt"}, "a": entry}, inside)


def test_the_traps_are_traps(monkeypatch):
    monkeypatch.setattr(Trap, "sprung", SimpleNamespace(times=0))
    with zipfile.ZipFile(io.BytesIO(polyglot())) as archive:
        pickle.loads(archive.read("archive/data.pkl"))
    assert Trap.sprung.times == 1


@pytest.mark.parametrize("make", [polyglot, lambda: pickle.dumps(Trap()), lambda: zipped(pickle.dumps(Trap()))])
def test_no_pickle_is_executed_whatever_it_looks_like(make, tmp_path):
    for name in ("model.safetensors", "in.npz", "in.npy", "in.png", "in.csv"):
        (tmp_path / name).write_bytes(make())
        with pytest.raises(UserError):
            Model.load(tmp_path / name) if name.startswith("model") else open_data(str(tmp_path / name))
    assert Trap.sprung.times == 0


def zipped(data, name="x.npy"):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(name, data)
    return out.getvalue()


def header_of(shape, dtype="<f4"):
    out = io.BytesIO()
    np.lib.format.write_array_header_1_0(out, {"descr": dtype, "fortran_order": False, "shape": shape})
    return out.getvalue()


def objects():
    out = io.BytesIO()
    np.save(out, np.array([Trap(), None], dtype=object), allow_pickle=True)
    return out.getvalue()


ARRAYS = {
    "a shape beyond the file": header_of((1 << 40, 8, 8)) + bytes(64),
    "a shape whose product overflows": header_of((1 << 32, 1 << 32, 4)) + bytes(64),
    "objects": objects(),
    "a header without end": b"\x93NUMPY\x02\x00" + struct.pack("<I", 1 << 31) + b"{",
}


@pytest.mark.parametrize("data", ARRAYS.values(), ids=ARRAYS)
def test_arrays_that_promise_too_much_are_refused(data, tmp_path):
    for name, content in (("in.npy", data), ("in.npz", zipped(data))):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(UserError):
            open_data(str(tmp_path / name))
    assert Trap.sprung.times == 0


def test_pictures_that_unpack_to_billions_of_pixels_are_refused(tmp_path):
    out = io.BytesIO()
    Image.new("1", (8, 8)).save(out, "png")
    data = bytearray(out.getvalue())
    data[16:24] = struct.pack(">II", 1 << 30, 1 << 30)
    for name in ("a.png", "b.png"):
        (tmp_path / name).write_bytes(bytes(data))
    with pytest.raises(UserError):
        open_data(str(tmp_path))


def test_a_name_twice_is_no_json_wherever_it_stands():
    with pytest.raises(UserError, match="'b' stands there twice"):
        parse_json('{"a": [{"b": 1, "b": 2}]}', "file")
    assert parse_json('{"a": {"b": 1}, "b": 2}', "file") == {"a": {"b": 1}, "b": 2}
