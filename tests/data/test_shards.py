"""Folders of tar shards: packed when small, streamed when large; classes, damage, and shards that go away mid-run."""

import io
import json
import os
import tarfile

import numpy as np
import pytest
import torch
from notes import heard
from PIL import Image

import aegean
from aegean.config import UserError
from aegean.data import DataOptions, open_data, read_inputs
from aegean.data.read.lazy import LazyPictures
from aegean.data.sets import feed as loader
from aegean.data.sets.feed import Feed
from aegean.recipes import smoke
from aegean.training.trainer import Trainer

CPU = torch.device("cpu")


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("AEGEAN_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def streaming(monkeypatch):
    monkeypatch.setattr(loader, "RESIDENT_LIMIT", 0)


def png(pixels, form="PNG"):
    out = io.BytesIO()
    Image.fromarray(pixels).save(out, form)
    return out.getvalue()


def pictures(n, size=(8, 8, 3), seed=0):
    return np.random.default_rng(seed).integers(0, 256, (n, *size), np.uint8)


def write_tar(path, members):
    """members: (name, bytes), or a TarInfo without content."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with tarfile.open(path, "w") as archive:
        for member in members:
            if isinstance(member, tarfile.TarInfo):
                archive.addfile(member)
            else:
                info = tarfile.TarInfo(member[0])
                info.size = len(member[1])
                archive.addfile(info, io.BytesIO(member[1]))


def write_shards(folder, values, label=None, shards=3):
    """Shards 0.tar ... with samples 00000.png ..., and label(i) -> [(ending, bytes)] beside each."""
    for shard in range(shards):
        rows = range(shard, len(values), shards)
        members = [(f"{i:05d}.png", png(values[i])) for i in rows]
        members += [(f"{i:05d}{end}", data) for i in rows for end, data in (label(i) if label else ())]
        write_tar(folder / f"{shard}.tar", sorted(members, reverse=True))
    return folder


def opened(folder, said=None, **options):
    return heard([] if said is None else said, open_data, DataOptions(str(folder), **options))


def rows(data):
    return np.concatenate([data.train[:], data.test[:]])


def sorted_rows(values):
    return sorted(v.tobytes() for v in values)


def test_small_sets_are_packed_and_large_ones_streamed_with_the_same_content(tmp_path, monkeypatch):
    values = pictures(60)
    folder = write_shards(tmp_path / "set", values, lambda i: [(".cls", b"%d\n" % (i % 12))])
    said = []
    packed = opened(folder)
    monkeypatch.setattr(loader, "RESIDENT_LIMIT", packed.train.nbytes + packed.test.nbytes - 1)
    monkeypatch.setenv("AEGEAN_CACHE", str(tmp_path / "another"))
    stream = opened(folder, said)
    assert isinstance(packed.train, np.ndarray) and isinstance(stream.train, LazyPictures)
    assert any("60 training" not in text and "indexed; they are decoded as they are read" in text for text in said)
    for data in (packed, stream):
        assert data.train.shape == (54, 3, 8, 8) and len(data.test) == data.info.test_count == 6
        assert data.info.classes == tuple(map(str, range(12)))
        assert sorted_rows(rows(data)) == sorted_rows(values.transpose(0, 3, 1, 2))
        place = {v.tobytes(): i for i, v in enumerate(values.transpose(0, 3, 1, 2))}
        for part, labels in ((data.train[:], data.train_labels), (data.test[:], data.test_labels)):
            assert [place[v.tobytes()] % 12 for v in part] == labels.tolist()
    assert (stream.train.dtype, stream.train.ndim, stream.train.nbytes) == (np.uint8, 4, 54 * 192)
    assert (stream.train[np.array([5, 2, 5])] == stream.train[:][[5, 2, 5]]).all()
    assert stream.train[np.array([], np.int64)].shape == (0, 3, 8, 8)


def test_an_index_is_reused_also_when_the_shards_have_moved_or_were_touched(tmp_path, streaming):
    folder = write_shards(tmp_path / "set", pictures(40))
    first = opened(folder)
    assert sorted(p.name for p in first.folder.iterdir()) == [
        "pack.json", "test-index.json", "test-keys.npy", "test-places.npy",
        "train-index.json", "train-keys.npy", "train-places.npy",
    ]  # fmt: skip
    os.utime(folder / "1.tar", (1, 1))
    touched = opened(folder)
    (tmp_path / "elsewhere").mkdir()
    moved = opened(folder.rename(tmp_path / "elsewhere" / "set"))
    assert touched.folder == moved.folder == first.folder and touched.info == moved.info == first.info
    assert (moved.train[:] == moved.train[:]).all()


def test_a_damaged_index_is_made_anew(tmp_path, streaming):
    folder = write_shards(tmp_path / "set", pictures(40))
    first = opened(folder)
    want = first.train[:]
    for name, damage in (("train-places.npy", b""), ("train-keys.npy", b"x"), ("test-index.json", b"{")):
        (first.folder / name).write_bytes(damage)
        assert (opened(folder).train[:] == want).all()


def test_a_changed_source_is_said_between_runs(tmp_path, streaming):
    folder = write_shards(tmp_path / "set", pictures(40))
    first = opened(folder)
    write_shards(folder, pictures(40, seed=1))
    said = []
    second = opened(folder, said)
    assert any("changed since" in text for text in said)
    assert second.info.fingerprint != first.info.fingerprint


@pytest.mark.parametrize(
    ("label", "classes"),
    [
        (lambda i: [(".json", json.dumps({"label": i % 3}).encode())], ("0", "1", "2")),
        (lambda i: [(".json", json.dumps({"label": "ab"[i % 2]}).encode())], ("a", "b")),
        (lambda i: [(".cls", [b"cat\n", "größe".encode()][i % 2])], ("cat", "größe")),
        (lambda i: [(".cls", b"-1"), (".txt", b"a caption")], ("-1",)),
        (lambda i: [(".json", b'{"caption": "no class"}')], ()),
        (lambda i: [(".cls", b"1")] if i else [], ()),
        (None, ()),
    ],
)
def test_classes_beside_the_pictures(tmp_path, streaming, label, classes):
    said = []
    data = opened(write_shards(tmp_path / "set", pictures(30), label), said)
    assert data.info.classes == classes and (data.train_labels is None) == (not classes)
    assert any("1 of 30 images have no .cls" in text for text in said) == (label is not None and len(label(0)) == 0)


def test_folders_in_shards_are_classes_and_folders_of_shards_are_parts(tmp_path, streaming):
    values = pictures(60)
    for part, chosen in (("train", values[:40]), ("test", values[40:])):
        members = [(f"./{'cat' if i < 10 else 'dog'}/{part}.{i}.png", png(v)) for i, v in enumerate(chosen)]
        write_tar(tmp_path / "set" / part / "a.tar", members)
    said = []
    data = opened(tmp_path / "set", said)
    assert data.info.classes == ("cat", "dog") and (data.info.count, data.info.test_count) == (40, 20)
    assert (data.test[:] == values[40:].transpose(0, 3, 1, 2)).all()
    assert data.test_labels.tolist() == [0] * 10 + [1] * 10
    assert any("56 images share their key" in text for text in said)


def test_a_single_tar_and_a_test_part_from_another(tmp_path, streaming):
    values = pictures(60)
    write_tar(tmp_path / "a.tar", [(f"{i}.png", png(v)) for i, v in enumerate(values[:40])])
    write_tar(tmp_path / "b.tar", [(f"{i}.png", png(v)) for i, v in enumerate(values[38:])])
    np.save(tmp_path / "c.npy", values[40:].transpose(0, 3, 1, 2))
    said = []
    data = opened(tmp_path / "a.tar", said, test=str(tmp_path / "b.tar"))
    assert len(data.train) == 40 and (data.test[:] == values[38:].transpose(0, 3, 1, 2)).all()
    assert any("2 of the 22 test samples occur in the training part" in text for text in said)
    mixed = opened(tmp_path / "a.tar", test=str(tmp_path / "c.npy"))
    assert isinstance(mixed.train, LazyPictures) and (mixed.test == data.test[2:]).all()


def test_conversions_are_those_of_folders(tmp_path, streaming):
    folder, shards = tmp_path / "folder", tmp_path / "shards"
    folder.mkdir()
    members = []
    for i, v in enumerate(pictures(30, (20, 30, 3))):
        form, size = ("JPEG", ".jpg") if i % 2 else ("PNG", ".png"), (20 - i % 5, 30)
        data = png(v[: size[0]], form[0])
        (folder / f"{i:02d}{form[1]}").write_bytes(data)
        members.append((f"{i:02d}{form[1]}", data))
    write_tar(shards / "a.tar", members)
    said = {folder: [], shards: []}
    a, b = (opened(where, said[where], size=12, channels=1) for where in (folder, shards))
    assert sorted_rows(rows(a)) == sorted_rows(rows(b)) and b.train.shape[1:] == (1, 12, 12)
    convert = [[text.partition(": ")[2] for text in texts if "images" in text] for texts in said.values()]
    assert convert[0] == convert[1] and len(convert[0]) == 2


def test_sixteen_bits_are_kept(tmp_path, streaming):
    values = np.random.default_rng(0).integers(0, 65536, (30, 6, 6), np.uint16)
    data = opened(write_shards(tmp_path / "set", values))
    assert data.info.dtype == "uint16" and sorted_rows(rows(data)) == sorted_rows(values)
    Feed(data.info, data.train, None, CPU, 1).ready("s", 0, 4)


def test_inputs_are_read_from_shards_in_order_with_names(tmp_path):
    values = pictures(20)
    write_tar(tmp_path / "a.tar", [(f"some/{i:02d}.png", png(v)) for i, v in enumerate(values)])
    info = opened(tmp_path / "a.tar").info
    names, raw = read_inputs([str(tmp_path / "a.tar")], info)
    assert (raw == values.transpose(0, 3, 1, 2)).all() and names[:2] == ["some-00", "some-01"]


def test_bad_pictures_are_named_or_left_out(tmp_path, streaming):
    values = pictures(30)
    members = [(f"{i}.png", png(v)) for i, v in enumerate(values)]
    members[3] = ("3.png", b"no picture")
    cut = png(values[4], "TIFF")[:-20]
    write_tar(tmp_path / "set" / "a.tar", members)
    with pytest.raises(UserError, match=r"a\.tar: 3\.png is not a readable image .*skip_bad"):
        opened(tmp_path / "set")
    members[4] = ("4.tiff", cut)
    write_tar(tmp_path / "set" / "a.tar", members)
    said = []
    data = opened(tmp_path / "set", said, skip_bad=True)
    assert sorted_rows(rows(data)) == sorted_rows(np.delete(values, [3, 4], 0).transpose(0, 3, 1, 2))
    assert any("2 of" in text and "files left out" in text and "a.tar: 3.png" in text for text in said)
    del members[3]
    write_tar(tmp_path / "set" / "a.tar", members)  # its header is whole: it shows when it is read
    data = opened(tmp_path / "set")
    with pytest.raises(UserError, match=r"a\.tar: 4\.tiff is not a readable image"):
        rows(data)


def special(name, kind):
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, "/etc/passwd"
    return info


def test_links_and_devices_are_left_out_and_said(tmp_path, streaming):
    members = [(f"{i}.png", png(v)) for i, v in enumerate(pictures(25))]
    kinds = (tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.FIFOTYPE)
    members += [special(f"{kind.decode()}.png", kind) for kind in kinds]
    members += [("__MACOSX/._0.png", b"x"), (".hidden.png", b"x")]
    write_tar(tmp_path / "set" / "a.tar", members)
    said = []
    data = opened(tmp_path / "set", said)
    assert data.info.count + data.info.test_count == 25
    assert any("4 links, devices and sparse files" in text for text in said)


@pytest.mark.parametrize(
    ("members", "message"),
    [
        ([("/etc/a.png", b"x")], r"a\.tar cannot be read as a tar .*leaves it"),
        ([("a/../../b.png", b"x")], r"'a/../../b.png' leaves it"),
        ([special("../a", tarfile.SYMTYPE)], "leaves it"),
        ([("a.cls", b"\xff")], "a.cls holds no class"),
        ([("a.cls", b"9" * 30)], "a.cls holds no class"),
        ([("a.json", b"[" * 100_000)], "a.json holds no class"),
        ([("a.json", b" " * ((1 << 20) + 1))], "a.json has 1048577 bytes"),
        ([("a.txt", b"x")], "hold no images"),
    ],
)
def test_hostile_shards_are_refused_by_name(tmp_path, members, message):
    write_tar(tmp_path / "set" / "a.tar", members)
    with pytest.raises(UserError, match=message):
        opened(tmp_path / "set")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["cache", "set"]


def test_truncated_and_compressed_shards_are_refused_by_name(tmp_path):
    folder = write_shards(tmp_path / "set", pictures(30))
    data = (folder / "1.tar").read_bytes()
    (folder / "1.tar").write_bytes(data[:700])
    with pytest.raises(UserError, match=r"1\.tar cannot be read as a tar \(truncated"):
        opened(folder)
    (folder / "1.tar").rename(folder / "1.tar.gz")
    with pytest.raises(UserError, match=r"1\.tar\.gz is compressed as a whole.*unpack"):
        opened(folder)


def test_a_shard_that_changes_without_changing_its_time_is_noticed(tmp_path, streaming):
    folder = write_shards(tmp_path / "set", pictures(40), shards=1)
    data = opened(folder)
    status = (folder / "0.tar").stat()
    content = bytearray((folder / "0.tar").read_bytes())
    content[int(data.train.places[7, 1]) + 50] ^= 1
    (folder / "0.tar").write_bytes(content)
    os.utime(folder / "0.tar", ns=(status.st_atime_ns, status.st_mtime_ns))
    with pytest.raises(UserError, match=r"0\.tar: 000\d\d\.png has changed since it was indexed"):
        data.train[np.array([7])]
    os.utime(folder / "0.tar")
    with pytest.raises(UserError, match=r"0\.tar has changed while it was in use"):
        data.train[np.array([6])]


SMALL = {"width": 4, "latent": 4, "batch": 8}


def weights(run):
    net = aegean.load(run)
    return torch.cat([p.detach().flatten() for part in net.nets.values() for p in part.parameters()])


def test_training_on_a_stream_equals_training_in_memory_also_when_it_is_interrupted(tmp_path, streaming):
    data = opened(write_shards(tmp_path / "set", pictures(40)))
    run = smoke("gan", data.info, 6)

    def trainer(raw):
        return Trainer(run, data.info, Feed(data.info, raw, None, CPU, run.seed), CPU)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(loader, "RESIDENT_LIMIT", 1 << 30)
        straight = trainer(data.train[:])
    first, second = trainer(data.train), trainer(data.train)
    assert straight.feed.resident and not first.feed.resident
    for _ in range(6):
        straight.step()
    for _ in range(3):
        first.step()
    second.load({k: v.clone() for k, v in first.tensors().items()}, first.clock())
    for _ in range(3):
        second.step()
    assert all(torch.equal(v, second.tensors()[k]) for k, v in straight.tensors().items())


@pytest.mark.slow
def test_a_run_whose_shard_vanishes_goes_on_bit_for_bit_once_it_is_back(tmp_path, streaming, monkeypatch):
    folder = write_shards(tmp_path / "set", pictures(40), lambda i: [(".cls", b"%d" % (i % 2))])
    settings = {**SMALL, "conditional": True}
    aegean.train("vae", str(folder), tmp_path / "straight", images=240, evaluations=3, settings=settings)

    ready, steps = Feed.ready, []

    def vanishing(feed, *given, **more):
        steps.append(given)
        if len(steps) == 17:  # between the second and the third evaluation
            (folder / "1.tar").rename(tmp_path / "away")
        ready(feed, *given, **more)

    with monkeypatch.context() as patch:
        patch.setattr(Feed, "ready", vanishing)
        with pytest.raises(UserError, match=r"1\.tar cannot be read .*Restore it.*resume"):
            aegean.train("vae", str(folder), tmp_path / "broken", images=240, evaluations=3, settings=settings)
    with pytest.raises(UserError):
        aegean.resume(tmp_path / "broken")
    (tmp_path / "away").rename(folder / "1.tar")
    aegean.resume(tmp_path / "broken")
    assert torch.equal(weights(tmp_path / "broken"), weights(tmp_path / "straight"))
