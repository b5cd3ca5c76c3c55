"""Pictures that are more than 8 bits, a page or a colour: nothing is changed, dropped or guessed without a word."""

import io
import struct
import sys
import types
import zlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from notes import heard
from PIL import Image, features
from strange_pictures import boxes, png, tiff

from aegean.config import UserError
from aegean.data import DataInfo, DataOptions, open_data, read_inputs
from aegean.data.address import address
from aegean.data.io.natural import natural_pictures, write_picture
from aegean.data.io.walk import PART_LIMIT, file_name
from aegean.data.read import formats, headers
from aegean.data.read.source import Want
from aegean.data.read.unread import what_else

RNG = np.random.default_rng(5)
COLOUR, GREY, CLEAR = (DataInfo("m", (c, 8, 8), (127.5,), (127.5,)) for c in (3, 1, 4))
DEEP = DataInfo("m", (1, 8, 8), (32767.5,), (32767.5,), "uint16")


def values(*shape, dtype=np.uint8):
    return RNG.integers(0, np.iinfo(dtype).max + 1, shape, dtype)


def saved(picture, format, **options):
    out = io.BytesIO()
    picture.save(out, format, **options)
    return out.getvalue()


def frames(n=3):
    return [Image.fromarray(values(8, 8, 3)) for _ in range(n)]


def several(format, **options):
    first, *more = frames()
    return saved(first, format, save_all=True, append_images=more, **options)


def ppm(maxval):
    head = b"P6 8 8 %d\n" % maxval
    return head + RNG.integers(0, maxval + 1, (8, 8, 3)).astype(">u2" if maxval > 255 else ">u1").tobytes()


def sgi(samples):
    """An uncompressed 16-bit file of Silicon Graphics."""
    head = struct.pack(">hBBHHHHII", 474, 0, 2, 3, samples.shape[1], samples.shape[0], samples.shape[2], 0, 65535)
    return head.ljust(512, b"\0") + samples.transpose(2, 0, 1)[:, ::-1].astype(">u2").tobytes()


def cube():
    """A DDS whose header says that five more sides of a cube follow."""
    data = bytearray(saved(frames()[0], "DDS"))
    data[112:116] = struct.pack("<I", 0xFE00)
    return bytes(data) + bytes(5 * 8 * 8 * 3)


def natural(path, info, exact, skip_bad=False):
    said = []
    return list(heard(said, lambda: list(natural_pictures([str(path)], info, exact, skip_bad)))), " ".join(said)


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("AEGEAN_CACHE", str(tmp_path / "cache"))


def folder_of(tmp_path, ending, contents):
    folder = tmp_path / "pictures"
    folder.mkdir()
    for n, content in enumerate(contents):
        (folder / f"{n:02d}.{ending}").write_bytes(content)
    return folder


def jpeg2000():
    """8-bit colour whose header says 16: Pillow writes no deeper one, and reads this."""
    data = bytearray(saved(frames()[0], "JPEG2000"))
    data[data.index(b"ihdr") + 14] = 15
    return bytes(data)


DEEP_COLOUR = {
    "png": lambda: png(values(8, 8, 3, dtype=np.uint16)),
    "ppm": lambda: ppm(65535),
    "ppm of 10 bits": lambda: ppm(1023),
    "tif": lambda: tiff(values(8, 8, 3, dtype=np.uint16)),
    "tif in planes": lambda: tiff(values(8, 8, 3, dtype=np.uint16), planar=True, deflate=True),
    "jp2": jpeg2000,
    "sgi": lambda: sgi(values(8, 8, 3, dtype=np.uint16)),
}


@pytest.mark.parametrize("kind", DEEP_COLOUR)
def test_colour_of_more_than_8_bits_is_no_lossless_matter(tmp_path, kind):
    folder = folder_of(tmp_path, kind.split()[0], [DEEP_COLOUR[kind]()])
    with pytest.raises(UserError, match="bit colours, of which 8 bits"):
        natural(folder, COLOUR, exact=True)
    found, said = natural(folder, COLOUR, exact=False)
    assert len(found) == 1 and "bit colour: read with 8 bits" in said


