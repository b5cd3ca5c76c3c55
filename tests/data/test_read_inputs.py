"""Inputs for a trained model, and samples written for people."""

import csv

import numpy as np
import pytest
from notes import heard
from PIL import Image

from aegean.config import UserError
from aegean.data import DataInfo, DataOptions, open_data, read_inputs, write_samples

RNG = np.random.default_rng(4)
GREY = DataInfo("g", (1, 8, 8), (127.5,), (127.5,))
COLOUR = DataInfo("c", (3, 8, 12), (127.5,), (127.5,))
DEEP = DataInfo("d", (1, 8, 8), (32767.5,), (32767.5,), "uint16")
FLOAT = DataInfo("f", (1, 8, 8), (0.5,), (0.5,), "float32")
TABLE = DataInfo("t", (2,), (3.0, 4.0), (1.0, 2.0), "float32", columns=("a", "b"))


def save(path, shape=(8, 8), dtype=np.uint8):
    path.parent.mkdir(parents=True, exist_ok=True)
    values = RNG.integers(0, np.iinfo(dtype).max, shape, dtype, endpoint=True)
    Image.fromarray(values).save(path)
    return values


def test_pictures_and_folders_and_arrays(tmp_path):
    a, b, c = (save(tmp_path / name) for name in ("one.png", "f/x/two.png", "f/y/two.png"))
    np.save(tmp_path / "rows.npy", np.stack([a, b]))
    names, raw = read_inputs([str(tmp_path / n) for n in ("one.png", "f", "rows.npy", "one.png")], GREY)
    assert names == ["one", "x-two", "y-two", "rows-000000", "rows-000001", "one-2"]
    assert (raw == np.stack([a, b, c, a, b, a])[:, None]).all() and raw.dtype == np.uint8


def test_whole_source_in_order(tmp_path):
    x = RNG.integers(0, 256, (30, 8, 8), np.uint8)
    np.savez(tmp_path / "a.npz", x=x[:20], x_test=x[20:])
    names, raw = read_inputs([str(tmp_path / "a.npz")], GREY)
    assert (raw[:, 0] == x).all() and names[-1] == "a-000029" and len(set(names)) == 30
    names, raw = read_inputs(["digits"], GREY)
    data = open_data(DataOptions("digits"))
    assert len(names) == 1797 and {v.tobytes() for v in raw} == {v.tobytes() for v in [*data.train, *data.test]}


def test_conformed(tmp_path):
    said = []
    save(tmp_path / "a.png", (20, 20))
    save(tmp_path / "b.png", (16, 24, 3))
    _, raw = heard(said, read_inputs, [str(tmp_path / "a.png"), str(tmp_path / "b.png")], COLOUR)
    assert raw.shape == (2, 3, 8, 12) and any("scaled" in text for text in said)
    assert (raw[0, 0] == raw[0, 1]).all()
    np.save(tmp_path / "big.npy", np.zeros((2, 16, 16), np.uint8))
    assert heard(said, read_inputs, [str(tmp_path / "big.npy")], GREY)[1].shape == (2, 1, 8, 8)


def test_depth_is_taken_over(tmp_path):
    values = save(tmp_path / "a.png")
    deep = save(tmp_path / "b.png", dtype=np.uint16)
    paths = [str(tmp_path / "a.png"), str(tmp_path / "b.png")]
    assert (read_inputs(paths[:1], DEEP)[1][0, 0] == values.astype(np.uint16) * 257).all()
    assert (read_inputs(paths[1:], DEEP)[1][0, 0] == deep).all()
    assert (read_inputs(paths[1:], GREY)[1][0, 0] == np.rint(deep / 257)).all()
    assert np.allclose(read_inputs(paths[:1], FLOAT)[1][0, 0], values / 255, atol=1e-6)


