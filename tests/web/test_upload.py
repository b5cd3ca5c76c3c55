"""Pictures from strangers: whatever is dragged in is brought to the model's shape or refused in a sentence."""

import io
import struct
import zlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from strokes import picture

from aegean.config import UserError
from aegean.data import DataInfo
from aegean.web.upload import BYTES, PIXELS, WHOLE, prepare, upload

GREY = DataInfo("grey", (1, 8, 8), (127.5,), (127.5,))
COLOUR = DataInfo("colour", (3, 16, 12), (127.5,), (127.5,))


def header_only(width, height):
    """A PNG that says it is huge and holds nothing."""

    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)) + chunk(
        b"IDAT", zlib.compress(b"")
    ) + chunk(b"IEND", b"")  # fmt: skip


@pytest.mark.parametrize("info", [GREY, COLOUR], ids=["grey", "colour"])
@pytest.mark.parametrize("mode, kind", [("L", "PNG"), ("RGB", "JPEG"), ("RGBA", "PNG"), ("P", "GIF"), ("1", "TIFF")])
def test_any_picture_is_brought_to_the_model_s_shape(mode, kind, info):
    found = prepare(upload(picture(mode, kind=kind)), info)
    assert found.raw.shape == info.shape and found.raw.dtype == np.uint8
    assert "scaled from 300 x 220" in found.note


def test_what_was_done_is_said():
    assert "turned into grey" in prepare(upload(picture("RGB")), GREY).note
    assert "cropped" in prepare(upload(picture("RGB")), GREY).note
    assert "laid on white" in prepare(upload(picture("RGBA")), COLOUR).note
    assert "same value in every colour" in prepare(upload(picture("L")), COLOUR).note
    assert prepare(upload(picture("L", (8, 8))), GREY).note == "Your image is taken as it is."
    assert "cropped" not in prepare(upload(picture("L", (80, 80))), GREY).note


def test_black_and_white_are_the_ends_of_the_model_s_range():
    odd = DataInfo("odd", (1, 8, 8), (0.5,), (0.5,), dtype="float32")
    white = prepare(upload(picture("RGB", (8, 8), "PNG")), odd).raw
    assert white.min() == 0 and white.max() == 1


def test_a_picture_is_turned_upright_as_its_camera_says():
    exif = Image.Exif()
    exif[0x0112] = 6
    assert upload(picture("RGB", (300, 200), "JPEG", exif=exif.tobytes())).size == (300, 200)


def test_a_whole_picture_keeps_its_size_and_a_large_one_its_form():
    assert prepare(upload(picture("L", (30, 21))), GREY, whole=True).raw.shape == (1, 21, 30)
    assert prepare(upload(picture("L", (4 * WHOLE, 2 * WHOLE))), GREY, whole=True).raw.shape == (1, WHOLE // 2, WHOLE)
    assert prepare(upload(picture("L", (3000, 1))), GREY, whole=True).raw.shape == (1, 1, WHOLE)


@pytest.mark.parametrize(
    "data, words",
    [
        (b"", "cannot be read as an image"),
        (b"hello", "no known image format|saved as PNG"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "no known image format|saved as PNG"),
        (bytes(BYTES + 1), "at most 20 MB"),
        (header_only(9000, 9000), "81 megapixels; at most 50"),
        (header_only(100_000, 100_000), "more than 200 megapixels"),
    ],
    ids=["empty", "text", "svg", "heavy", "large", "bomb"],
)
def test_what_is_no_picture_or_too_large_is_refused_in_words(data, words):
    with pytest.raises(UserError, match=words):
        upload(data)
    assert PIXELS == 50_000_000


def test_a_picture_cut_short_is_refused_in_words():
    whole = picture("RGB", kind="PNG")
    with pytest.raises(UserError, match="cannot be read as an image"):
        prepare(upload(whole[: len(whole) - 60]), GREY)


def test_a_model_of_other_channels_says_so():
    with pytest.raises(UserError, match="2 channels"):
        prepare(upload(picture()), DataInfo("two", (2, 8, 8), (127.5,), (127.5,)))


@settings(max_examples=40, deadline=None)
@given(st.sampled_from(["PNG", "JPEG", "GIF", "TIFF", "WEBP", "BMP"]), st.data())
@pytest.mark.filterwarnings("ignore")
def test_damaged_files_are_taken_or_refused_and_nothing_else(kind, data):
    raw = bytearray(picture("RGB", (40, 30), kind))
    for place in data.draw(st.lists(st.integers(0, len(raw) - 1), max_size=8)):
        raw[place] = data.draw(st.integers(0, 255))
    cut = data.draw(st.integers(0, len(raw)))
    try:
        assert prepare(upload(bytes(raw[:cut])), GREY).raw.shape == (1, 8, 8)
    except UserError as error:
        assert len(str(error)) < 300 and "\n" not in str(error)


def test_pictures_are_read_from_memory_alone(monkeypatch):
    monkeypatch.setattr(io, "open", None)
    assert upload(picture()).size == (220, 300)