@pytest.mark.parametrize("bits", [8, 10, 12, 16])
def test_the_depth_that_a_header_tells(bits):
    """Of formats in which Pillow writes 8 bits alone: by headers that say more."""
    assert headers._boxed_bits(io.BytesIO(b"\0\0\0\x10pixi" + bytes(4) + b"\3" + bytes([bits] * 3))) == bits
    codestream = bytearray(saved(frames()[0], "JPEG2000", no_jp2=True))
    codestream[42:51:3] = [bits - 1] * 3
    assert headers._boxed_bits(io.BytesIO(codestream)) == bits


@given(st.binary(max_size=64), st.sampled_from([b"", b"ihdr", b"pixi", b"\xff\x4f\xff\x51", b"\0\0\0\x18ftyp"]))
def test_any_bytes_have_a_depth_and_perhaps_a_name(data, mark):
    assert 1 <= headers._boxed_bits(io.BytesIO(mark + data)) <= 256
    assert isinstance(what_else(mark + data, formats.formats()), str)


def test_the_depth_is_said_where_pictures_are_decoded_to_be_looked_at(tmp_path):
    folder, said = folder_of(tmp_path, "png", [png(values(8, 8, 3, dtype=np.uint16)) for _ in range(20)]), []
    heard(said, open_data, DataOptions(str(folder), skip_bad=True))
    assert any("16-bit colour" in text for text in said)


@pytest.mark.parametrize("deep", [False, True])
def test_channels_beside_the_colours_are_said(tmp_path, deep):
    """Infrared, as satellites see it: Pillow leaves it out."""
    content = tiff(values(8, 8, 4, dtype=np.uint16 if deep else np.uint8), extra=0)
    folder = folder_of(tmp_path, "tif", [content])
    with pytest.raises(UserError, match="of which"):
        natural(folder, COLOUR, exact=True)
    assert "of 4 channels" in natural(folder, COLOUR, exact=False)[1]


def test_colours_multiplied_by_their_alpha_are_not_exact(tmp_path):
    folder = folder_of(tmp_path, "tif", [tiff(values(8, 8, 4), extra=1)])
    with pytest.raises(UserError, match="multiplied"):
        natural(folder, CLEAR, exact=True)


@pytest.mark.parametrize(("kind", "maxval"), [("P5", 1000), ("P5", 3), ("P2", 4095), ("P3", 15)])
def test_stretched_values_are_said(tmp_path, kind, maxval):
    drawn = RNG.integers(0, maxval + 1, (8, 8, 3 if kind == "P3" else 1))
    raw = drawn.astype(">u2" if maxval > 255 else ">u1").tobytes()
    text = raw if kind == "P5" else b" ".join(b"%d" % value for value in drawn.ravel())
    folder = folder_of(tmp_path, "ppm", [b"%s 8 8 %d\n" % (kind.encode(), maxval) + text])
    assert f"from 0 to {maxval}: stretched" in natural(folder, DEEP if maxval > 255 else COLOUR, exact=True)[1]


@pytest.mark.parametrize("late", [False, True])
@pytest.mark.parametrize("deep", [False, True])
def test_a_png_turned_by_what_follows_its_pixels(tmp_path, late, deep):
    exif = Image.Exif()
    exif[headers.ORIENTATION] = 6
    data = exif.tobytes()[6:]
    chunk = struct.pack(">I", len(data)) + b"eXIf" + data + struct.pack(">I", zlib.crc32(b"eXIf" + data))
    content = png(values(20, 40, 3, dtype=np.uint16)) if deep else saved(Image.fromarray(values(20, 40, 3)), "PNG")
    at = content.index(b"IEND") - 4 if late else 33
    folder = folder_of(tmp_path, "png", [content[:at] + chunk + content[at:]])
    said = []
    source = heard(said, lambda: address(str(folder)).source(Want()))
    assert source.shape == (3, 40, 20) and "turned upright" in " ".join(said)
    assert ("16-bit" in " ".join(said)) is deep


