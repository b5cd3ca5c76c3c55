"""Data sets read with the library `datasets`, made here on the spot: no network."""

import builtins

import numpy as np
import pytest
from notes import heard

from aegean.config import UserError
from aegean.data import DataOptions, open_data
from aegean.data.read.hub import Hub
from aegean.data.read.lazy import LazyPictures
from aegean.data.sets import feed as loader
from aegean.data.sets.opening import settled

datasets = pytest.importorskip("datasets", reason="datasets is not installed: pip install 'aegean[data]'")


@pytest.fixture(autouse=True)
def places(tmp_path, monkeypatch):
    monkeypatch.setenv("AEGEAN_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", str(tmp_path / "hub"))
    monkeypatch.setattr(datasets.config, "HF_HUB_OFFLINE", True)
    datasets.disable_progress_bars()


def values(n, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (n, 8, 8, 3), np.uint8)


def table(pixels, labels=None, **columns):
    """A table of pictures, with names "even" and "odd" for the labels 0 and 1."""
    from PIL import Image

    content = {"picture": [Image.fromarray(v) for v in pixels], **{k: v[0] for k, v in columns.items()}}
    features = {"picture": datasets.Image(), **{k: v[1] for k, v in columns.items()}}
    if labels is not None:
        content["kind"], features["kind"] = labels, datasets.ClassLabel(names=["even", "odd"])
    return datasets.Dataset.from_dict(content, datasets.Features(features))


def opened(spec, said=None, **options):
    return heard([] if said is None else said, open_data, DataOptions(spec, **options))


def raw(pixels):
    return sorted(v.tobytes() for v in pixels.transpose(0, 3, 1, 2))


@pytest.mark.parametrize("limit", [0, 1 << 30])
def test_train_and_test_splits_with_classes(tmp_path, monkeypatch, limit):
    monkeypatch.setattr(loader, "RESIDENT_LIMIT", limit)
    x, y = values(30), values(10, seed=1)
    splits = {"train": table(x, [i % 2 for i in range(30)]), "test": table(y, [0] * 10)}
    datasets.DatasetDict(splits).save_to_disk(tmp_path / "set")
    data = opened(f"hub:{tmp_path / 'set'}")
    assert isinstance(data.train, LazyPictures) == (limit == 0)
    assert data.info.name == "set" and data.info.classes == ("even", "odd") and data.info.class_counts == (15, 15)
    assert (data.train[:] == x.transpose(0, 3, 1, 2)).all() and (data.test[:] == y.transpose(0, 3, 1, 2)).all()
    assert data.train_labels.tolist() == [0, 1] * 15 and data.test_labels.tolist() == [0] * 10
    assert opened(f"hub:{tmp_path / 'set'}").folder == data.folder


def test_one_split_of_several_and_another_as_the_test_part(tmp_path, monkeypatch):
    monkeypatch.setattr(loader, "RESIDENT_LIMIT", 0)
    x, y = values(30), values(30, seed=1)
    datasets.DatasetDict({"train": table(x), "validation": table(y)}).save_to_disk(tmp_path / "set")
    spec = f"hub:{tmp_path / 'set'}"
    one, other = opened(spec), opened(f"{spec}:validation")
    assert raw(np.concatenate([one.train[:], one.test[:]]).transpose(0, 2, 3, 1)) == raw(x)
    assert raw(np.concatenate([other.train[:], other.test[:]]).transpose(0, 2, 3, 1)) == raw(y)
    assert (one.info.count, one.info.test_count) == (27, 3) and one.info.fingerprint != other.info.fingerprint
    both = opened(f"{spec}:train", test=f"{spec}:validation")
    assert both.info.count == 30 and (both.test[:] == y.transpose(0, 3, 1, 2)).all()
    with pytest.raises(UserError, match=r"no split 'trian'.*Did you mean train"):
        opened(f"{spec}:trian")


def test_a_single_table_and_a_changed_one(tmp_path):
    table(values(30)).save_to_disk(tmp_path / "set")
    first = opened(f"hub:{tmp_path / 'set'}")
    table(values(30, seed=1)).save_to_disk(tmp_path / "set")
    said = []
    second = opened(f"hub:{tmp_path / 'set'}", said)
    assert first.info.fingerprint != second.info.fingerprint and any("changed since" in text for text in said)