def test_floats_for_bytes(tmp_path):
    values = RNG.integers(0, 256, (3, 8, 8), np.uint8)
    said = []
    np.save(tmp_path / "f.npy", values / 255)
    assert (heard(said, read_inputs, [str(tmp_path / "f.npy")], GREY)[1][:, 0] == values).all()
    np.save(tmp_path / "f.npy", values / 127.5 - 1)
    assert (heard(said, read_inputs, [str(tmp_path / "f.npy")], GREY)[1][:, 0] == values).all()
    assert any("[0, 1]" in t for t in said) and any("[-1, 1]" in t for t in said)


def test_tables(tmp_path):
    path = tmp_path / "t.csv"
    for text, expected in (
        ("a,b\n1,2\n", (1, 2)),
        ("b,a\n1,2\n", (2, 1)),
        ("5,6\n", (5, 6)),
        ("c,b,a\n0,1,2\n", (2, 1)),
    ):
        path.write_text(text)
        assert tuple(read_inputs([str(path)], TABLE)[1][0]) == expected
    path.write_text("a,c\n1,2\n")
    with pytest.raises(UserError, match="lacks the columns b"):
        read_inputs([str(path)], TABLE)


@pytest.mark.parametrize(
    ("values", "info", "message"),
    [
        (np.zeros((3, 5), np.float32), TABLE, "takes"),
        (np.zeros((3, 2), np.float32), GREY, "rows, which have no size"),
        (np.zeros((3, 8, 8), np.uint8), COLOUR, "1 channels where 3"),
        (np.zeros((3, 8, 8), np.uint8), TABLE, "takes"),
        (np.full((3, 8, 8), 2.0), FLOAT, "this model takes 0 to 1"),
        (np.full((3, 8, 8), 2.0), GREY, r"\[0, 1\] or \[-1, 1\]"),
        (np.full((3, 8, 8), np.nan), GREY, "sample 0 holds NaN"),
        (np.full((3, 8, 8), np.nan), FLOAT, "sample 0 holds NaN"),
    ],
)
def test_refused(tmp_path, values, info, message):
    np.save(tmp_path / "a.npy", values)
    with pytest.raises(UserError, match=message):
        read_inputs([str(tmp_path / "a.npy")], info)


def test_nothing_or_nowhere(tmp_path):
    for inputs in ([], [str(tmp_path / "nowhere.png")], [str(tmp_path)]):
        with pytest.raises(UserError):
            read_inputs(inputs, GREY)
    (tmp_path / "x.png").write_bytes(b"x")
    with pytest.raises(UserError, match="no data that can be read"):
        read_inputs([str(tmp_path / "x.png")], GREY)


@pytest.mark.parametrize(
    ("shape", "dtype"), [((1, 5, 4), "uint8"), ((3, 5, 4), "uint8"), ((4, 5, 4), "uint8"), ((1, 5, 4), "uint16")]
)
def test_pictures_round_trip(tmp_path, shape, dtype):
    top = np.iinfo(dtype).max
    info = DataInfo("x", shape, (top / 2,), (top / 2,), dtype)
    raw = RNG.integers(0, top, (3, *shape), dtype, endpoint=True)
    paths = write_samples(raw, ["a", "b/c", "d"], tmp_path / "out", info)
    assert [p.name for p in paths] == ["a.png", "b-c.png", "d.png"]
    names, again = read_inputs([str(p) for p in paths], info)
    assert names == ["a", "b-c", "d"] and again.dtype == dtype and (again == raw).all()


def test_other_shapes_round_trip(tmp_path):
    info = DataInfo("x", (5, 6, 7), (0.0,), (1.0,), "float32")
    raw = RNG.random((3, 5, 6, 7), np.float32)
    (path,) = write_samples(raw, ["a", "b", "c"], tmp_path, info)
    assert path.name == "samples.npy" and (np.load(path, allow_pickle=False) == raw).all()
    rows = RNG.random((3, 2), np.float32)
    (path,) = write_samples(rows, ["a", "b", "c"], tmp_path, TABLE)
    with path.open(newline="") as file:
        assert next(csv.reader(file)) == ["a", "b"]
    assert (read_inputs([str(path)], TABLE)[1] == rows).all()