@pytest.mark.parametrize("bits", [255, 15])
def test_colour_of_8_bits_or_less_is_exact(tmp_path, bits):
    assert len(natural(folder_of(tmp_path, "ppm", [ppm(bits)]), COLOUR, exact=True)[0]) == 1


SEVERAL = {
    "tif": lambda: several("TIFF"),
    "gif": lambda: several("GIF"),
    "png": lambda: several("PNG"),
    "webp": lambda: several("WEBP", lossless=True),
    "mpo": lambda: several("MPO"),
    "avif": lambda: several("AVIF"),
    "ppm": lambda: ppm(255) * 2,
    "dds": cube,
    "tif of ImageJ": lambda: tiff(values(8, 8, 3), description=b"ImageJ=1.53t\nimages=3\nslices=3\n\0"),
}


@pytest.mark.parametrize("kind", SEVERAL)
def test_a_picture_of_several_pages_is_no_lossless_matter(tmp_path, kind):
    if kind == "avif" and not features.check("avif"):
        return
    folder = folder_of(tmp_path, kind, [SEVERAL[kind]()])
    with pytest.raises(UserError, match="pages or frames"):
        natural(folder, COLOUR, exact=True)
    found, said = natural(folder, COLOUR, exact=False)
    assert len(found) == 1 and "first of each" in said
    said = []
    heard(said, read_inputs, [str(folder)], COLOUR)
    assert any("first of each" in text for text in said)


@pytest.mark.parametrize("turn", range(1, 9))
@pytest.mark.parametrize("deflate", [False, True])
def test_a_turned_tiff_is_turned_once(tmp_path, turn, deflate):
    stored = values(20, 40, 3) if turn >= 5 else values(40, 20, 3)
    upright = {
        1: lambda x: x,
        2: lambda x: x[:, ::-1],
        3: lambda x: x[::-1, ::-1],
        4: lambda x: x[::-1],
        5: lambda x: x.transpose(1, 0, 2),
        6: lambda x: np.rot90(x, -1),
        7: lambda x: np.rot90(x.transpose(1, 0, 2), 2),
        8: lambda x: np.rot90(x),
    }[turn](stored)
    folder = folder_of(tmp_path, "tif", [tiff(stored, orientation=turn, deflate=deflate)] * 30)
    (folder / "other.tif").write_bytes(tiff(255 - stored, orientation=turn))
    data = open_data(str(folder))
    assert data.info.shape == (3, 40, 20)
    wanted = {upright.transpose(2, 0, 1).tobytes(), (255 - upright).transpose(2, 0, 1).tobytes()}
    assert {x.tobytes() for x in np.concatenate([data.train, data.test])} == wanted
    found, _ = natural(folder, COLOUR, exact=True)
    assert {x.tobytes() for _, x in found} == wanted


def test_the_sizes_of_the_issue(tmp_path):
    """20 wide and 40 high, saved by Pillow with tag 274 = 6."""
    picture = Image.fromarray(values(40, 20, 3))
    folder = folder_of(tmp_path, "tif", [saved(picture, "TIFF", tiffinfo={274: 6})])
    with (folder / "00.tif").open("rb") as file, formats.open_picture(file) as found:
        assert found.size == (20, 40) and found.turned


@pytest.mark.parametrize(
    ("raw", "top"),
    [
        (RNG.integers(0, 2, (30, 8, 8), np.uint8), 255),
        (RNG.integers(0, 10, (30, 8, 8), np.uint8), 255),
        (RNG.integers(0, 4096, (30, 8, 8), np.uint16), 65535),
        (RNG.integers(40000, 41000, (30, 8, 8), np.uint16), 65535),
    ],
)
@pytest.mark.parametrize("files", [False, True])
def test_a_small_part_of_the_range_is_said(tmp_path, raw, top, files):
    where = tmp_path / "a.npy"
    if files:
        where = folder_of(tmp_path, "png", [saved(Image.fromarray(x), "PNG") for x in raw])
    else:
        np.save(where, raw)
    said = []
    heard(said, open_data, str(where))
    assert any(f"from {raw.min()} to {raw.max()} of 0 to {top}" in text and "give range" in text for text in said)
    said.clear()
    data = heard(said, open_data, DataOptions(str(where), range=(float(raw.min()), float(raw.max()))))
    assert not any("give range" in text for text in said)
    assert data.info.normalise(data.train).abs().max() == 1


