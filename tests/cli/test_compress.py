"""compress, decompress and info of .aeg files, from the command line."""

import json

import numpy as np
import pytest
from PIL import Image

import aegean


def make_runs(folder):
    small = {"width": 8, "batch": 16}
    aegean.train("codec", "digits", folder / "codec", images=640, evaluations=1, settings=small)
    residual = {"quantiser": "residual", "levels": 8, "stages": 3}
    aegean.train("vq_ae", "digits", folder / "vq", images=640, evaluations=1, settings={**small, **residual})


@pytest.fixture(scope="module")
def runs(shared):
    return shared("codecs", make_runs)


@pytest.fixture
def photos(tmp_path):
    """Grey pictures of several sizes and formats in folders; what each holds, by name."""
    rng, found = np.random.default_rng(0), {}
    for name, size in {"a.png": (13, 21), "sub/a.png": (8, 8), "sub/b.bmp": (1, 30), "c.d.webp": (30, 7)}.items():
        path = tmp_path / "photos" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        values = rng.integers(0, 256, size).astype(np.uint8)
        picture = Image.fromarray(values)
        picture.save(path, lossless=True) if name.endswith("webp") else picture.save(path)
        found[name.rpartition(".")[0]] = np.asarray(Image.open(path).convert("L"))
    return tmp_path / "photos", found


def pixels(folder):
    """What lies in a folder, by names without .png."""
    return {f.relative_to(folder).as_posix()[:-4]: np.asarray(Image.open(f)) for f in folder.rglob("*.png")}


def test_lossless_files_bring_names_sizes_and_every_pixel_back(done, runs, photos, tmp_path):
    folder, expected = photos
    out = done("compress", runs / "codec", folder, "--lossless", "--out", tmp_path / "p.aeg")
    assert "4 images" in out and "lossless" in out
    out = done("decompress", tmp_path / "p.aeg", "--model", runs / "codec", "--out", tmp_path / "again/")
    assert "4 images" in out
    found = pixels(tmp_path / "again")
    assert found.keys() == expected.keys()
    assert all(np.array_equal(found[name], values) for name, values in expected.items())


def test_lossy_files_bring_names_and_sizes_back(done, runs, photos, tmp_path):
    folder, expected = photos
    done("compress", runs / "codec", folder, "--out", tmp_path / "p.aeg")
    done(
        "decompress", tmp_path / "p.aeg", "--model", runs / "codec" / "model.safetensors", "--out", tmp_path / "again/"
    )
    found = pixels(tmp_path / "again")
    assert {np.shape(v) for v in found.values()} == {np.shape(v) for v in expected.values()}


def test_a_data_set_is_compressed_like_pictures(done, runs, tmp_path):
    done("compress", runs / "codec", "digits", "--lossless", "--out", tmp_path / "d.aeg")
    told = json.loads(done("info", tmp_path / "d.aeg", "--json"))
    assert told["pictures"] == 1797 and told["kind"] == "lossless" and told["tile"] == [1, 8, 8]
    assert told["bytes"] == (tmp_path / "d.aeg").stat().st_size < 1797 * 64
    assert told["names"][5] == "digits-000005"
    text = done("info", tmp_path / "d.aeg")
    assert "1,797" in text and "8x8x1" in text and told["model"] in text


def test_stages_are_rates(done, runs, photos, tmp_path):
    sizes = []
    for stages in (1, 2, 3):
        done("compress", runs / "vq", photos[0], "--stages", stages, "--out", tmp_path / f"{stages}.aeg")
        sizes.append((tmp_path / f"{stages}.aeg").stat().st_size)
        done("decompress", tmp_path / f"{stages}.aeg", "--model", runs / "vq", "--out", tmp_path / f"out{stages}/")
    assert sizes == sorted(set(sizes))


def test_the_same_name_twice_is_told_apart(done, runs, photos, tmp_path):
    folder, _ = photos
    done("compress", runs / "codec", folder / "a.png", folder / "sub" / "a.png", "--out", tmp_path / "p.aeg")
    assert json.loads(done("info", tmp_path / "p.aeg", "--json"))["names"] == ["a", "a-2"]


def test_every_damaged_file_is_refused_with_status_two_and_leaves_nothing(refused, done, runs, photos, tmp_path):
    done("compress", runs / "codec", photos[0], "--out", tmp_path / "p.aeg")
    good, rng = (tmp_path / "p.aeg").read_bytes(), np.random.default_rng(0)
    for number in range(12):
        bad = bytearray(good)
        bad[rng.integers(len(bad))] ^= 1 << rng.integers(8)
        (tmp_path / "bad.aeg").write_bytes(bytes(bad) if number else good[:-5])
        words = refused("decompress", tmp_path / "bad.aeg", "--model", runs / "codec", "--out", tmp_path / "bad/")
        assert "bad.aeg is refused: " in words
        assert "bad.aeg is refused: " in refused("info", tmp_path / "bad.aeg")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["bad.aeg", "p.aeg", "photos"]