def test_a_folder_in_a_layout_of_the_library(tmp_path, monkeypatch):
    from PIL import Image

    monkeypatch.setattr(loader, "RESIDENT_LIMIT", 0)
    for i, v in enumerate(values(30)):
        folder = tmp_path / "set" / "train" / ("cat" if i % 2 else "dog")
        folder.mkdir(parents=True, exist_ok=True)
        Image.fromarray(v).save(folder / f"{i}.png")
    data = opened(f"hub:{tmp_path / 'set'}")
    assert data.info.classes == ("cat", "dog") and raw(
        np.concatenate([data.train[:], data.test[:]]).transpose(0, 2, 3, 1)
    ) == raw(values(30))
    gone = sorted((tmp_path / "set" / "train" / "cat").iterdir())
    for file in gone:
        file.unlink()
    with pytest.raises(UserError, match=r"\.png cannot be read.*Restore"):
        data.train[:]


def test_classes_that_are_kept_secret_or_ambiguous(tmp_path):
    fine = ([i % 3 for i in range(30)], datasets.ClassLabel(names=["a", "b", "c"]))
    splits = {"train": table(values(30), [0, 1] * 15, fine=fine), "test": table(values(9, seed=1), [-1] * 9)}
    datasets.DatasetDict(splits).save_to_disk(tmp_path / "set")
    said = []
    data = opened(f"hub:{tmp_path / 'set'}", said)
    assert data.info.classes == ("a", "b", "c") and (data.info.count, data.info.test_count) == (27, 3)
    assert any("of the columns fine, kind, 'fine' gives the classes" in text for text in said)
    assert any("not every image of 'test' has a class" in text for text in said)
    assert any("'test' lacks the classes" in text for text in said)


def test_what_cannot_be_used_is_refused(tmp_path, monkeypatch):
    datasets.Dataset.from_dict({"x": [1.0] * 30}).save_to_disk(tmp_path / "numbers")
    with pytest.raises(UserError, match="no column of images"):
        opened(f"hub:{tmp_path / 'numbers'}")
    two = table(values(30), more=(table(values(30))["picture"][:], datasets.Image()))
    two.save_to_disk(tmp_path / "two")
    with pytest.raises(UserError, match="the columns of images picture, more"):
        opened(f"hub:{tmp_path / 'two'}")
    with pytest.raises(UserError, match=r"hub:no/such-set cannot be loaded \("):
        opened("hub:no/such-set")
    for spec in ("hub:", "hub::", "hub:a\0b"):
        with pytest.raises(UserError, match="names no data set"):
            opened(spec)

    found = builtins.__import__

    def without(name, *more):
        if name == "datasets":
            raise ImportError(name)
        return found(name, *more)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(UserError, match=r"pip install 'aegean\[data\]'"):
        opened(f"hub:{tmp_path / 'numbers'}")


def test_addresses(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "faces").mkdir()
    one, other = Hub("hub:org/name:train"), Hub("hub:name")
    assert (one.repository, one.split, one.name) == ("org/name", "train", "name")
    assert (other.repository, other.split, other.files) == ("name", "", None)
    assert settled(DataOptions("hub:faces:test", test="hub:org/name")) == DataOptions(
        f"hub:{tmp_path / 'faces'}:test", test="hub:org/name"
    )


@pytest.mark.parametrize("place", ["outside.png", "/etc/passwd", "/dev/zero", "link.png", "set/../outside.png"])
def test_a_table_names_no_file_outside_its_data_set(tmp_path, place):
    import pyarrow.parquet as parquet
    from PIL import Image

    Image.fromarray(values(1)[0]).save(tmp_path / "outside.png")
    folder = tmp_path / "set"
    target = folder / place if place == "link.png" else tmp_path / place
    folder.mkdir()
    rows = [{"bytes": None, "path": str(target)}] * 30
    made = datasets.Dataset.from_dict({"picture": rows}, datasets.Features({"picture": datasets.Image(decode=False)}))
    stated = made.data.table.replace_schema_metadata(made.features.arrow_schema.metadata)
    parquet.write_table(stated, folder / "train.parquet")  # the library itself would put the named files in
    (folder / "link.png").symlink_to(tmp_path / "outside.png")
    with pytest.raises(UserError, match="inside it"):
        opened(f"hub:{folder}")


def test_a_table_may_name_the_files_of_its_folder(tmp_path):
    from PIL import Image

    folder = tmp_path / "set"
    folder.mkdir()
    for n, x in enumerate(values(30)):
        Image.fromarray(x).save(folder / f"{n:02d}.png")
    assert opened(f"hub:{folder}").info.count == 27
