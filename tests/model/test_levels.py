"""Levels: what a model says of each, reconstruction from the upper ones, redrawing one, one step up or down."""

import json

import numpy as np
import pytest
import safetensors
import torch
from PIL import Image
from safetensors.torch import load_file, save_file

import aegean
from aegean.config import UserError
from aegean.model import Model
from aegean.model.levels import reseeded
from aegean.paths import noise_for

pytestmark = pytest.mark.slow

TINY = {"width": 8, "latent": 4, "batch": 16}


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """Tiny runs: ladder, stack (three floors), scales and flat on digits; rows, a ladder on a table."""
    folder = tmp_path_factory.mktemp("levels")
    recipes = {"ladder": "hierarchical_vae", "stack": "stacked_gan", "scales": "multiscale_gan", "flat": "vae"}
    for name, recipe in recipes.items():
        more = {"levels": 3} if name == "stack" else {}
        aegean.train(recipe, "digits", folder / name, images=320, evaluations=1, settings={**TINY, **more})
    plane = np.random.default_rng(0).normal(size=(300, 2))
    np.savetxt(folder / "plane.csv", plane, delimiter=",", header="x,y", comments="")
    settings = {"width": 2, "batch": 16}
    table = str(folder / "plane.csv")
    aegean.train("hierarchical_vae", table, folder / "rows", images=320, evaluations=1, settings=settings)
    return folder


@pytest.fixture(scope="module")
def models(runs):
    return {name: aegean.load(runs / name) for name in ("ladder", "stack", "scales", "flat", "rows")}


@pytest.fixture(scope="module")
def x(models):
    digits = aegean.open_data("digits")
    return digits.info.normalise(digits.test[:5])


def test_levels_tell_features_and_latents_of_every_model_with_an_encoder(models, x):
    shapes = {
        name: [
            (tuple(v.features.shape[1:]), v.latent is not None and v.latent.shape[1]) for v in models[name].levels(x)
        ]
        for name in ("flat", "ladder", "stack")
    }
    assert shapes["flat"] == [((8, 8, 8), False), ((16, 4, 4), 4)]
    assert shapes["ladder"] == [((8, 8, 8), 64), ((16, 4, 4), 4)]
    assert shapes["stack"] == [((64,), False), ((16,), False), ((64,), 4)]
    with pytest.raises(UserError, match="no encoder"):
        models["scales"].levels(x)
    assert {name: model.depth for name, model in models.items()} == {
        "ladder": 2, "stack": 3, "scales": 2, "flat": 1, "rows": 2,
    }  # fmt: skip


def test_reconstruction_from_the_upper_levels_leaves_out_what_the_lower_ones_say(models, x):
    model = models["ladder"]
    z = model.encode(x)
    torch.testing.assert_close(model.reconstruct(x, top=2), model.reconstruct(x))
    kept = torch.cat((z[:, :4], torch.zeros(5, 64)), 1)
    torch.testing.assert_close(model.reconstruct(x, top=1), model.decode(kept))
    stack = models["stack"]
    torch.testing.assert_close(stack.reconstruct(x, top=1), stack.reconstruct(x))
    h = stack.levels(x)[0].features
    torch.testing.assert_close(stack.reconstruct(x, top=3), stack.decode_level(0, h))


@pytest.mark.parametrize("name", ["ladder", "stack", "flat"])
def test_levels_are_encoded_one_by_one(models, x, name):
    below = x
    for number, level in enumerate(models[name].levels(x)):
        below = models[name].encode_level(number, below)
        torch.testing.assert_close(below, level.features)


@pytest.mark.parametrize("name", ["ladder", "stack", "rows"])
def test_levels_are_decoded_one_by_one(models, name):
    model = models[name]
    G = model.nets["G"]
    z = torch.randn(3, model.latent)
    h = z[:, : G.spans[-1]] if name != "stack" else z
    drawn = G.split(z) if name != "stack" else [None] * 3
    for level in reversed(range(model.depth)):
        h = model.decode_level(level, h, drawn[level])
    h = G.mean(G.finish(h)) if name != "stack" else h
    torch.testing.assert_close(h, model.decode(z))


@pytest.mark.parametrize("name", ["ladder", "stack", "scales", "rows"])
def test_redrawing_a_level_reseeds_its_own_streams_and_no_other(models, name):
    model = models[name]
    samples = model.sample(6, seed=3)
    streams = [set(model.wiring.streams(model.nets, level)) for level in range(model.depth)]
    assert all(a.isdisjoint(b) for i, a in enumerate(streams) for b in streams[:i])
    p = model.wiring(model.nets, noise=noise_for(torch.arange(6), 3, "verb"))
    asked = set()
    inner = p.noise
    p.noise = lambda stream, kind, shape: (asked.add(stream), inner(stream, kind, shape))[1]
    torch.testing.assert_close(p.x_fake, samples)
    assert asked == set().union(*streams)
    for level in range(model.depth):
        assert torch.equal(model.redraw(level, 6, seed=3, again=0), samples)
        once, twice = model.redraw(level, 6, seed=3), model.redraw(level, 6, seed=3, again=2)
        assert not torch.equal(once, samples) and not torch.equal(once, twice)
        torch.testing.assert_close(model.redraw(level, 2, seed=3, start=4), once[4:])