def test_a_wrong_model_is_refused(refused, done, runs, photos, tmp_path):
    done("compress", runs / "codec", photos[0], "--out", tmp_path / "p.aeg")
    words = refused("decompress", tmp_path / "p.aeg", "--model", runs / "vq", "--out", tmp_path / "out/")
    assert "made by another model" in words and "fingerprint" in words
    done("compress", runs / "codec", photos[0], "--lossless", "--out", tmp_path / "q.aeg")
    words = refused("decompress", tmp_path / "q.aeg", "--model", runs / "vq", "--out", tmp_path / "out/")
    assert "cannot compress lossless" in words


@pytest.mark.parametrize(
    "words,reason",
    [
        (["compress", "RUN", "PHOTOS", "--out", "x.zip"], "ends in .aeg"),
        (["compress", "RUN", "PHOTOS", "--out", "x.aeg", "--lossless", "--stages", "2"], "leave one of them out"),
        (["compress", "RUN", "PHOTOS", "--out", "x.aeg", "--stages", "2"], "stages"),
        (["compress", "RUN", "nowhere", "--out", "x.aeg"], "no data at nowhere"),
        (["decompress", "nowhere.aeg", "--model", "RUN", "--out", "x/"], "is no file"),
        (["decompress", "PHOTOS", "--model", "RUN", "--out", "x/"], "is no file"),
        (["info", "nowhere.aeg"], "is no file"),
    ],
)
def test_what_cannot_be_done_is_said(refused, runs, photos, tmp_path, monkeypatch, words, reason):
    monkeypatch.chdir(tmp_path)
    places = {"RUN": runs / "codec", "PHOTOS": photos[0]}
    assert reason in refused(*(places.get(word, word) for word in words))


def test_a_model_without_symbols_says_who_has_them(refused, tiny_runs, photos, tmp_path):
    words = refused("compress", tiny_runs / "vae", photos[0], "--out", tmp_path / "x.aeg")
    assert "train codec, vq_ae" in words


@pytest.mark.parametrize(
    "values,reason",
    [
        (np.arange(48, dtype=np.uint8).reshape(4, 4, 3), "in colour"),
        (np.zeros((4, 4, 2), np.uint8), "transparency"),
        (np.zeros((4, 4), np.uint16), "16 bits"),
    ],
)
def test_pictures_that_could_not_come_back_exactly_are_refused(refused, runs, tmp_path, values, reason):
    Image.fromarray(values, mode="LA" if values.ndim == 3 and values.shape[2] == 2 else None).save(tmp_path / "x.png")
    assert reason in refused("compress", runs / "codec", tmp_path / "x.png", "--lossless", "--out", tmp_path / "x.aeg")


def test_unreadable_pictures_are_refused_or_left_out(done, refused, runs, photos, tmp_path):
    (photos[0] / "broken.png").write_text("hello")
    assert "broken.png" in refused("compress", runs / "codec", photos[0], "--out", tmp_path / "p.aeg")
    assert "4 images" in done("compress", runs / "codec", photos[0], "--skip-bad", "--out", tmp_path / "p.aeg")


def test_what_is_there_is_not_overwritten(refused, done, runs, photos, tmp_path):
    (tmp_path / "p.aeg").write_bytes(b"mine")
    assert "--overwrite" in refused("compress", runs / "codec", photos[0], "--out", tmp_path / "p.aeg")
    done("compress", runs / "codec", photos[0], "--out", tmp_path / "p.aeg", "--overwrite")


def test_names_that_only_some_systems_tell_apart_and_a_folder_called_like_a_picture_come_back(done, runs, tmp_path):
    rng = np.random.default_rng(0)
    for name in ("A.png", "a.png", "x.PNG", "x.png.d/y.png", "z.png/y.png", "z.PNG"):
        path = tmp_path / "odd" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(rng.integers(0, 256, (5, 6)).astype(np.uint8)).save(path)
    done("compress", runs / "codec", tmp_path / "odd", "--lossless", "--out", tmp_path / "p.aeg")
    done("decompress", tmp_path / "p.aeg", "--model", runs / "codec", "--out", tmp_path / "again/")
    found = pixels(tmp_path / "again")
    assert len({name.casefold() for name in found}) == 6
    before = {f.read_bytes() for f in (tmp_path / "odd").rglob("*") if f.is_file()}
    assert len(before) == len({values.tobytes() for values in found.values()}) == 6


def test_skip_bad_leaves_out_what_the_model_cannot_hold(call, done, runs, photos, tmp_path):
    folder, _ = photos
    Image.fromarray(np.full((4, 4, 4), 9, np.uint8)).save(folder / "clear.png")
    status, _, err = call("compress", runs / "codec", folder, "--out", tmp_path / "p.aeg")
    assert status == 2 and "clear.png: it has transparency" in err and "bad leaves such images out" in err
    assert "4 images" in done("compress", runs / "codec", folder, "--skip-bad", "--out", tmp_path / "p.aeg")