def test_a_whole_range_is_not_worth_a_word(tmp_path):
    np.save(tmp_path / "a.npy", values(30, 8, 8))
    said = []
    heard(said, open_data, str(tmp_path / "a.npy"))
    assert not any("give range" in text for text in said)


def opaque_palette():
    picture = frames()[0].convert("P", palette=Image.Palette.ADAPTIVE)
    return saved(picture, "PNG", transparency=bytes([255] * 256))


@pytest.mark.parametrize(
    ("content", "channels"),
    [
        (lambda: saved(Image.fromarray(np.dstack([values(8, 8, 3), np.full((8, 8), 255, np.uint8)])), "PNG"), 3),
        (lambda: saved(Image.fromarray(values(8, 8)).convert("LA"), "PNG"), 1),
        (opaque_palette, 3),
    ],
)
def test_alpha_that_is_opaque_everywhere_is_left_out(tmp_path, content, channels):
    folder = folder_of(tmp_path, "png", [data := content()])
    found, said = natural(folder, COLOUR, exact=True)
    expected = np.atleast_3d(
        np.asarray(Image.open(io.BytesIO(data)).convert("RGBA").convert("L" if channels == 1 else "RGB"))
    )
    assert (found[0][1] == expected.transpose(2, 0, 1)).all() and "alpha is left out" in said
    rgba = DataInfo("m", (4, 8, 8), (127.5,), (127.5,))
    assert natural(folder, rgba, exact=True)[0][0][1].shape == (4, 8, 8)


def test_one_see_through_pixel_is_refused(tmp_path):
    pixels = np.dstack([values(8, 8, 3), np.full((8, 8), 255, np.uint8)])
    pixels[3, 4, 3] = 254
    with pytest.raises(UserError, match="transparency"):
        natural(folder_of(tmp_path, "png", [saved(Image.fromarray(pixels), "PNG")]), COLOUR, exact=True)


@pytest.mark.parametrize("channels", [0, 1, 3, 4])
def test_the_transparent_shade_of_16_bit_grey_is_laid_on_white(tmp_path, channels):
    raw = [values(8, 8, 1, dtype=np.uint16) for _ in range(20)]
    for x in raw:
        x[2:4] = 77
    folder, said = folder_of(tmp_path, "png", [png(x, transparent=77) for x in raw]), []
    data = heard(said, open_data, DataOptions(str(folder), channels=channels))
    white = data.train[:, :, 2:4]
    if channels == 4:
        assert (white[:, 3] == 0).all() and (data.train[:, 3, :2] == 255).all()
    else:
        assert (white == np.iinfo(data.train.dtype).max).all() and any("laid on white" in text for text in said)
    with pytest.raises(UserError, match="transparency"):
        natural(folder, DEEP, exact=True)


def test_a_shade_that_does_not_occur_is_no_transparency(tmp_path):
    raw = values(8, 8, 1, dtype=np.uint16) | 1
    found, _ = natural(folder_of(tmp_path, "png", [png(raw, transparent=4)]), DEEP, exact=True)
    assert (found[0][1][0] == raw[..., 0]).all()


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (lambda: tiff(values(8, 8, 3, dtype=np.uint16), planar=True), "lie in planes"),
        (lambda: tiff(values(8, 8, 4, dtype=np.uint16), planar=True, photometric=5), "lie in planes"),
        (lambda: tiff(values(8, 8, 3), subfile=1), "thumbnail"),
        (lambda: tiff(values(8, 8, 1), sample_format=2), "signed|unknown"),
        (lambda: tiff(values(8, 8, 1, dtype=np.uint16), photometric=0), "counts from white"),
    ],
)
def test_what_pillow_reads_wrong_is_refused(tmp_path, content, reason):
    folder = folder_of(tmp_path, "tif", [content()] * 20)
    for read in (lambda: open_data(str(folder)), lambda: natural(folder, COLOUR, exact=False)):
        with pytest.raises(UserError, match=reason):
            read()


