"""A SPEC is understood once: nothing is listed, loaded or read more often than it must be."""

import os
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from aegean.data import DataInfo, DataOptions, kinds, open_data, read_inputs
from aegean.data.address import Local, address
from aegean.data.io.natural import natural_pictures
from aegean.data.kinds import KINDS
from aegean.data.read.source import Reader, Source, array_part, ends_in
from aegean.data.sets.opening import settled


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("AEGEAN_CACHE", str(tmp_path / "cache"))


@pytest.fixture
def photos(tmp_path):
    """30 pictures in two sub-folders."""
    rng = np.random.default_rng(0)
    for n in range(30):
        file = tmp_path / "photos" / ("cat" if n % 2 else "dog") / f"{n}.png"
        file.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(rng.integers(0, 256, (9, 9, 3), np.uint8)).save(file)
    return tmp_path / "photos"


@pytest.fixture
def counted(photos, monkeypatch):
    """How often each folder is listed and each file is opened, by name."""
    listed, opened = Counter(), Counter()

    def count(owner, name, into):
        real = getattr(owner, name)

        def counting(path=".", *args, **options):
            if isinstance(path, (str, Path)) and Path(path).is_relative_to(photos):
                into[Path(path).name] += 1
            return real(path, *args, **options)

        monkeypatch.setattr(owner, name, counting)

    for owner, name in ((os, "scandir"), (os, "listdir"), (Path, "iterdir"), (Path, "rglob"), (Path, "glob")):
        count(owner, name, listed)
    for owner, name in ((Path, "open"), (Image, "open")):
        count(owner, name, opened)
    return listed, opened


@pytest.mark.parametrize("skip_bad", [False, True])
def test_a_folder_is_listed_once_and_its_files_are_read_twice(photos, counted, skip_bad):
    listed, opened = counted
    options = DataOptions(str(photos), skip_bad=skip_bad)
    first = open_data(options)
    assert first.info.count == 27 and first.info.kind == "image"
    assert listed == {"photos": 1, "cat": 1, "dog": 1}
    assert len(opened) == 30 and max(opened.values()) == 2
    listed.clear()
    opened.clear()
    assert open_data(options).folder == first.folder
    assert listed == {"photos": 1, "cat": 1, "dog": 1} and not opened


@pytest.mark.parametrize(
    "read",
    [
        lambda spec, info: read_inputs([spec], info),
        lambda spec, info: list(natural_pictures([spec], info, exact=True)),
    ],
)
def test_inputs_are_listed_once(photos, counted, read):
    listed, opened = counted
    read(str(photos), DataInfo("photos", (3, 9, 9), (127.5,), (127.5,)))
    assert listed == {"photos": 1, "cat": 1, "dog": 1} and max(opened.values()) <= 2


def test_a_spec_becomes_absolute_without_a_listing(photos, counted, monkeypatch):
    listed, opened = counted
    monkeypatch.chdir(photos)
    assert settled(DataOptions("cat", test="../photos/dog")).spec == str(photos / "cat")
    assert not listed and not opened


@pytest.mark.parametrize("saved", [False, True])
def test_a_set_of_the_hub_is_loaded_once(photos, monkeypatch, saved):
    datasets = pytest.importorskip("datasets")
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", str(photos.parent / "hub"))
    folder, loads = photos, []
    if saved:
        folder = photos.parent / "saved"
        rows = {"image": [str(file) for file in sorted(photos.rglob("*.png"))]}
        table = datasets.Dataset.from_dict(rows, datasets.Features({"image": datasets.Image()}))
        table.save_to_disk(str(folder))

    def watched(name):
        real = getattr(datasets, name)
        monkeypatch.setattr(datasets, name, lambda *args, **options: loads.append(name) or real(*args, **options))

    watched("load_dataset")
    watched("load_from_disk")
    assert open_data(f"hub:{folder}").info.count == 27
    assert loads == ["load_from_disk" if saved else "load_dataset"]


def read_toy(files, want):
    """A .toy file: rows of eight bytes, each of them two channels of four numbers."""
    values = np.frombuffer(files.path.read_bytes(), np.uint8).reshape(-1, 2, 4)
    return Source(str(files.path), "toy", "toy", (2, 4), "uint8", array_part(values))


def test_a_kind_brings_its_own_reader(tmp_path, monkeypatch):
    """The contract of the table of kinds: a row is all that the data room needs."""
    row = KINDS["table"]._replace(
        sample="toy", samples="toys", bounded=True, readers=(Reader(ends_in(".toy"), read_toy),)
    )
    monkeypatch.setitem(KINDS, "toy", row)
    values = np.random.default_rng(0).integers(0, 256, (40, 2, 4), np.uint8)
    (tmp_path / "a.toy").write_bytes(values.tobytes())
    data = open_data(str(tmp_path / "a.toy"))
    assert (data.info.kind, data.info.shape, data.info.count, data.info.dtype) == ("toy", (2, 4), 36, "uint8")
    assert kinds.kind_of(data.info) is row
    names, raw = read_inputs([str(tmp_path / "a.toy")], data.info)
    assert len(names) == 40 and (raw == values).all()
    with pytest.raises(ValueError, match="toys, which have no size"):
        open_data(DataOptions(str(tmp_path / "a.toy"), size=8))


def test_what_no_reader_knows_is_read_as_pictures(photos, tmp_path):
    assert isinstance(place := address(str(photos)), Local) and place.reader is kinds.PICTURES
    (tmp_path / "strange.toy").write_bytes(b"12345678")
    with pytest.raises(ValueError, match="no data that can be read"):
        open_data(str(tmp_path / "strange.toy"))
