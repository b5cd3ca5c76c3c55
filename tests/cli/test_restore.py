"""restore on the command line: people's pictures go in, and come out with all that was theirs."""

import io
from collections import Counter

import numpy as np
import pytest
import torch
from PIL import Image

from aegean.data.info import DataInfo
from aegean.data.io.photographs import photograph
from aegean.data.io.png import deep_png
from aegean.data.read.formats import open_picture
from aegean.model import Model
from aegean.recipes import smoke
from aegean.training.trainer import build

SIZE = (30, 44)  # height, width


def save_model(file, channels, **settings):
    info = DataInfo("made", (channels, 32, 32), (127.5,), (127.5,))
    run = smoke("restore", info, width=4, blocks=1, **settings)
    nets = build(run)
    keep = [name for name in run.nets if name not in run.training_only]
    with torch.no_grad():
        nets["U"].last.weight.zero_()  # what is given comes out
    Model({n: run.nets[n] for n in keep}, {n: nets[n] for n in keep}, info, wiring=run.wiring).save(file)


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    folder = tmp_path_factory.mktemp("models")
    save_model(folder / "noise.safetensors", 3)
    save_model(folder / "grey.safetensors", 1)
    save_model(folder / "holes.safetensors", 3, damage="holes")
    save_model(folder / "x2.safetensors", 3, damage="downscale")
    return folder


def opened(file):
    with Image.open(file) as image:
        image.load()
    return image


def pixels(*size):
    return np.random.default_rng(0).integers(0, 256, size, dtype=np.uint8)


@pytest.fixture
def pictures(tmp_path):
    folder = tmp_path / "in"
    (folder / "sub").mkdir(parents=True)
    Image.fromarray(pixels(*SIZE, 4)).save(folder / "clear.png")
    Image.fromarray(pixels(*SIZE).astype(np.uint16) * 200).save(folder / "deep.png")
    Image.fromarray(pixels(*SIZE)).save(folder / "grey.png")
    Image.fromarray(pixels(3, 2, 3)).save(folder / "tiny.png")
    turned = Image.Exif()
    turned[0x0112], turned[0x010F] = 6, "Maker"
    profile = b"\0" * 128 + b"a profile"
    Image.fromarray(pixels(*SIZE, 3)).save(folder / "sub" / "turned.png", exif=turned, icc_profile=profile)
    return folder


def test_pictures_of_any_kind_keep_name_size_depth_alpha_orientation_and_profile(models, pictures, done, tmp_path):
    done("restore", models / "noise.safetensors", pictures, "--out", tmp_path / "out", "--compare", "--tile", "16")
    for name in ("clear", "deep", "grey", "tiny"):
        given, made = (opened(folder / f"{name}.png") for folder in (pictures, tmp_path / "out"))
        assert (made.mode, made.size) == (given.mode, given.size)
        assert np.array_equal(np.asarray(given), np.asarray(made)), name
        assert opened(tmp_path / "out" / "compare" / f"{name}.png").width > 2 * given.width
    made = opened(tmp_path / "out" / "sub" / "turned.png")
    assert made.size == SIZE and dict(made.getexif()) == {0x010F: "Maker"}
    assert made.info["icc_profile"].endswith(b"a profile")
    assert np.array_equal(np.asarray(made), np.rot90(pixels(*SIZE, 3), -1))


@pytest.mark.parametrize("channels", [3, 4])
def test_colours_of_16_bits_keep_them(models, channels, call, tmp_path):
    wanted = np.random.default_rng(0).integers(0, 65536, (channels, *SIZE), np.uint16)
    tags = Image.Exif()
    tags[0x0112], tags[0x010F] = 6, "Maker"
    beside = {"exif": tags.tobytes(), "icc_profile": b"\0" * 128 + b"a profile", "dpi": (300.0, 300.0)}
    (tmp_path / "deep.png").write_bytes(deep_png(wanted, beside))
    assert np.array_equal(np.asarray(opened(tmp_path / "deep.png")), wanted.transpose(1, 2, 0) >> 8)
    status, _, err = call("restore", models / "noise.safetensors", tmp_path / "deep.png", "--out", tmp_path / "out")
    assert status == 0 and "8 bits" not in err
    with open_picture(io.BytesIO((tmp_path / "out" / "deep.png").read_bytes())) as picture:
        made = photograph(picture, Counter())
    found = made.values if channels == 3 else np.concatenate((made.values, made.alpha[None]))
    assert np.array_equal(found, np.rot90(wanted, -1, (1, 2))) and made.beside["icc_profile"].endswith(b"a profile")
    assert "exif" in made.beside and round(made.beside["dpi"][0]) == 300


def test_scale_makes_alpha_larger_too(models, pictures, done, tmp_path):
    done("restore", models / "x2.safetensors", pictures / "clear.png", "--scale", "2", "--out", tmp_path / "out")
    made = opened(tmp_path / "out" / "clear.png")
    assert made.mode == "RGBA" and made.size == (2 * SIZE[1], 2 * SIZE[0])
    wanted = Image.fromarray(pixels(*SIZE, 4)[..., 0].astype(np.float32)).resize(made.size, Image.Resampling.BICUBIC)
    assert np.abs(np.asarray(wanted).clip(0, 255) - np.asarray(made)[..., 0]).max() <= 0.51


