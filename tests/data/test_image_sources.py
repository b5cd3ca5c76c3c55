"""Folders and zips of pictures: modes, sizes, classes, parts, and every refusal."""

import io
import os
import re
import struct
import zipfile
import zlib

import numpy as np
import pytest
from notes import heard
from PIL import Image

from aegean.config import UserError
from aegean.data import DataOptions, open_data
from aegean.data.read.files import folder_names

RNG = np.random.default_rng(3)
MODES = {"L": (), "RGB": (3,), "RGBA": (4,), "CMYK": (4,)}


def picture(mode="RGB", size=(9, 8)):
    """A random picture; size is (height, width)."""
    if mode == "I;16":
        return Image.fromarray(RNG.integers(0, 65536, size, np.uint16))
    if mode in ("P", "1", "LA"):
        return picture("RGB", size).convert(mode)
    return Image.fromarray(RNG.integers(0, 256, (*size, *MODES[mode]), np.uint8), mode=None if mode != "CMYK" else mode)


def fill(folder, n=20, mode="RGB", size=(9, 8), ending="png", start=0):
    folder.mkdir(parents=True, exist_ok=True)
    for i in range(start, start + n):
        picture(mode, size).save(folder / f"{i:03d}.{ending}")
    return folder


def opened(folder, said=None, **options):
    return heard(said if said is not None else [], open_data, DataOptions(str(folder), **options))


def whole(data):
    """All samples in source order, which the names' order is."""
    return {v.tobytes() for v in np.concatenate([data.train, data.test])}


def stored(folder, convert):
    found = set()
    for path in folder.rglob("*.*"):
        if path.suffix != ".db":
            with Image.open(path) as image:
                found.add(np.asarray(convert(image)).tobytes())
    return found


def chw(image):
    return np.ascontiguousarray(np.moveaxis(np.atleast_3d(np.asarray(image)), -1, 0))


@pytest.mark.parametrize(
    ("mode", "ending", "shape", "convert"),
    [
        ("RGB", "png", (3, 9, 8), lambda i: chw(i)),
        ("RGB", "bmp", (3, 9, 8), lambda i: chw(i)),
        ("RGB", "jpg", (3, 9, 8), lambda i: chw(i)),
        ("L", "png", (1, 9, 8), lambda i: chw(i)),
        ("1", "png", (1, 9, 8), lambda i: chw(i.convert("L"))),
        ("P", "png", (3, 9, 8), lambda i: chw(i.convert("RGB"))),
        ("P", "gif", (3, 9, 8), lambda i: chw(i.convert("RGB"))),
        ("CMYK", "tif", (3, 9, 8), lambda i: chw(i.convert("RGB"))),
        ("I;16", "png", (1, 9, 8), lambda i: chw(i).astype(np.uint16)),
        ("I;16", "tif", (1, 9, 8), lambda i: chw(i).astype(np.uint16)),
    ],
)
def test_modes(tmp_path, mode, ending, shape, convert):
    said = []
    data = opened(fill(tmp_path / "a", mode=mode, ending=ending), said)
    assert data.info.shape == shape and data.info.dtype == ("uint16" if mode == "I;16" else "uint8")
    assert whole(data) == stored(tmp_path / "a", convert)
    assert data.info.offset == data.info.scale == ((32767.5,) if mode == "I;16" else (127.5,))
    if mode in ("P", "CMYK"):
        assert any({"P": "palette", "CMYK": "CMYK"}[mode] in text for text in said)


