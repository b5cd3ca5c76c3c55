"""What files of samples say of their origin: read by other libraries, and changing nothing of the samples."""

import io
import json
from xml.etree import ElementTree

import numpy as np
import pytest
from PIL import Image
from scipy.io import wavfile

from aegean.data.info import DataInfo
from aegean.data.io.hearing import wav_bytes
from aegean.data.io.origin import GENERATED, TYPES, Origin, read_origin, with_origin, write_with

ORIGIN = Origin(GENERATED, "0123456789abcdef" * 2, 7)
PIXELS = np.random.default_rng(0).integers(0, 256, (9, 7, 3), dtype=np.uint8)


def picture(form, **options):
    out = io.BytesIO()
    Image.fromarray(PIXELS).save(out, form, **options)
    return out.getvalue()


def xmp_of(image):
    text = image.info.get("xmp") or image.info["XML:com.adobe.xmp"].encode()
    (found,) = ElementTree.fromstring(text.strip(b"\0"))[0]
    return [value for key, value in found.attrib.items() if key.endswith(("SourceType", "Model", "Seed"))]


@pytest.mark.parametrize("form", ["PNG", "JPEG"])
@pytest.mark.parametrize("options", [{}, {"dpi": (300, 300)}])
def test_pillow_reads_it_and_the_pixels_are_the_same(form, options):
    plain = picture(form, **options)
    with Image.open(io.BytesIO(with_origin(plain, ORIGIN))) as image, Image.open(io.BytesIO(plain)) as before:
        assert xmp_of(image) == [TYPES + GENERATED, ORIGIN.model, "7"]
        assert np.array_equal(np.asarray(image), np.asarray(before)) and image.info.get("dpi") == before.info.get("dpi")


@pytest.mark.parametrize("form", ["PNG", "JPEG"])
def test_files_say_it_themselves(form):
    said = read_origin(with_origin(picture(form), ORIGIN))
    assert "trainedAlgorithmicMedia" in said and ORIGIN.model in said and 'Seed="7"' in said
    assert read_origin(picture(form)) == ""


@pytest.mark.parametrize("length", [100, 101])
def test_sounds_say_it_and_sound_the_same(length):
    info = DataInfo("s", (1, length), (0.0,), (1.0,), "float32", rate=8000, kind="audio")
    raw = np.sin(np.arange(length, dtype=np.float32))[None, None] / 2
    plain = wav_bytes(raw, info)
    marked = with_origin(plain, ORIGIN)
    assert json.loads(read_origin(marked)) == ORIGIN.values() and read_origin(plain) == ""
    (rate, values), (_, before) = (wavfile.read(io.BytesIO(data)) for data in (marked, plain))
    assert rate == 8000 and np.array_equal(values, before)


def test_arrays_hold_it_as_an_entry():
    out = io.BytesIO()
    np.savez(out, x=PIXELS)
    with np.load(io.BytesIO(with_origin(out.getvalue(), ORIGIN)), allow_pickle=False) as found:
        assert np.array_equal(found["x"], PIXELS) and json.loads(str(found["origin"])) == ORIGIN.values()


def test_beside_other_files_lies_a_json(tmp_path):
    write_with(tmp_path / "rows.csv", "a,b\n1,2\n", ORIGIN)
    assert (tmp_path / "rows.csv").read_text() == "a,b\n1,2\n"
    assert json.loads((tmp_path / "rows.csv.json").read_text()) == ORIGIN.values()


def says_it(file):
    if file.suffix == ".npz":
        with np.load(file, allow_pickle=False) as found:
            return "origin" in found
    return b"trainedAlgorithmicMedia" in file.read_bytes()


@pytest.mark.parametrize("out", ["grid.png", "samples.npz", "folder/"])
def test_sample_says_it_unless_asked_not_to(tiny_runs, tmp_path, call, out):
    for folder, more in ((tmp_path / "said", ()), (tmp_path / "plain", ("--no-mark",))):
        status, _, err = call("sample", tiny_runs / "vae", "--count", 3, "--out", f"{folder}/{out}", *more)
        assert status == 0 and ("do not say" in err) == bool(more)
        files = [file for file in folder.rglob("*") if file.is_file()]
        assert len(files) == (3 if out == "folder/" else 1)
        assert all(says_it(file) is not bool(more) for file in files)


def test_marked_files_are_read_as_data_again(tiny_runs, tmp_path, done):
    for out in ("samples.npz", "folder/"):
        done("sample", tiny_runs / "vae", "--count", 12, "--out", f"{tmp_path}/{out}")
        done("reconstruct", tiny_runs / "vae", f"{tmp_path}/{out}", "--out", f"{tmp_path}/{out[0]}.png")
    done("sample", tiny_runs / "rows", "--count", 12, "--out", f"{tmp_path}/rows/")
    assert (tmp_path / "rows" / "samples.csv.json").exists()
    done("reconstruct", tiny_runs / "rows", f"{tmp_path}/rows/samples.csv", "--out", tmp_path / "r.png")