def test_a_redrawn_level_leaves_the_levels_above_it_as_they_were(models):
    from aegean.paths import noise_for

    for name, values in (
        ("ladder", lambda p: p.z[:, :4]),
        ("scales", lambda p: p.z[:, :4]),
        ("stack", lambda p: p.made[1]),
    ):
        model = models[name]
        p, q = (model.wiring(model.nets, noise=noise_for(torch.arange(6), 3, "verb")) for _ in range(2))
        other = noise_for(torch.arange(6), 3, "verb", "again", 1)
        q.noise = reseeded(q.noise, other, model.wiring.streams(model.nets, 0))
        assert torch.equal(values(p), values(q)) and not torch.equal(p.x_fake, q.x_fake)


def test_a_fitted_mixture_keeps_the_order_of_a_ladder(runs, tmp_path):
    """Its factors are lower triangular and the top level's numbers come first: redrawing level 0 moves it alone."""
    import shutil

    from aegean.paths import noise_for

    shutil.copytree(runs / "ladder", tmp_path / "fitted")
    model = aegean.fit_prior(tmp_path / "fitted", "mixture")
    assert model.depth == 2 and model.nets["prior"].latent == 68
    p, q = (model.wiring(model.nets, noise=noise_for(torch.arange(6), 3, "verb")) for _ in range(2))
    q.noise = reseeded(q.noise, noise_for(torch.arange(6), 4, "other"), model.wiring.streams(model.nets, 0))
    assert torch.equal(p.z[:, :4], q.z[:, :4]) and not torch.equal(p.z[:, 4:], q.z[:, 4:])
    assert torch.isfinite(aegean.load(tmp_path / "fitted").redraw(0, 2)).all()


def test_a_level_that_is_not_there_is_refused_with_the_range(models, x):
    for call in (lambda: models["stack"].redraw(3, 1), lambda: models["stack"].decode_level(3, torch.zeros(1, 4))):
        with pytest.raises(UserError, match=r"no level 3: .* levels 0 \(nearest the data\) to 2"):
            call()
    with pytest.raises(UserError, match="no level 2: this encoder has levels 0 to 1"):
        models["flat"].encode_level(2, x)
    for top in (0, 4):
        with pytest.raises(UserError, match=f"top={top}: .* expected 1 to 3"):
            models["stack"].reconstruct(x, top=top)
    with pytest.raises(UserError, match="flat: all of a sample is drawn at one level"):
        models["flat"].redraw(0, 1)
    with pytest.raises(UserError, match="flat: it has one level"):
        models["flat"].reconstruct(x, top=1)


def test_features_that_do_not_fit_a_level_are_refused(models, x):
    with pytest.raises(UserError, match=r"Level 1 is encoded from features \(n, 64\)"):
        models["stack"].encode_level(1, x)
    with pytest.raises(UserError, match="Level 0 cannot be decoded"):
        models["stack"].decode_level(0, torch.zeros(2, 3))
    with pytest.raises(UserError, match=r"Level 0 draws \(2, 64\) numbers"):
        models["ladder"].decode_level(0, torch.zeros(2, 16, 4, 4), torch.zeros(2, 3))


# model files


def rewritten(file, out, change):
    """A model file with another header."""
    with safetensors.safe_open(str(file), framework="pt") as opened:
        header = json.loads(opened.metadata()["aegean"])
    change(header)
    save_file(load_file(file), out, {"aegean": json.dumps(header)})
    return out


def test_a_file_without_a_wiring_is_a_standard_model(runs, models, x, tmp_path):
    old = rewritten(runs / "flat/model.safetensors", tmp_path / "old.safetensors", lambda h: h.pop("wiring"))
    assert torch.equal(Model.load(old).encode(x), models["flat"].encode(x))


@pytest.mark.parametrize("wiring", ["lader", 3, None, ["ladder"]])
def test_a_wiring_that_nobody_knows_is_refused(runs, tmp_path, wiring):
    file = runs / "ladder/model.safetensors"
    strange = rewritten(file, tmp_path / "strange.safetensors", lambda h: h.update(wiring=wiring))
    with pytest.raises(UserError, match="There is no wiring"):
        Model.load(strange)