def test_transparency(tmp_path):
    said = []
    folder = fill(tmp_path / "a", mode="RGBA")

    def on_white(image):
        rgb, alpha = np.float64(image)[..., :3], np.float64(image)[..., 3:] / 255
        return np.moveaxis(rgb * alpha + 255 * (1 - alpha), -1, 0)

    data = opened(folder, said)
    assert data.info.shape == (3, 9, 8) and any("laid on white" in text for text in said)
    expected = np.stack([on_white(Image.open(p)) for p in sorted(folder.iterdir())])
    found = np.concatenate([data.train, data.test]).astype(float)
    order = [np.abs(expected - f).mean((1, 2, 3)).argmin() for f in found]
    assert sorted(order) == list(range(20)) and np.abs(found - expected[order]).max() <= 1.5
    assert whole(opened(folder, channels=4)) == stored(folder, chw)
    assert opened(fill(tmp_path / "b", mode="LA")).info.shape == (1, 9, 8)


def test_palette_with_transparency(tmp_path):
    folder = tmp_path / "a"
    folder.mkdir()
    for i in range(20):
        picture("P").save(folder / f"{i}.png", transparency=bytes(RNG.integers(0, 256, 256, np.uint8)))
    said = []
    assert opened(folder, said).info.shape == (3, 9, 8)
    assert any("laid on white" in text for text in said)


def test_grey_and_colour_mixed(tmp_path):
    said = []
    fill(tmp_path / "a", 10, "L")
    fill(tmp_path / "a", 10, "RGB", start=10)
    assert opened(tmp_path / "a", said).info.shape == (3, 9, 8)
    assert any("10 of 20 images are grey" in text for text in said)
    assert opened(tmp_path / "a", channels=1).info.shape == (1, 9, 8)


def test_sixteen_bits_mixed_are_scaled(tmp_path):
    said = []
    folder = tmp_path / "a"
    fill(folder, 19, "L")
    Image.fromarray(np.full((9, 8), 257 * 100, np.uint16)).save(folder / "deep.png")
    data = opened(folder, said)
    assert data.info.dtype == "uint8" and np.full((1, 9, 8), 100, np.uint8).tobytes() in whole(data)
    assert any("16 bits: scaled to 8" in text for text in said)
    assert opened(fill(tmp_path / "b", mode="I;16"), channels=3).info.dtype == "uint8"


def test_exif_rotation(tmp_path):
    folder = tmp_path / "a"
    fill(folder, 19, size=(6, 10))
    upright = RNG.integers(0, 256, (6, 10, 3), np.uint8)
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned clockwise when shown
    Image.fromarray(np.rot90(upright).copy()).save(folder / "turned.png", exif=exif)
    said = []
    data = opened(folder, said)
    assert data.info.shape == (3, 6, 10) and chw(upright).tobytes() in whole(data)
    assert any("EXIF" in text for text in said)


def test_sizes(tmp_path):
    folder = tmp_path / "a"
    fill(folder, 19, size=(80, 100))
    fill(folder, 1, size=(50, 40), start=50)
    said = []
    data = opened(folder, said)
    assert data.info.shape == (3, 64, 64)
    assert any("images of 2 sizes: scaled on the shorter side to 64 and centre-cropped" in t for t in said)
    said.clear()
    assert opened(folder, said, size=20).info.shape == (3, 20, 20)
    assert any("20" in text for text in said)


def test_centre_crop_and_scale(tmp_path):
    folder = tmp_path / "a"
    folder.mkdir()
    for i in range(20):
        pixels = np.zeros((8, 40), np.uint8)
        pixels[:, 8:32] = 100 + i  # the centre, and as much beside it as the filter reaches
        Image.fromarray(pixels).save(folder / f"{i}.png")
    data = opened(folder, size=4)
    assert sorted(int(v.min()) for v in np.concatenate([data.train, data.test])) == list(range(100, 120))
    assert all(v.min() == v.max() for v in data.train)


def zipped(folder, path):
    with zipfile.ZipFile(path, "w") as archive:
        for name in folder_names(folder):
            archive.write(folder / name, f"top/{name}")
        archive.writestr("__MACOSX/top/._0.png", "x")
        archive.writestr("top/.DS_Store", "x")
    return path


