"""The idx layout and the CIFAR-10 layout: reading, and every refusal."""

import gzip
import struct

import numpy as np
import pytest

from aegean.config import UserError
from aegean.data import DataOptions, open_data
from aegean.data.read.binary import IDX_FILES

RNG = np.random.default_rng(2)


def idx(values):
    return bytes([0, 0, 8, values.ndim]) + struct.pack(f">{values.ndim}I", *values.shape) + values.tobytes()


def idx_contents(n=40, m=8, shape=(6, 5)):
    values = [RNG.integers(0, 256, (k, *shape), np.uint8) for k in (n, m)]
    labels = [np.arange(k, dtype=np.uint8) % 3 for k in (n, m)]
    return dict(zip(IDX_FILES, (values[0], labels[0], values[1], labels[1])))


def write_idx(folder, contents, ending=""):
    folder.mkdir(exist_ok=True)
    for name, values in contents.items():
        data = values if isinstance(values, bytes) else idx(values)
        (folder / (name + ending)).write_bytes(gzip.compress(data) if ending == ".gz" else data)
    return DataOptions(str(folder))


@pytest.mark.parametrize("ending", ["", ".gz"])
@pytest.mark.parametrize("dotted", [False, True])
def test_idx(tmp_path, ending, dotted):
    contents = idx_contents()
    names = {k.replace("-idx", ".idx") if dotted else k: v for k, v in contents.items()}
    data = open_data(write_idx(tmp_path / "d", names, ending))
    images, labels, test_images, test_labels = contents.values()
    assert (data.train == images[:, None]).all() and (data.test == test_images[:, None]).all()
    assert (data.train_labels == labels).all() and (data.test_labels == test_labels).all()
    assert data.info.shape == (1, 6, 5) and data.info.classes == ("0", "1", "2")


def test_idx_size(tmp_path):
    options = write_idx(tmp_path / "d", idx_contents(shape=(28, 28))).replace(size=14)
    data = open_data(options)
    assert data.train.shape == (40, 1, 14, 14) and data.test.shape == (8, 1, 14, 14)


def bad_idx():
    good = idx_contents()
    a, b, c, d = IDX_FILES
    image_bytes = idx(good[a])
    lying = image_bytes[:4] + struct.pack(">3I", 2**31, 28, 28) + image_bytes[16:]
    yield {b: None}, "is missing"
    yield {a: image_bytes[:-1]}, "damaged|promises"
    yield {a: image_bytes + b"x"}, "more bytes follow"
    yield {a: image_bytes[:7]}, "damaged|not an idx"
    yield {a: b""}, "damaged"
    yield {a: lying}, "promises"
    yield {a: b"\0\0\x0d\x03" + image_bytes[4:]}, "unsigned bytes"
    yield {a: idx(good[a][:0])}, "no samples"
    yield {b: good[b][:-1]}, "39 labels for 40 images"
    yield {c: RNG.integers(0, 256, (8, 7, 7), np.uint8)}, "training images have"
    yield {d: np.full(8, 9, np.uint8)}, "class '9' of sample 0"
    yield {d: good[d][:-1]}, "7 labels for 8"


@pytest.mark.parametrize("ending", ["", ".gz"])
@pytest.mark.parametrize(("change", "message"), list(bad_idx()))
def test_idx_refused(tmp_path, change, message, ending):
    contents = {k: v for k, v in {**idx_contents(), **change}.items() if v is not None}
    with pytest.raises(UserError, match=message):
        open_data(write_idx(tmp_path / "d", contents, ending))


def test_truncated_gzip(tmp_path):
    options = write_idx(tmp_path / "d", idx_contents(), ".gz")
    file = tmp_path / "d" / (IDX_FILES[0] + ".gz")
    file.write_bytes(file.read_bytes()[:-100])
    with pytest.raises(UserError, match=r"train-images-idx3-ubyte\.gz is damaged or truncated"):
        open_data(options)
    file.write_bytes(b"no gzip at all")
    with pytest.raises(UserError, match="damaged"):
        open_data(options)


def records(n):
    return np.concatenate([np.arange(n)[:, None] % 10, RNG.integers(0, 256, (n, 3072))], axis=1).astype(np.uint8)


def write_cifar(folder, names="airplane automobile bird cat deer dog frog horse ship truck", test=True):
    folder.mkdir()
    batches = [records(20), records(10)]
    for i, batch in enumerate(batches, 1):
        batch.tofile(folder / f"data_batch_{i}.bin")
    if test:
        records(5).tofile(folder / "test_batch.bin")
    if names:
        (folder / "batches.meta.txt").write_text("\n".join(names.split()) + "\n\n")
    return np.concatenate(batches)


def test_cifar(tmp_path):
    all_records = write_cifar(tmp_path / "c")
    data = open_data(DataOptions(str(tmp_path / "c")))
    assert (data.train.reshape(30, -1) == all_records[:, 1:]).all() and data.info.shape == (3, 32, 32)
    assert (data.train_labels == all_records[:, 0]).all() and data.info.classes[9] == "truck"
    assert data.info.test_count == 5


def test_cifar_without_names_or_test(tmp_path):
    write_cifar(tmp_path / "c", names="", test=False)
    data = open_data(DataOptions(str(tmp_path / "c")))
    assert data.info.classes == tuple("0123456789") and data.info.test_count == 3


def test_cifar_refused(tmp_path):
    write_cifar(tmp_path / "c", names="a b c")
    with pytest.raises(UserError, match="label 3, but there are 3 classes"):
        open_data(DataOptions(str(tmp_path / "c")))
    for content in (b"", b"x" * 3072, b"\x0b" * 3073):
        (tmp_path / "c" / "batches.meta.txt").unlink(missing_ok=True)
        (tmp_path / "c" / "data_batch_2.bin").write_bytes(content)
        with pytest.raises(UserError, match=r"truncated|label 11"):
            open_data(DataOptions(str(tmp_path / "c")))