def test_a_wiring_that_does_not_fit_the_networks_is_refused(runs, tmp_path):
    for name, wiring in (("flat", "ladder"), ("flat", "stack"), ("flat", "scales"), ("scales", "stack")):
        file = tmp_path / f"{name}-{wiring}.safetensors"
        rewritten(runs / name / "model.safetensors", file, lambda h, wiring=wiring: h.update(wiring=wiring))
        with pytest.raises(UserError, match="does not describe a whole model"):
            Model.load(file)


# the command line


def test_sample_redraws_one_level(runs, done, tmp_path):
    done("sample", runs / "stack", "--resample", 0, "--count", 8, "--out", tmp_path / "grid.png")
    with Image.open(tmp_path / "grid.png") as picture:
        assert picture.size[0] > 100
    done("sample", runs / "stack", "--resample", 0, "--count", 3, "--seed", 5, "--out", tmp_path / "a.npz")
    done("sample", runs / "stack", "--count", 1, "--seed", 5, "--out", tmp_path / "b.npz")
    with np.load(tmp_path / "a.npz") as a, np.load(tmp_path / "b.npz") as b:
        assert a["x"].shape == (3, 1, 8, 8) and (a["x"][0] == b["x"][0]).all()
    done("sample", runs / "rows", "--resample", 1, "--count", 4, "--out", tmp_path / "r.csv")


def test_samples_are_drawn_nearer_to_the_middle_of_the_prior(runs, done, refused, tmp_path):
    for name, words in {"plain": (), "one": ("--truncation", 1), "half": ("--truncation", 0.5)}.items():
        done("sample", runs / "flat", "--count", 20, *words, "--out", tmp_path / f"{name}.npz")
    plain, one, half = (np.load(tmp_path / f"{name}.npz")["x"].astype(float) for name in ("plain", "one", "half"))
    assert (plain == one).all() and half.std(0).mean() < 0.8 * plain.std(0).mean()
    assert "--truncation -1" in refused("sample", runs / "flat", "--truncation", -1, "--out", tmp_path / "no.png")
    both = ("--resample", 0, "--truncation", 0.5)
    assert "--resample" in refused("sample", runs / "stack", *both, "--out", tmp_path / "no.png")


def test_info_tells_how_many_levels_there_are(runs, done):
    assert "2 that draw" in done("info", runs / "ladder")
    assert "that draw" not in done("info", runs / "flat")


def test_levels_shows_the_first_inputs(runs, done, tmp_path):
    said = done("levels", runs / "ladder", "digits", "--out", tmp_path / "l.png")
    assert "16 inputs" in said and "levels from 1, all levels" in said
    with Image.open(tmp_path / "l.png") as picture:
        width, height = picture.size
    assert width > 4 * height  # 16 columns, 3 rows
    done("levels", runs / "rows", runs / "plane.csv", "--out", tmp_path / "rows.png")


def test_what_cannot_be_shown_is_refused(runs, refused, tmp_path):
    out = tmp_path / "no.png"
    assert "levels 0 (nearest the data) to 2" in refused("sample", runs / "stack", "--resample", 7, "--out", out)
    assert "flat" in refused("sample", runs / "flat", "--resample", 0, "--out", out)
    assert "flat" in refused("levels", runs / "flat", "digits", "--out", out)
    assert "no encoder" in refused("levels", runs / "scales", "digits", "--out", out)
    assert "whole number" in refused("sample", runs / "stack", "--resample", -1, "--out", out)
    assert not out.exists()


def test_an_encoder_whose_levels_do_not_fit_is_refused(runs, refused, tmp_path):
    words = ["--data", "digits", "--out", tmp_path / "run", "--images", 3200]
    said = refused("train", "stacked_gan", "--from", runs / "flat", *words)
    assert "the generators need a Tower with levels [[64], [256]]" in said and "ConvEncoder" in said
    said = refused("train", "stacked_gan", "--from", runs / "stack", *words, "--set", "levels=2")
    assert "with levels [[64], [16], [64]]" in said
    assert "no encoder" in refused("train", "stacked_gan", "--from", runs / "scales", *words)


def test_a_stack_begins_with_the_encoder_of_another(runs, tmp_path):
    settings = {**TINY, "levels": 3, "training": "joint"}
    out = tmp_path / "again"
    model = aegean.train(
        "stacked_gan", "digits", out, images=640, evaluations=1, settings=settings, source=runs / "stack"
    )
    assert model.about["images"] == 640
    before, after = (aegean.load(path).nets["E"].state_dict() for path in (runs / "stack", out))
    assert all(torch.equal(before[k], after[k]) for k in before)


def test_a_level_that_falls_silent_is_named_while_training(tmp_path, capsys):
    settings = {**TINY, "beta": 300, "free": 0, "warmup": 0, "lr": 0.01}
    aegean.train("hierarchical_vae", "digits", tmp_path / "run", images=2000, evaluations=1, settings=settings)
    said = capsys.readouterr().err
    assert "level 0 (" in said and "silent" in said and "a larger free" in said
