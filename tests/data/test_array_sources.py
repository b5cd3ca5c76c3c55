"""Arrays: axis order, ranges, labels, and every refusal."""

import io
import os
import struct
import zipfile

import numpy as np
import pytest
from notes import heard

from aegean.config import UserError
from aegean.data import DataInfo, DataOptions, open_data, read_inputs

RNG = np.random.default_rng(0)


def opened(tmp_path, *, said=None, name="a.npz", options=None, **arrays):
    path = tmp_path / name
    if path.suffix == ".npy":
        np.save(path, arrays["x"])
    else:
        np.savez(path, **arrays)
    notes = said if said is not None else []
    return heard(notes, open_data, DataOptions(str(path), **(options or {})))


def whole(data):
    return np.concatenate([data.train, data.test])


def images(*shape, dtype=np.uint8):
    return RNG.integers(0, np.iinfo(dtype).max, shape, dtype, endpoint=True)


@pytest.mark.parametrize(
    ("shape", "axes", "expected"),
    [
        ((30, 3, 9, 7), "", (3, 9, 7)),
        ((30, 9, 7, 3), "", (3, 9, 7)),
        ((30, 9, 7, 1), "", (1, 9, 7)),
        ((30, 9, 7), "", (1, 9, 7)),
        ((30, 5), "", (5,)),
        ((30, 6, 9, 7), "nchw", (6, 9, 7)),
        ((30, 9, 7, 6), "nhwc", (6, 9, 7)),
        ((30, 4, 9, 4), "nhwc", (4, 4, 9)),
    ],
)
@pytest.mark.parametrize("name", ["a.npy", "a.npz"])
def test_axes(tmp_path, shape, axes, expected, name):
    x = images(*shape)
    data = opened(tmp_path, x=x, name=name, options={"axes": axes})
    assert data.info.shape == expected
    ordered = np.moveaxis(x, -1, 1) if expected == (shape[-1], *shape[1:-1]) and len(shape) == 4 else x
    assert {v.tobytes() for v in ordered} == {v.tobytes() for v in whole(data)}


@pytest.mark.parametrize("shape", [(30, 8, 8, 8), (30, 3, 8, 3)])
def test_ambiguous_axes(tmp_path, shape):
    with pytest.raises(UserError, match=r"axes=nchw .* or axes=nhwc"):
        opened(tmp_path, x=images(*shape))


@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("name", ["a.npy", "a.npz"])
def test_memory_order_and_byte_order(tmp_path, order, name):
    x = np.asarray(RNG.random((30, 5, 6)), ">f4", order=order)
    data = opened(tmp_path, x=x, name=name)
    assert {v.tobytes() for v in x.astype("<f4")[:, None]} == {v.tobytes() for v in whole(data)}


@pytest.mark.parametrize(
    ("values", "offset", "scale"),
    [
        (RNG.random((30, 4)), 0.5, 0.5),
        (RNG.random((30, 4)) * 2 - 1, 0.0, 1.0),
        (RNG.random((30, 4)).astype(np.float16), 0.5, 0.5),
        (RNG.random((30, 6)) > 0.5, 0.5, 0.5),
    ],
)
def test_float_ranges(tmp_path, values, offset, scale):
    said = []
    data = opened(tmp_path, x=values, said=said)
    assert data.info.offset == (offset,) and data.info.scale == (scale,) and data.info.dtype == "float32"
    assert any("taken as lying in" in text for text in said)


def test_range_over_both_parts(tmp_path):
    data = opened(tmp_path, x=RNG.random((30, 4)), x_test=-RNG.random((5, 4)))
    assert data.info.offset == (0.0,) and data.info.scale == (1.0,) and data.info.test_count == 5


def test_other_ranges(tmp_path):
    with pytest.raises(UserError, match=r"values from .* to .*range"):
        opened(tmp_path, x=RNG.normal(size=(30, 4)) * 10)
    data = opened(tmp_path, x=RNG.random((30, 4)) * 10, options={"range": (0.0, 10.0)})
    assert data.info.offset == (5.0,) and data.info.scale == (5.0,)
    with pytest.raises(UserError, match="leave the range 0 to 1"):
        opened(tmp_path, x=RNG.random((30, 4)) * 10, options={"range": (0.0, 1.0)})