def test_masks_go_by_name_and_what_is_known_stays(models, done, refused, tmp_path):
    for folder in ("in", "masks"):
        (tmp_path / folder).mkdir()
    hole = np.zeros(SIZE, np.uint8)
    hole[5:9, 6:20] = 255
    for name in "ab":
        given = pixels(*SIZE, 3)
        given[hole > 0] = ord(name)  # what lies in a hole is not looked at
        Image.fromarray(given).save(tmp_path / "in" / f"{name}.png")
        Image.fromarray(hole).save(tmp_path / "masks" / f"{name}.png")
    command = ["restore", models / "holes.safetensors", tmp_path / "in", "--out", tmp_path / "out", "--mask"]
    done(*command, tmp_path / "masks")
    a, b = (np.asarray(opened(tmp_path / "out" / f"{name}.png")) for name in "ab")
    assert np.array_equal(a, b) and np.array_equal(a[hole == 0], pixels(*SIZE, 3)[hole == 0])
    done(*command, tmp_path / "masks" / "a.png", "--overwrite")
    (tmp_path / "masks" / "b.png").unlink()
    assert "b" in refused(*command, tmp_path / "masks", "--overwrite")
    Image.fromarray(hole[:, 1:]).save(tmp_path / "small.png")
    said = refused(*command, tmp_path / "small.png", "--overwrite")
    assert "43x30" in said and "44x30" in said
    Image.fromarray(pixels(*SIZE, 3)).save(tmp_path / "colour.png")
    assert "colour" in refused(*command, tmp_path / "colour.png", "--overwrite")


def test_formats_that_lose_nothing_are_kept_and_others_are_said(models, call, tmp_path):
    folder, out = tmp_path / "in", tmp_path / "out"
    folder.mkdir()
    tags = Image.Exif()
    tags[0x010F] = "Maker"
    Image.fromarray(pixels(*SIZE).astype(np.uint16) * 200).save(folder / "deep.tif", exif=tags)
    Image.fromarray(pixels(*SIZE, 3)).save(folder / "plain.bmp")
    Image.fromarray(pixels(*SIZE, 3)).save(folder / "photo.jpg")
    Image.fromarray(pixels(*SIZE, 3)).save(folder / "photo.png", dpi=(300, 300))
    status, _, err = call("restore", models / "noise.safetensors", folder, "--out", out)
    assert status == 0 and "in JPEG: written as PNG" in err and "photo-2" in err
    kept = ["deep.tif", "deep.tif.json", "photo-2.png", "photo.png", "plain.bmp", "plain.bmp.json"]
    assert sorted(file.name for file in out.iterdir()) == kept
    made = opened(out / "deep.tif")
    assert made.getexif()[0x010F] == "Maker"
    assert np.array_equal(np.asarray(made), pixels(*SIZE).astype(np.uint16) * 200)
    assert np.array_equal(np.asarray(opened(out / "plain.bmp")), pixels(*SIZE, 3))
    assert round(opened(out / "photo-2.png").info["dpi"][0]) == 300


def test_what_is_finished_stays_when_a_later_picture_cannot_be_read(models, call, tmp_path):
    folder, out = tmp_path / "in", tmp_path / "out"
    folder.mkdir()
    Image.fromarray(pixels(*SIZE, 3)).save(folder / "a.png")
    (folder / "b.png").write_bytes((folder / "a.png").read_bytes()[:300])
    status, _, err = call("restore", models / "noise.safetensors", folder, "--out", out)
    assert status == 2 and "b.png" in err and "1 image of 2" in err
    assert [file.name for file in out.iterdir()] == ["a.png"]


def test_a_mask_of_ones_is_refused_and_one_without_a_hole_is_said(models, call, refused, tmp_path):
    Image.fromarray(pixels(*SIZE, 3)).save(tmp_path / "a.png")
    for value in (0, 1):
        Image.fromarray(np.full(SIZE, value, np.uint8)).save(tmp_path / f"{value}.png")
    command = ["restore", models / "holes.safetensors", tmp_path / "a.png", "--out", tmp_path / "out", "--mask"]
    assert "255" in refused(*command, tmp_path / "1.png")
    status, _, err = call(*command, tmp_path / "0.png")
    assert status == 0 and "without a hole" in err


def test_a_model_that_could_enlarge_says_so(models, call, tmp_path):
    Image.fromarray(pixels(*SIZE, 3)).save(tmp_path / "a.png")
    _, _, err = call("restore", models / "x2.safetensors", tmp_path / "a.png", "--out", tmp_path / "out")
    assert "--scale 2" in err


@pytest.mark.parametrize("model", ["noise", "holes"])
def test_what_a_model_was_not_trained_for_is_refused_before_anything_is_written(model, models, refused, tmp_path):
    Image.fromarray(pixels(*SIZE, 3)).save(tmp_path / "a.png")
    command = ["restore", models / f"{model}.safetensors", tmp_path / "a.png", "--out", tmp_path / "out"]
    for more in (["--scale", "2"], ["--strength", "1"], ["--mask", tmp_path / "a.png"] if model == "noise" else []):
        refused(*command, *more)
    assert not (tmp_path / "out").exists()


def test_a_model_of_grey_pictures_says_what_it_does_with_colours(models, call, tmp_path):
    Image.fromarray(pixels(*SIZE, 3)).save(tmp_path / "a.png")
    status, _, err = call("restore", models / "grey.safetensors", tmp_path / "a.png", "--out", tmp_path / "out")
    assert status == 0 and "one by one" in err
    assert np.array_equal(np.asarray(opened(tmp_path / "out" / "a.png")), pixels(*SIZE, 3))


def test_a_model_that_restores_nothing_says_what_would(tiny_runs, refused, tmp_path):
    Image.fromarray(pixels(*SIZE, 3)).save(tmp_path / "a.png")
    assert "train restore" in refused("restore", tiny_runs / "ae", tmp_path / "a.png", "--out", tmp_path / "out")
