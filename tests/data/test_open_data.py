"""Packing: splits, reuse, repacking, limits of the disk, and what is refused of the options."""

import errno
import hashlib
import json
import os
import subprocess
import sys
import threading
from collections import namedtuple
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from notes import heard

from aegean.config import UserError, from_json, to_json
from aegean.data import DataInfo, DataOptions, open_data
from aegean.data.kinds import inside
from aegean.data.read.files import Files
from aegean.data.sets import opening
from aegean.data.sets.pack import FORMAT
from aegean.data.sets.split import held_out
from aegean.machine import cache_folder


@pytest.fixture
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("AEGEAN_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def save_images(path, n=40, seed=0, shape=(8, 8)):
    values = np.random.default_rng(seed).integers(0, 256, (n, *shape), np.uint8)
    np.save(path, values)
    return values


def hashes(values):
    return [hashlib.sha256(np.ascontiguousarray(v).data).digest() for v in values]


def test_digits():
    data = open_data(DataOptions("digits"))
    assert data.train.shape == (1400, 1, 8, 8) and data.test.shape == (397, 1, 8, 8)
    assert data.info.classes == tuple("0123456789") and sum(data.info.class_counts) == 1400
    assert data.train.min() == 0 and data.train.max() == 255 and data.train.dtype == np.uint8
    assert max(hashes(data.test)) < min(hashes(data.train))
    assert data.train_labels.dtype == np.int64 and len(data.test_labels) == 397


@pytest.mark.parametrize(("name", "modes", "reach"), [("grid", 25, 5), ("ring", 8, 1.5)])
def test_mixtures(name, modes, reach):
    data = open_data(DataOptions(name))
    assert data.train.shape == (100_000, 2) and data.test.shape == (10_000, 2) and data.train.dtype == np.float32
    assert len(data.info.classes) == modes and data.info.columns == ("x", "y")
    assert data.info.offset == (0.0,) and data.info.scale == (reach,)
    centres = np.stack([data.train[data.train_labels == k].mean(0) for k in range(modes)])
    spread = np.std(data.train - centres[data.train_labels])
    expected = {"grid": 0.05, "ring": 0.01}[name]
    assert abs(spread - expected) < 0.02 * expected
    if name == "ring":
        assert np.allclose(np.linalg.norm(centres, axis=1), 1, atol=1e-3)
    else:
        assert {tuple(c) for c in centres.round(1)} == {(a, b) for a in range(-4, 5, 2) for b in range(-4, 5, 2)}


def test_info_survives_json():
    info = open_data(DataOptions("digits")).info
    assert from_json(json.loads(json.dumps(to_json(info)))) == info
    options = DataOptions("digits", range=(0.0, 255.0))
    assert from_json(json.loads(json.dumps(to_json(options)))) == options


def test_only_pictures_have_ends_of_a_range():
    x = torch.tensor([[-1.0, 0.0, 1.0, 1.5]])
    picture, table = (DataInfo("t", shape, (0.0,), (1.0,)) for shape in ((1, 1, 4), (4,)))
    assert inside(picture, x.view(1, 1, 1, 4)).flatten().tolist() == [False, True, False, False]
    assert inside(table, x).all()


@pytest.mark.parametrize("dtype", ["uint8", "uint16"])
def test_restore_inverts_normalise(dtype):
    top = np.iinfo(dtype).max
    info = DataInfo("x", (1, 1, top + 1), (top / 2,), (top / 2,), dtype)
    raw = np.arange(top + 1, dtype=dtype).reshape(1, 1, 1, -1)
    x = info.normalise(raw)
    assert x.min() == -1 and x.max() == 1
    assert (info.restore(x) == raw).all()


def test_split_is_by_content(tmp_path, cache):
    values = save_images(tmp_path / "a.npy", 45)
    data = open_data(DataOptions(str(tmp_path / "a.npy")))
    assert data.info.count == 40 and data.info.test_count == 5
    smallest = sorted(hashes(values[:, None]))[:5]
    assert sorted(hashes(data.test)) == smallest
    kept = [v for v, h in zip(values[:, None], hashes(values[:, None])) if h not in smallest]
    assert (data.train == np.stack(kept)).all()
    np.save(tmp_path / "b.npy", values[::-1])  # another order, the same parts
    other = open_data(DataOptions(str(tmp_path / "b.npy")))
    assert sorted(hashes(other.test)) == smallest


def test_pack_is_read_only_and_warns_of_nothing(tmp_path, cache):
    np.save(tmp_path / "v.npy", np.random.default_rng(0).random((30, 3), np.float32))
    data = open_data(DataOptions(str(tmp_path / "v.npy")))
    assert not data.train.flags.writeable
    assert isinstance(data.info.normalise(data.train[:4]), torch.Tensor)


@given(st.lists(st.integers(0, 8), min_size=20, max_size=80))
def test_split_properties(contents):
    keys = [bytes([c]) for c in contents]
    count = -(-len(keys) // 10)
    if len(set(keys)) == 1:
        with pytest.raises(UserError, match="equal"):
            held_out(keys, count, "x")
        return
    mask = held_out(keys, count, "x")
    inside, outside = ({k for k, m in zip(keys, mask) if m is np.bool_(side)} for side in (True, False))
    assert inside and outside and not inside & outside
    assert mask.sum() < 2 * count or len(inside) == 1


@given(st.integers(20, 300))
def test_split_of_different_samples_is_a_tenth(n):
    keys = [hashlib.sha256(bytes([i % 256, i // 256])).digest() for i in range(n)]
    mask = held_out(keys, -(-n // 10), "x")
    assert mask.sum() == -(-n // 10)
    assert max(k for k, m in zip(keys, mask) if m) < min(k for k, m in zip(keys, mask) if not m)


def test_reuse(tmp_path, cache, monkeypatch):
    path = tmp_path / "a.npy"
    values = save_images(path)
    options = DataOptions(str(path))
    first = open_data(options)
    stored = (first.folder / "pack.json").read_text()
    assert json.loads(stored)["format"] == FORMAT and str(path) in json.loads(stored)["sha256"]
    assert first.folder.is_relative_to(cache) and sorted(p.name for p in tmp_path.iterdir()) == ["a.npy", "cache"]

    def never(*_):
        raise AssertionError("packed again")

    with monkeypatch.context() as patch:
        patch.setattr(opening, "_pack", never)
        with patch.context() as inner:
            inner.setattr(Files, "fingerprint", never)  # an unchanged listing is enough
            assert open_data(options).folder == first.folder
        os.utime(path, (1, 1))  # touched, content the same
        assert open_data(options).folder == first.folder
        assert (first.folder / "pack.json").read_text() != stored
        patch.setattr(Files, "fingerprint", never)  # the listing was refreshed
        assert open_data(options).info == first.info

    values[0, 0, 0] ^= 255
    np.save(path, values)
    said = []
    changed = heard(said, open_data, options)
    assert any("changed" in text for text in said)
    assert changed.folder != first.folder and changed.info.fingerprint != first.info.fingerprint
    assert (first.folder / "train.npy").exists()


def test_options_make_packs_of_their_own(tmp_path, cache):
    save_images(tmp_path / "a.npy")
    spec = str(tmp_path / "a.npy")
    folders = {open_data(o).folder for o in (DataOptions(spec), DataOptions(spec, size=4))}
    ranged = open_data(DataOptions(spec, range=(0.0, 300.0)))
    assert len(folders | {ranged.folder}) == 3
    assert ranged.info.offset == (150.0,)


@pytest.mark.parametrize("damage", ["json", "train", "labels", "format", "gone"])
def test_damaged_pack_is_packed_anew(tmp_path, cache, damage):
    x = np.random.default_rng(0).random((30, 3), np.float32)
    np.savez(tmp_path / "a.npz", x=x, y=np.arange(30) % 3)
    options = DataOptions(str(tmp_path / "a.npz"))
    first = open_data(options)
    train = np.array(first.train)
    if damage == "json":
        (first.folder / "pack.json").write_text("{")
    elif damage == "format":
        stored = json.loads((first.folder / "pack.json").read_text())
        (first.folder / "pack.json").write_text(json.dumps({**stored, "format": 99}))
    elif damage == "gone":
        (first.folder / "test.npy").unlink()
    else:
        file = first.folder / {"train": "train.npy", "labels": "test-labels.npy"}[damage]
        file.write_bytes(file.read_bytes()[:-3])
    again = open_data(options)
    assert again.info == first.info and (again.train == train).all()
    assert [p.name for p in (cache / "packs").iterdir()] == [first.folder.name]


def test_notes_are_said_again(tmp_path, cache):
    np.save(tmp_path / "a.npy", np.random.default_rng(0).random((30, 5, 5), np.float32))
    first, second = [], []
    heard(first, open_data, DataOptions(str(tmp_path / "a.npy")))
    heard(second, open_data, DataOptions(str(tmp_path / "a.npy")))
    assert any("[0, 1]" in text for text in first) and any("[0, 1]" in text for text in second)


def test_two_at_once(tmp_path, cache):
    save_images(tmp_path / "a.npy", 400)
    found, barrier = [], threading.Barrier(4)

    def work():
        barrier.wait()
        found.append(open_data(DataOptions(str(tmp_path / "a.npy"))))

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 4 and len({data.folder for data in found}) == 1
    assert all((data.train == found[0].train).all() for data in found)
    assert len(list((cache / "packs").iterdir())) == 1


@pytest.mark.slow
def test_two_processes(tmp_path, cache):
    save_images(tmp_path / "a.npy", 2000)
    line = f"from aegean.data import *; print(open_data(DataOptions({str(tmp_path / 'a.npy')!r})).info.fingerprint)"
    runs = [subprocess.Popen([sys.executable, "-c", line], stdout=subprocess.PIPE) for _ in range(2)]
    prints = {run.communicate()[0] for run in runs}
    assert len(prints) == 1 and len(list((cache / "packs").iterdir())) == 1


def test_no_space_before(tmp_path, cache, monkeypatch):
    save_images(tmp_path / "a.npy")
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(opening.shutil, "disk_usage", lambda _: usage(10, 10, 0))
    with pytest.raises(UserError, match=r"needs \d{4,} bytes.*AEGEAN_CACHE"):
        open_data(DataOptions(str(tmp_path / "a.npy")))
    assert not list((cache / "packs").iterdir())


def test_no_space_on_the_way(tmp_path, cache, monkeypatch):
    save_images(tmp_path / "a.npy")

    def full(folder, *_):
        (folder / "train.npy").write_bytes(b"half")
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(opening, "write_pack", full)
    with pytest.raises(UserError, match=r"No space left.*AEGEAN_CACHE"):
        open_data(DataOptions(str(tmp_path / "a.npy")))
    assert not list((cache / "packs").iterdir())


def test_cache_that_cannot_be_made(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("x")
    monkeypatch.setenv("AEGEAN_CACHE", str(tmp_path / "file" / "below"))
    with pytest.raises(UserError, match="AEGEAN_CACHE"):
        open_data(DataOptions("digits"))


def test_cache_folder():
    assert cache_folder({"AEGEAN_CACHE": "/a", "XDG_CACHE_HOME": "/b"}) == Path("/a")
    assert cache_folder({"XDG_CACHE_HOME": "/b"}, "linux") == Path("/b/aegean")
    assert cache_folder({}, "linux") == Path.home() / ".cache" / "aegean"
    assert cache_folder({}, "darwin") == Path.home() / "Library" / "Caches" / "aegean"
    assert cache_folder({"LOCALAPPDATA": "/c"}, "win32") == Path("/c/aegean/cache")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (DataOptions("digits", size=2), "size=2"),
        (DataOptions("digits", size=-8), "size=-8"),
        (DataOptions("digits", channels=-1), "channels="),
        (DataOptions("digits", channels=3), "1 channels where 3"),
        (DataOptions("digits", axes="hwcn"), "axes="),
        (DataOptions("digits", range=(1.0, 0.0)), "range="),
        (DataOptions("digits", range=(0.0, float("nan"))), "range="),
        (DataOptions("digits", range=(0.0, 100.0)), "from 0 to 255 leave the range 0 to 100"),
        (DataOptions("grid", size=8), "rows, which have no size"),
        (DataOptions("digit"), "digits"),
        (DataOptions(""), "names no data"),
        (DataOptions("a\0b"), "names no data"),
        (DataOptions("x" * 5000), "cannot be read|no data"),
        (DataOptions("digits", test="grid"), "one shape"),
    ],
)
def test_refused(options, message):
    with pytest.raises(UserError, match=message):
        open_data(options)


def test_missing_path_offers_names_beside_it(tmp_path):
    (tmp_path / "flowers").mkdir()
    with pytest.raises(UserError, match="Did you mean flowers"):
        open_data(DataOptions(str(tmp_path / "flower")))


def test_test_part_from_elsewhere(tmp_path, cache):
    rng = np.random.default_rng(0)
    for name, n, classes in (("a", 30, ["cat", "dog"]), ("b", 7, ["dog"]), ("c", 7, ["eel"])):
        x = rng.integers(0, 256, (n, 6, 6), np.uint8)
        np.savez(tmp_path / f"{name}.npz", x=x, y=np.resize(classes, n))
    np.save(tmp_path / "d.npy", rng.integers(0, 256, (7, 6, 6), np.uint8))
    np.save(tmp_path / "e.npy", rng.integers(0, 256, (7, 5, 5), np.uint8))
    spec = str(tmp_path / "a.npz")
    data = open_data(DataOptions(spec, test=str(tmp_path / "b.npz")))
    assert data.info.count == 30 and data.info.test_count == 7 and set(data.test_labels) == {1}
    for other, message in (("c.npz", "'eel'"), ("d.npy", "no classes"), ("e.npy", "one shape")):
        with pytest.raises(UserError, match=message):
            open_data(DataOptions(spec, test=str(tmp_path / other)))
    unlabelled = open_data(DataOptions(str(tmp_path / "d.npy").replace("d.npy", "a.npz"), test=spec))
    assert unlabelled.info.test_count == 30
    said = []
    heard(said, open_data, DataOptions(spec, test=spec))
    assert any("30 of the 30 test samples occur in the training part" in text for text in said)


def test_labels_of_a_test_part_are_dropped_without_training_labels(tmp_path, cache):
    x = np.random.default_rng(0).integers(0, 256, (30, 6, 6), np.uint8)
    np.save(tmp_path / "a.npy", x)
    np.savez(tmp_path / "b.npz", x=x[::2], y=np.arange(15))
    data = open_data(DataOptions(str(tmp_path / "a.npy"), test=str(tmp_path / "b.npz")))
    assert data.train_labels is None and data.test_labels is None and data.info.classes == ()


@settings(deadline=None, max_examples=20)
@given(st.integers(20, 60), st.sampled_from(["uint8", "uint16", "float32"]), st.integers(0, 9))
def test_nothing_is_lost(tmp_path_factory, n, dtype, seed):
    folder = tmp_path_factory.mktemp("any")
    values = np.random.default_rng(seed).random((n, 3))
    values = values.astype(dtype) if dtype == "float32" else (values * 255).astype(dtype)
    values[n // 2] = values[0]  # a duplicate
    np.savez(folder / "a.npz", x=values, y=np.arange(n) % 4)
    data = open_data(DataOptions(str(folder / "a.npz")))
    rows = np.concatenate([data.train, data.test])
    labels = np.concatenate([data.train_labels, data.test_labels])
    found = sorted((tuple(row), int(y)) for row, y in zip(rows.tolist(), labels))
    assert found == sorted((tuple(row), i % 4) for i, row in enumerate(values.tolist()))
    assert not set(hashes(data.train)) & set(hashes(data.test))


def test_too_few_and_all_equal(tmp_path, cache):
    save_images(tmp_path / "few.npy", 19)
    with pytest.raises(UserError, match="19 samples; at least 20"):
        open_data(DataOptions(str(tmp_path / "few.npy")))
    np.save(tmp_path / "same.npy", np.zeros((30, 8, 8), np.uint8))
    with pytest.raises(UserError, match="equal"):
        open_data(DataOptions(str(tmp_path / "same.npy")))
    np.save(tmp_path / "small.npy", np.zeros((30, 3, 8), np.uint8))
    with pytest.raises(UserError, match="at least 4x4"):
        open_data(DataOptions(str(tmp_path / "small.npy")))


def test_flat_areas_tell_drawings_from_photographs(tmp_path, cache):
    noise = np.random.default_rng(0).integers(0, 256, (40, 3, 8, 8), dtype=np.uint8)
    drawn = noise.copy()
    drawn[..., :6] = 255  # five of seven neighbours are equal
    for name, pixels in (("noise", noise), ("drawn", drawn)):
        np.save(tmp_path / f"{name}.npy", pixels)
    photograph, drawing = (open_data(DataOptions(str(tmp_path / f"{name}.npy"))).info for name in ("noise", "drawn"))
    assert photograph.flat < 0.01 and photograph.textured
    assert drawing.flat == pytest.approx(5 / 7, abs=0.01) and not drawing.textured
    np.save(tmp_path / "rows.npy", np.linspace(0, 1, 120, dtype=np.float32).reshape(40, 3))
    assert not open_data(DataOptions(str(tmp_path / "rows.npy"))).info.textured  # nothing but images has pixels
