"""Whatever bytes a file holds, reading it ends in data or in one clear UserError."""

import gzip
import io
import zipfile

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image
from test_binary_sources import idx, idx_contents, records

from aegean.config import UserError
from aegean.data import DataInfo, DataOptions, Dataset, open_data, read_inputs

INFO = DataInfo("x", (1, 6, 5), (127.5,), (127.5,))
RNG = np.random.default_rng(5)


def npy(values):
    buffer = io.BytesIO()
    np.save(buffer, values)
    return buffer.getvalue()


def npz(save, **arrays):
    buffer = io.BytesIO()
    save(buffer, **arrays)
    return buffer.getvalue()


def png():
    buffer = io.BytesIO()
    Image.fromarray(RNG.integers(0, 256, (6, 5), np.uint8)).save(buffer, "PNG")
    return buffer.getvalue()


def zipped():
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for i in range(22):
            archive.writestr(f"{'ab'[i % 2]}/{i}.png", png())
    return buffer.getvalue()


X, Y = RNG.integers(0, 256, (24, 6, 5), np.uint8), np.arange(24) % 3
TABLE = "a,b,label\n" + "".join(f"{i}.5,{-i}e-1,{'uv'[i % 2]}\n" for i in range(24))
GOOD = {
    "a.npy": npy(X),
    "f.npy": npy(RNG.random((24, 4))),
    "a.npz": npz(np.savez, x=X, y=Y),
    "b.npz": npz(np.savez_compressed, x=X, y=Y.astype(str), x_test=X[:5], y_test=Y[:5].astype(str)),
    "a.csv": TABLE.encode(),
    "a.zip": zipped(),
    "data_batch_1.bin": records(21).tobytes(),
    "train-images-idx3-ubyte": idx(idx_contents()["train-images-idx3-ubyte"]),
    "train-labels-idx1-ubyte": idx(idx_contents()["train-labels-idx1-ubyte"]),
    "train-images-idx3-ubyte.gz": gzip.compress(idx(idx_contents()["train-images-idx3-ubyte"])),
    "a.png": png(),
}


@st.composite
def mutated(draw, good):
    """Valid bytes with some overwritten, cut or repeated; mostly near the start, where headers are."""
    data = bytearray(good)
    for _ in range(draw(st.integers(1, 4))):
        place = draw(st.integers(0, min(len(data), draw(st.sampled_from([30, 140, 1 << 20])))))
        kind = draw(st.sampled_from(["set", "cut", "insert", "end"]))
        if kind == "set":
            data[place : place + 1] = draw(st.binary(min_size=1, max_size=4))
        elif kind == "cut":
            del data[place : place + draw(st.integers(1, 40))]
        elif kind == "insert":
            data[place:place] = draw(st.binary(min_size=1, max_size=40))
        else:
            del data[place:]
    return bytes(data)


def survives(folder, name, content):
    """Write the file where its layout wants it, with good files beside it, and read it in both ways; what was refused,
    in words."""
    refused = []
    if "idx" in name:
        for other, values in idx_contents().items():
            (folder / other).write_bytes(idx(values))
        (folder / name.removesuffix(".gz")).unlink()
    (folder / name).write_bytes(content)
    spec = str(folder if "idx" in name or name.endswith(".bin") else folder / name)
    for read in (lambda: open_data(DataOptions(spec)), lambda: read_inputs([spec], INFO)):
        try:
            found = read()
        except UserError as error:
            assert str(error) and "\n" not in str(error).strip()
            refused.append(str(error))
        else:
            assert isinstance(found, Dataset) or found[1].shape[1:] == INFO.shape
    return refused


@pytest.mark.parametrize("name", GOOD)
def test_good_is_read(tmp_path, name):
    """As data or as inputs of a model for grey pictures where only one is possible: rows, one picture, colours."""
    one_way = name in ("f.npy", "a.csv", "data_batch_1.bin", "a.png")
    assert len(survives(tmp_path, name, GOOD[name])) == one_way


@pytest.mark.parametrize("name", GOOD)
@settings(deadline=None, max_examples=40, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_mutated(tmp_path_factory, name, data):
    survives(tmp_path_factory.mktemp("m"), name, data.draw(mutated(GOOD[name])))


@pytest.mark.parametrize("name", GOOD)
@settings(deadline=None, max_examples=15, suppress_health_check=list(HealthCheck))
@given(content=st.binary(max_size=200))
def test_random(tmp_path_factory, name, content):
    survives(tmp_path_factory.mktemp("r"), name, content)


cells = st.one_of(
    st.floats().map(str), st.integers().map(str), st.text(max_size=4), st.sampled_from(["", "label", "y"])
)


@settings(deadline=None, max_examples=30, suppress_health_check=list(HealthCheck))
@given(st.lists(st.lists(cells, min_size=2, max_size=3), max_size=30), st.sampled_from(",;\t"))
def test_tables(tmp_path_factory, rows, separator):
    text = "\n".join(separator.join(row) for row in rows)
    survives(tmp_path_factory.mktemp("t"), "a.csv", text.encode("utf-8", "surrogatepass"))