@pytest.mark.parametrize("dtype", ["int8", "int32", "int64", "uint32"])
def test_other_integers(tmp_path, dtype):
    x = RNG.integers(0, 50, (30, 6)).astype(dtype)
    with pytest.raises(UserError, match="range"):
        opened(tmp_path, x=x)
    data = opened(tmp_path, x=x, options={"range": (0.0, 50.0)})
    assert data.info.dtype == "float32" and data.info.scale == (25.0,)


def test_uint16(tmp_path):
    data = opened(tmp_path, x=images(30, 5, 5, dtype=np.uint16))
    assert data.info.dtype == "uint16" and data.info.offset == (32767.5,)


def test_size_and_channels(tmp_path):
    said = []
    data = opened(tmp_path, x=images(30, 3, 12, 16), options={"size": 6, "channels": 3}, said=said)
    assert data.info.shape == (3, 6, 6) and any("scaled" in text for text in said)
    flat = np.full((30, 8, 8), 200, np.uint16)
    flat[np.arange(30), 0, 0] = np.arange(30)
    assert (opened(tmp_path, x=flat, options={"size": 4}).train[:, :, 2:, 2:] == 200).all()
    with pytest.raises(UserError, match="3 channels where 1"):
        opened(tmp_path, x=images(30, 3, 12, 16), options={"channels": 1})


def test_scaled_floats_keep_their_range(tmp_path):
    x = (RNG.random((30, 9, 9)) > 0.5).astype(np.float32)
    data = opened(tmp_path, x=x, options={"size": 17})
    assert data.info.offset == (0.5,) and whole(data).min() >= 0 and whole(data).max() <= 1


@pytest.mark.parametrize(
    ("y", "classes"),
    [
        (np.resize([10, 9, 2], 30), ("2", "9", "10")),
        (np.resize(["b", "a"], 30), ("a", "b")),
        (np.resize([b"b", b"a"], 30), ("a", "b")),
        (np.resize([True, False], 30), ("0", "1")),
        (np.resize(np.array([3, 7], np.uint8), 30), ("3", "7")),
    ],
)
def test_labels(tmp_path, y, classes):
    data = opened(tmp_path, x=RNG.random((30, 4)), y=y)
    assert data.info.classes == classes
    assert sum(data.info.class_counts) == data.info.count == 27


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"x": RNG.random((30, 4)), "y": np.arange(29)}, r"labels of shape \(29,\) for 30"),
        ({"x": RNG.random((30, 4)), "y": np.eye(30)}, "labels of shape"),
        ({"x": RNG.random((30, 4)), "y": RNG.random(30)}, "labels of type float64"),
        ({"x": RNG.random((30, 4)), "x_test": RNG.random((5, 3))}, "both parts must agree"),
        ({"x": RNG.random((30, 4)), "x_test": images(5, 4)}, "both parts must agree"),
        ({"x": RNG.random((30, 4)), "x_test": RNG.random((5, 4)), "y": np.arange(30)}, "y and y_test"),
        ({"x": RNG.random((30, 4)), "x_test": RNG.random((5, 4)), "y_test": np.arange(5)}, "y and y_test"),
        ({"x": RNG.random((30, 4)), "x_test": RNG.random((5, 4)), "y": np.arange(30), "y_test": np.arange(5) + 28},
         "class '30' of sample 2"),
        ({"x": RNG.random((30, 4)), "x_test": RNG.random((1, 4)), "y": np.arange(30), "y_test": np.array(["a"])},
         "same type"),
        ({"x": RNG.random((30, 4)), "x_test": RNG.random((0, 4))}, "empty"),
        ({"images": RNG.random((30, 4))}, "no array named 'x'.*images"),
        ({"x": RNG.random(30)}, "1 dimensions"),
        ({"x": RNG.random((30, 1, 4, 4, 4))}, "5 dimensions"),
        ({"x": np.zeros((0, 4))}, "empty"),
        ({"x": RNG.random((30, 4)) + 1j}, "complex128"),
        ({"x": np.full((30, 4), "a")}, "real numbers"),
        ({"x": np.zeros((30, 4), "M8[s]")}, "real numbers"),
        ({"x": np.zeros((30, 4), [("a", "f4")])}, "real numbers"),
        ({"x": np.full((30, 4), None)}, "Python objects"),
        ({"x": RNG.random((30, 4)), "y": np.full(30, 2**64 - 1, np.uint64)}, "too large"),
        ({"x": np.full((30, 4), 1e300), "y": np.arange(30)}, "sample 0 holds NaN or infinite"),
    ],
)  # fmt: skip
def test_refused(tmp_path, arrays, message):
    with pytest.raises(UserError, match=message):
        opened(tmp_path, **arrays)