@pytest.mark.parametrize(("dtype", "deflate"), [(np.uint8, False), (np.uint8, True), (np.uint16, True)])
def test_planes_that_pillow_reads_right_are_taken(tmp_path, dtype, deflate):
    raw = values(8, 8, 3, dtype=dtype)
    (tmp_path / "a.tif").write_bytes(tiff(raw, planar=True, deflate=deflate))
    found = read_inputs([str(tmp_path / "a.tif")], COLOUR)[1][0].astype(int)
    assert abs(found - (raw.astype(int) // (257 if dtype == np.uint16 else 1)).transpose(2, 0, 1)).max() <= 1


@pytest.mark.parametrize("ending", ["avif", "qoi", "pcx", "sgi", "dds", "dib", "tga", "jp2", "ppm", "webp", "jfif"])
def test_formats_that_pillow_writes_are_read(tmp_path, ending):
    name = Image.registered_extensions()[f".{ending}"]
    if name not in Image.SAVE:
        pytest.fail(f"this Pillow writes no {name}") if name != "AVIF" else pytest.skip("no AVIF here")
    picture = frames()[0]
    (tmp_path / f"a.{ending}").write_bytes(saved(picture, name))
    assert read_inputs([str(tmp_path / f"a.{ending}")], COLOUR)[1].shape == (1, 3, 8, 8)
    assert f".{ending}" in formats.endings()


def test_a_huge_animation_is_refused_by_its_header(tmp_path):
    """200 megapixels in several frames took half a minute and 4 GB."""
    data = bytearray(several("WEBP"))
    at = data.index(b"VP8X") + 12
    data[at : at + 6] = (9_999).to_bytes(3, "little") * 2
    (tmp_path / "a.webp").write_bytes(data)
    with pytest.raises(UserError, match="25 megapixels"):
        read_inputs([str(tmp_path / "a.webp")], COLOUR)


def test_no_format_runs_a_program():
    assert not {"EPS", "WMF", "PDF", "PALM"} & set(formats.FORMATS)


@pytest.fixture
def no_heif(monkeypatch):
    """A Pillow that no other library has taught to read HEIF."""
    monkeypatch.setitem(sys.modules, "pillow_heif", None)
    monkeypatch.setattr(Image, "OPEN", {name: reader for name, reader in Image.OPEN.items() if name != "HEIF"})
    formats.formats.cache_clear()
    yield
    formats.formats.cache_clear()


@pytest.mark.parametrize(
    ("name", "content", "what"),
    [
        ("a.heic", boxes(b"heic"), r"HEIC photograph, which needs pip install 'aegean\[heic\]'"),
        ("a.heif", boxes(b"mif1"), "HEIC photograph"),
        ("a.mp4", boxes(b"isom"), "a video"),
        ("a.mov", boxes(b"qt  "), "a video"),
        ("a.mkv", b"\x1a\x45\xdf\xa3" + bytes(40), "a video"),
        ("a.avi", b"RIFF\x40\0\0\0AVI LIST" + bytes(40), "a video"),
        ("a.jpg", boxes(b"M4V "), "a video"),
        ("a.pdf", b"%PDF-1.7\n", "a PDF"),
        ("a.mp3", b"ID3\x03" + bytes(40), "a sound"),
    ],
)
@pytest.mark.usefixtures("no_heif")
def test_what_is_no_picture_is_named(tmp_path, name, content, what):
    folder = folder_of(tmp_path, "png", [saved(picture, "PNG") for picture in frames(25)])
    (folder / name).write_bytes(content)
    with pytest.raises(UserError, match=rf"{name} .*{what}"):
        open_data(str(folder))
    with pytest.raises(UserError, match=rf"{name} .*{what}"):
        natural(folder, COLOUR, exact=True)
    found, said = natural(folder, COLOUR, exact=True, skip_bad=True)
    assert len(found) == 25 and "1 of 26 files left out" in said and what.partition(",")[0] in said


def test_how_many_of_which_kind_were_left_out(tmp_path):
    folder = folder_of(tmp_path, "png", [saved(picture, "PNG") for picture in frames(25)])
    for n in range(5):
        (folder / f"{n}.mp4").write_bytes(boxes(b"isom"))
        (folder / f"{n}.pdf").write_bytes(b"%PDF-1.7\n") if n < 2 else None
    said = []
    heard(said, open_data, DataOptions(str(folder), skip_bad=True))
    text = next(text for text in said if "left out" in text)
    assert "7 of 32 files" in text and "5 × a video (0.mp4, 1.mp4, 2.mp4 and 2 more)" in text and "2 × a PDF" in text


def test_heic_is_read_where_its_library_is(tmp_path, monkeypatch):
    """A stand-in for pillow_heif, which reads every file of the brand as one colour."""

    class Heif(Image.Image):
        format = "HEIF"

    def reader(file, name):
        picture = Heif()
        picture.__dict__.update(Image.new("RGB", (8, 8), "red").__dict__)
        return picture

    def register_heif_opener():
        Image.register_open("HEIF", reader, lambda head: head[4:12] == b"ftypheic")

    library = types.ModuleType("pillow_heif")
    library.register_heif_opener = register_heif_opener
    monkeypatch.setitem(sys.modules, "pillow_heif", library)
    monkeypatch.setattr(Image, "OPEN", dict(Image.OPEN))
    monkeypatch.setattr(Image, "ID", list(Image.ID))
    formats.formats.cache_clear()
    try:
        (tmp_path / "a.heic").write_bytes(boxes(b"heic"))
        raw = read_inputs([str(tmp_path / "a.heic")], COLOUR)[1]
        assert (raw[0].reshape(3, -1) == [[255], [0], [0]]).all()
    finally:
        formats.formats.cache_clear()


@pytest.mark.parametrize("part", ["x" * 251, "é" * 125, "日" * 83, "a" * 245 + ".b"])
def test_long_names_can_be_written_again(tmp_path, part):
    folder = tmp_path / "p"
    folder.mkdir()
    for ending in ("png", "bmp"):
        frames()[0].save(folder / f"{part}.{ending}")
    (folder / ("d" * 255)).mkdir()
    frames()[0].save(folder / ("d" * 255) / "a.png")
    found, _ = natural(folder, COLOUR, exact=True)
    names = [name for name, _ in found]
    assert len(set(names)) == 3 and all(len(p.encode()) <= PART_LIMIT + 8 for name in names for p in name.split("/"))
    for name, pixels in found:
        write_picture(pixels, tmp_path / "out" / name)
    assert len(list((tmp_path / "out").rglob("*.png"))) == 3


@pytest.mark.parametrize(("name", "written"), [("con", "-con"), ("a/NUL.x", "a/-NUL.x"), ("a. ", "a-"), ("b.", "b-")])
def test_names_of_other_systems(name, written):
    assert file_name(name, set()) == written


def test_names_of_a_strangers_file_never_meet():
    taken: set[str] = set()
    names = [file_name(name, taken) for name in ("y" * 250, "y" * 251, "y" * 255, "A", "a")]
    assert len({name.lower() for name in names}) == 5 and max(map(len, names)) < 250


def test_pictures_of_a_tar_keep_their_sizes(tmp_path):
    import tarfile

    sizes = [(8, 9), (20, 5), (13, 13)]
    pictures = [values(*size, 3) for size in sizes]
    with tarfile.open(tmp_path / "a.tar", "w") as tar:
        for n, pixels in enumerate(pictures):
            data = saved(Image.fromarray(pixels), "PNG")
            member = tarfile.TarInfo(f"sub/{n}.png")
            member.size = len(data)
            tar.addfile(member, io.BytesIO(data))
    found, said = natural(tmp_path / "a.tar", COLOUR, exact=True)
    assert [name for name, _ in found] == ["sub/0", "sub/1", "sub/2"] and "scaled" not in said
    assert all((x == pixels.transpose(2, 0, 1)).all() for (_, x), pixels in zip(found, pictures))