def test_classes_of_folder_and_zip(tmp_path):
    for name in ("dog", "cat"):
        fill(tmp_path / "a" / name, 15)
    (tmp_path / "a" / ".DS_Store").write_bytes(b"x")
    (tmp_path / "a" / "cat" / "Thumbs.db").write_bytes(b"x")
    folder, archive = opened(tmp_path / "a"), opened(zipped(tmp_path / "a", tmp_path / "b.zip"))
    assert folder.info.classes == ("cat", "dog") and folder.info.count == 27
    assert folder.info.fingerprint == archive.info.fingerprint
    assert (folder.train == archive.train).all() and (folder.train_labels == archive.train_labels).all()
    cats = stored(tmp_path / "a" / "cat", chw)
    assert all((v.tobytes() in cats) == (label == 0) for v, label in zip(folder.train, folder.train_labels))


def test_train_and_test_folders(tmp_path):
    for part, n in (("train", 15), ("test", 4)):
        for name in ("dog", "cat"):
            fill(tmp_path / "a" / part / name, n)
    data = opened(tmp_path / "a")
    assert (data.info.count, data.info.test_count, data.info.classes) == (30, 8, ("cat", "dog"))
    assert {v.tobytes() for v in data.test} == stored(tmp_path / "a" / "test", chw)
    fill(tmp_path / "a" / "test" / "eel", 1)
    with pytest.raises(UserError, match="'eel'"):
        opened(tmp_path / "a")
    fill(tmp_path / "a" / "val" / "dog", 1)
    with pytest.raises(UserError, match="test, train, val"):
        opened(tmp_path / "a")


def test_train_and_test_without_classes(tmp_path):
    fill(tmp_path / "a" / "train", 20)
    fill(tmp_path / "a" / "test", 3)
    data = opened(tmp_path / "a")
    assert (data.info.count, data.info.test_count, data.info.classes) == (20, 3, ())


def test_pictures_beside_folders_have_no_classes(tmp_path):
    fill(tmp_path / "a", 10)
    fill(tmp_path / "a" / "b", 10)
    said = []
    assert opened(tmp_path / "a", said).info.classes == () and any("no classes" in text for text in said)


def test_one_folder_is_no_class(tmp_path):
    fill(tmp_path / "a" / "all", 20)
    assert opened(tmp_path / "a").info.classes == ()


def bomb():
    """A PNG whose header promises 20,000 x 20,000 pixels."""

    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", 20_000, 20_000, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"x")) + chunk(b"IEND", b"")


def truncated():
    buffer = io.BytesIO()
    picture("RGB", (60, 60)).save(buffer, "PNG")
    return buffer.getvalue()[:2000]


def floats():
    buffer = io.BytesIO()
    Image.fromarray(RNG.random((9, 8), np.float32)).save(buffer, "TIFF")
    return buffer.getvalue()


@pytest.mark.parametrize("kind", ["folder", "zip"])
@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("notes", b"hello", "no known image format"),
        ("empty.png", b"", "an empty file"),
        ("short.png", truncated(), "truncated|broken"),
        ("bomb.png", bomb(), "200 megapixels"),
        ("float.tif", floats(), "32-bit"),
        ("figure.eps", b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", "a PostScript drawing"),
    ],
)
def test_bad_among_good(tmp_path, kind, name, content, reason):
    folder = fill(tmp_path / "a", 25, size=(60, 60))
    (folder / name).write_bytes(content)
    spec = folder if kind == "folder" else zipped(folder, tmp_path / "a.zip")
    with pytest.raises(UserError, match=rf"{name} is not a readable image \(.*({reason}).*skip_bad"):
        opened(spec)
    said = []
    data = opened(spec, said, skip_bad=True)
    assert data.info.count + data.info.test_count == 25 and any("files left out" in t and name in t for t in said)