@pytest.mark.parametrize(
    ("x", "message"),
    [(np.zeros((0, 4)), "a.npy"), (np.full((30, 4), None), "Python objects"), (np.float32(3), "0 dimensions")],
)
def test_refused_npy(tmp_path, x, message):
    with pytest.raises(UserError, match=message):
        opened(tmp_path, x=x, name="a.npy")


def test_nan_is_named_by_row(tmp_path):
    x = RNG.random((30, 4))
    x[17, 2] = np.nan
    with pytest.raises(UserError, match="sample 17 holds NaN"):
        opened(tmp_path, x=x)


def test_truncated(tmp_path):
    for name in ("a.npy", "a.npz"):
        opened(tmp_path, x=RNG.random((30, 4)), name=name)
        (tmp_path / name).write_bytes((tmp_path / name).read_bytes()[:-200])
        with pytest.raises(UserError, match=name):
            open_data(DataOptions(str(tmp_path / name)))


def test_a_header_that_lies_allocates_nothing(tmp_path):
    header = b"{'descr': '|u1', 'fortran_order': False, 'shape': (1000000000000, 64), }".ljust(117) + b"\n"
    npy = b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header + bytes(100)
    (tmp_path / "a.npy").write_bytes(npy)
    with zipfile.ZipFile(tmp_path / "a.npz", "w") as archive:
        archive.writestr("x.npy", npy)
    for name in ("a.npy", "a.npz"):
        with pytest.raises(UserError, match=name):
            open_data(DataOptions(str(tmp_path / name)))


def test_more_classes_than_can_be(tmp_path):
    with pytest.raises(UserError, match="11000 different values"):
        opened(tmp_path, x=images(11000, 2), y=np.arange(11000))


def test_pickle_is_never_loaded(tmp_path):
    buffer = io.BytesIO()
    np.save(buffer, np.array([{"a": 1}] * 30), allow_pickle=True)
    (tmp_path / "a.npy").write_bytes(buffer.getvalue())
    with pytest.raises(UserError, match="objects"):
        open_data(DataOptions(str(tmp_path / "a.npy")))


@pytest.mark.parametrize("stamps", [np.arange(1.7e9, 1.7e9 + 30), np.arange(30) + 17 * 10**8])
def test_time_stamps_are_not_narrowed(tmp_path, stamps):
    x = np.stack([stamps, stamps], 1)
    data = opened(tmp_path, x=x, name="a.npy", options={"range": (1.7e9, 1.8e9)})
    assert len({*data.train[:, 0].tolist(), *data.test[:, 0].tolist()}) == 30


def test_a_second_array_in_a_file_is_not_dropped(tmp_path):
    with (tmp_path / "a.npy").open("wb") as file:
        np.save(file, RNG.random((30, 4)))
        np.save(file, RNG.random((30, 4)))
    with pytest.raises(UserError, match="follow its array"):
        open_data(DataOptions(str(tmp_path / "a.npy")))
    with zipfile.ZipFile(tmp_path / "a.npz", "w") as archive:
        archive.write(tmp_path / "a.npy", "x.npy")
        archive.write(tmp_path / "a.npy", "x")
    with pytest.raises(UserError, match="two arrays of one name"):
        open_data(DataOptions(str(tmp_path / "a.npz")))


def test_labels_without_their_samples_are_spoken_of(tmp_path):
    said = []
    opened(tmp_path, said=said, x=RNG.random((30, 4)), y_test=np.arange(3))
    assert any("y_test" in note for note in said)


@pytest.mark.parametrize(("shape", "words"), [((32, 30, 4), "32 images of 1 channels"), ((32, 30), "32 rows of 30")])
def test_how_an_array_is_read_is_said(tmp_path, shape, words):
    said = []
    opened(tmp_path, said=said, x=RNG.integers(0, 256, shape).astype(np.uint8), name="a.npy")
    assert any(words in note for note in said)


@pytest.mark.parametrize("name", ["a.npy", "a.npz", "a.csv", "a.png", "a.zip"])
def test_a_pipe_is_not_opened(tmp_path, name):
    os.mkfifo(tmp_path / name)
    info = DataInfo("m", (1, 8, 8), (127.5,), (127.5,))
    with pytest.raises(UserError, match="is not a file"):
        read_inputs([str(tmp_path / name)], info)
