"""aegean traverse: pictures and numbers of directions, from where it was asked, and what is refused."""

import json

import numpy as np
import pytest
from PIL import Image

import aegean

TINY = {"width": 8, "latent": 4, "batch": 16}


def make_runs(folder):
    small = {"width": 8, "batch": 16}
    for name, recipe in {"ladder": "hierarchical_vae", "quantised": "vq_ae"}.items():
        aegean.train(recipe, "digits", folder / name, images=320, evaluations=1, settings=small)


@pytest.fixture(scope="module")
def runs(tiny_runs, shared):
    """The path of a run by its name: the tiny runs, and a ladder and a quantised model."""
    return {path.name: path for folder in (tiny_runs, shared("traverse", make_runs)) for path in folder.iterdir()}


def numbers(file):
    with np.load(file, allow_pickle=False) as arrays:
        return dict(arrays)


@pytest.mark.parametrize("way", ["components", "weights", "axes"])
def test_a_picture_has_a_labelled_row_for_each_direction(done, runs, tmp_path, way):
    said = done("traverse", runs["vae"], "--out", tmp_path / "g.png", "--way", way, "--count", 3, "--steps", 5)
    assert f"3 directions ({way}), 5 steps" in said and said.count("%") == 3
    with Image.open(tmp_path / "g.png") as picture:
        width, height = picture.size
    assert 5 * 49 < width < 5 * 49 + 120 and 3 * 49 < height < 3 * 49 + 40


def test_numbers_are_lines_through_the_start(done, runs, tmp_path):
    done("traverse", runs["vae"], "--out", tmp_path / "d.npz", "--seed", 3, "--steps", 3, "--span", 1.5)
    found, model = numbers(tmp_path / "d.npz"), aegean.load(runs["vae"])
    assert found["vectors"].shape == (4, 4) and found["x"].shape == (4, 3, 1, 8, 8)
    np.testing.assert_array_equal(found["x"][0, 1], model.info.restore(model.sample(1, seed=3))[0])
    far = found["start"] + 1.5 * found["scale"][:, None] * found["vectors"]
    np.testing.assert_allclose(found["z"][:, -1], far, atol=1e-5)
    done("traverse", runs["vae"], "--out", tmp_path / "d.json", "--seed", 3)
    told = json.loads((tmp_path / "d.json").read_text())
    np.testing.assert_allclose(told["vectors"], found["vectors"])
    assert told["way"] == "components" and "x" not in told


def test_it_starts_at_a_picture(done, runs, tmp_path):
    picture = np.random.default_rng(0).integers(0, 256, (8, 8), np.uint8)
    Image.fromarray(picture).save(tmp_path / "one.png")
    done("traverse", runs["vae"], "--out", tmp_path / "d.npz", "--from", tmp_path / "one.png")
    model = aegean.load(runs["vae"])
    z = model.encode(model.info.normalise(picture[None, None]))[0]
    np.testing.assert_allclose(numbers(tmp_path / "d.npz")["start"], z, atol=1e-5)


def test_numbers_of_a_ladder_tell_their_level(done, runs, tmp_path):
    said = done("traverse", runs["ladder"], "--out", tmp_path / "g.png", "--way", "axes", "--count", 40)
    assert "level 1" in said and "level 0" in said
    done("traverse", runs["ladder"], "--out", tmp_path / "d.npz", "--way", "weights")
    found = numbers(tmp_path / "d.npz")
    assert sorted(set(found["level"])) == [0, 1]
    assert not found["vectors"][:, found["level"] == 0].any()  # the first layer sees the top level alone


def test_a_model_file_without_its_run_is_asked_of_its_prior(done, runs, tmp_path):
    (tmp_path / "alone.safetensors").write_bytes((runs["vae"] / "model.safetensors").read_bytes())
    said = done("traverse", tmp_path / "alone.safetensors", "--out", tmp_path / "g.png")
    assert "(weights)" in said  # all directions of N(0, 1) are equal


def test_a_model_with_classes_shows_the_one_that_is_named(done, call, runs, tmp_path):
    status, _, err = call("traverse", runs["cgan"], "--out", tmp_path / "g.png")
    assert status == 2 and "--class NAME" in err
    done("traverse", runs["cgan"], "--out", tmp_path / "three.npz", "--class", 3, "--seed", 1)
    done("traverse", runs["cgan"], "--out", tmp_path / "five.npz", "--class", 5, "--seed", 1)
    three, five = numbers(tmp_path / "three.npz"), numbers(tmp_path / "five.npz")
    np.testing.assert_array_equal(three["z"], five["z"])
    assert not np.array_equal(three["x"], five["x"])
    done("traverse", runs["ae"], "--out", tmp_path / "g.png", "--class", 3)


def test_rows_go_to_numbers(done, call, runs, tmp_path):
    status, _, err = call("traverse", runs["rows"], "--out", tmp_path / "g.png")
    assert status == 2 and "rows" in err and ".npz or .json" in err
    done("traverse", runs["rows"], "--out", tmp_path / "d.json")
    assert np.shape(json.loads((tmp_path / "d.json").read_text())["x"]) == (2, 7, 2)


@pytest.mark.parametrize(
    "run,words,sentence",
    [
        ("vae", ["--way", "pca"], "no way 'pca'"),
        ("vae", ["--steps", 4], "odd number"),
        ("vae", ["--steps", 1], "not below 3"),
        ("vae", ["--count", 0], "not below 1"),
        ("vae", ["--span", 0], "above 0"),
        ("vae", ["--span", "nan"], "expected a number"),
        ("vae", ["--span", "1e300"], "NaN or infinity"),
        ("vae", ["--class", 3], "no class input"),
        ("vae", ["--from", "nowhere.png"], "nowhere.png"),
        ("vae", ["--from", "digits"], "holds 1797 samples"),
        ("vae", ["--from", "digits", "--seed", 1], "not allowed with"),
        ("vae", ["--steps", 99_999], "do not fit into one picture"),
        ("cgan", ["--class", 3, "--from", "digits"], "cannot encode"),
        ("cgan", ["--class", 3, "--way", "components"], "take the way weights"),
        ("ae", ["--class", 3, "--seed", 1], "cannot sample"),
        ("quantised", [], "quantised"),
    ],
)
def test_what_cannot_be_shown_is_refused_in_one_sentence(call, runs, tmp_path, run, words, sentence):
    status, out, err = call("traverse", runs[run], "--out", tmp_path / "g.png", *words)
    assert status == 2 and sentence in err and len(err.strip().splitlines()) == 1, err
    assert not out and not (tmp_path / "g.png").exists()


def test_nothing_is_replaced_unasked(call, runs, tmp_path):
    (tmp_path / "g.png").write_text("mine")
    status, _, err = call("traverse", runs["vae"], "--out", tmp_path / "g.png")
    assert status == 2 and "--overwrite" in err and (tmp_path / "g.png").read_text() == "mine"
    assert call("traverse", runs["vae"], "--out", tmp_path / "g.txt")[0] == 2