@pytest.mark.parametrize("kind", ["folder", "zip"])
def test_notes_and_tables_beside_pictures_are_left_out_aloud(tmp_path, kind):
    folder = fill(tmp_path / "a", 25, size=(60, 60))
    for name in ("labels.csv", "README.md"):
        (folder / name).write_bytes(b"hello")
    said = []
    data = opened(folder if kind == "folder" else zipped(folder, tmp_path / "a.zip"), said)
    assert data.info.count + data.info.test_count == 25
    assert any(re.search(r"2 files no images by their endings, left out: .*README.md, .*labels.csv", t) for t in said)


def test_skipped_are_counted_before_too_few(tmp_path):
    folder = fill(tmp_path / "a", 19)
    (folder / "x.png").write_bytes(b"x")
    with pytest.raises(UserError, match="19 samples"):
        opened(folder, skip_bad=True)


def test_nothing_good(tmp_path):
    (tmp_path / "a").mkdir()
    with pytest.raises(UserError, match="empty"):
        opened(tmp_path / "a")
    (tmp_path / "a" / "x.png").write_bytes(b"x")
    with pytest.raises(UserError, match="none of its 1 files"):
        opened(tmp_path / "a", skip_bad=True)
    with pytest.raises(UserError, match="no data that can be read"):
        opened(tmp_path / "a" / "x.png")
    (tmp_path / "e.zip").write_bytes(b"PK\5\6" + bytes(18))
    with pytest.raises(UserError, match="no images"):
        opened(tmp_path / "e.zip")


def test_odd_files(tmp_path):
    folder = fill(tmp_path / "a")
    (folder / "link.png").symlink_to(folder / "nowhere.png")
    with pytest.raises(UserError, match=r"link\.png cannot be read"):
        opened(folder)
    (folder / "link.png").unlink()
    os.mkfifo(folder / "pipe.png")
    with pytest.raises(UserError, match="not a file"):
        opened(folder)
    (folder / "pipe.png").unlink()
    (folder / "loop").symlink_to(folder)
    assert opened(folder).info.count == 18


def test_channels_and_small(tmp_path):
    with pytest.raises(UserError, match="1, 3 or 4 channels, not 2"):
        opened(fill(tmp_path / "a"), channels=2)
    with pytest.raises(UserError, match="at least 4x4"):
        opened(fill(tmp_path / "b", size=(3, 9)))


def raw_zip(path, members, **change):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            info = zipfile.ZipInfo(name)
            info.filename = name
            archive.writestr(info, data, zipfile.ZIP_DEFLATED)
        for info in archive.infolist():
            for key, value in change.items():
                setattr(info, key, value)
    return path


@pytest.mark.parametrize("name", ["../x.png", "/x.png", "a/../../x.png", "..\\x.png", "C:/x.png"])
def test_zip_names_that_leave(tmp_path, name):
    with pytest.raises(UserError, match="leaves the zip"):
        opened(raw_zip(tmp_path / "a.zip", {name: b"x"}))


def test_zip_bombs_and_locks(tmp_path):
    content = {"a.png": b"x" * 100}
    with pytest.raises(UserError, match="unpacks to"):
        opened(raw_zip(tmp_path / "a.zip", content, file_size=1 << 37))
    with pytest.raises(UserError, match="unpacks to"):
        opened(raw_zip(tmp_path / "b.zip", content, file_size=2 << 30))
    with pytest.raises(UserError, match="encrypted"):
        opened(raw_zip(tmp_path / "c.zip", content, flag_bits=1))
    (tmp_path / "d.zip").write_bytes(b"PK no zip")
    with pytest.raises(UserError, match="not a readable zip"):
        opened(tmp_path / "d.zip")


def test_damaged_zip_member(tmp_path):
    folder = fill(tmp_path / "a")
    path = zipped(folder, tmp_path / "a.zip")
    data = bytearray(path.read_bytes())
    data[200] ^= 255
    path.write_bytes(data)
    with pytest.raises(UserError, match=r"000\.png is not a readable image"):
        opened(path)
