"""translate on the command line, and what it refuses."""

import numpy as np
import pytest
import torch
from PIL import Image
from untrained import untrained

from aegean.data.info import DataInfo
from aegean.recipes import smoke
from aegean.testing import trainer_on, with_sides
from aegean.training.watch import translation_warning

GREY = DataInfo("grey", (1, 16, 16), (127.5,), (127.5,))
COLOUR = DataInfo("colour", (3, 16, 16), (127.5,), (127.5,))


def model_of(recipe, a=GREY, b=COLOUR, **settings):
    """A translator with random weights."""
    info = a.replace(target=b, paired=recipe == "translate")
    run = smoke(recipe, info, width=4, blocks=1, **settings)
    return untrained(run, info)


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    folder = tmp_path_factory.mktemp("models")
    model_of("translate").save(folder / "translate.safetensors")
    model_of("unit").save(folder / "unit.safetensors")
    return folder


def test_pictures_keep_name_and_size_and_get_the_colours_of_the_other_side(models, done, call, tmp_path):
    (tmp_path / "in").mkdir()
    pixels = np.random.default_rng(0).integers(0, 255, (21, 35, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(tmp_path / "in" / "a.png")
    Image.fromarray(pixels[..., 0]).save(tmp_path / "in" / "b.png")
    for name in ("translate", "unit"):
        out = tmp_path / name
        status, _, err = call("translate", models / f"{name}.safetensors", tmp_path / "in", "--out", out)
        assert status == 0 and "from grey into colour" in err
        for file in ("a.png", "b.png"):
            with Image.open(out / file) as image:
                assert (image.mode, image.size) == ("RGB", (35, 21))
    done("translate", models / "unit.safetensors", tmp_path / "in", "--back", "--out", tmp_path / "back")
    with Image.open(tmp_path / "back" / "a.png") as image:
        assert (image.mode, image.size) == ("L", (35, 21))


def test_what_cannot_be_translated_is_refused(models, refused, tiny_runs, tmp_path):
    Image.fromarray(np.zeros((9, 9), np.uint8)).save(tmp_path / "a.png")
    more = [tmp_path / "a.png", "--out", tmp_path / "out"]
    assert "one way" in refused("translate", models / "translate.safetensors", *more, "--back")
    assert "train translate" in refused("translate", tiny_runs / "ae", *more)
    refused("translate", models / "translate.safetensors", *more, "--strength", "2")
    refused("restore", models / "translate.safetensors", *more)


@pytest.mark.parametrize("recipe", ["translate", "unit"])
def test_in_windows_comes_out_what_comes_out_whole(recipe):
    model = model_of(recipe, flips="none")
    x = torch.rand(1, 1, 200, 59) * 2 - 1
    whole = model.translate(x, tile=200)
    assert whole.shape == (1, 3, 200, 59)
    torch.testing.assert_close(model.translate(x, tile=16), whole, rtol=0, atol=1e-5)


def test_strength_blends_the_decoders():
    model = model_of("translate")
    x = torch.rand(1, 1, 16, 16) * 2 - 1
    exact, sharp = (model.translate(x, strength=s) for s in (0.0, 1.0))
    assert not torch.allclose(exact, sharp) and torch.equal(model.translate(x), sharp)


@pytest.mark.parametrize("b", [GREY, COLOUR])
def test_a_hand_over_between_sides_begins_as_the_identity_of_one_autoencoder(b):
    """Where both sides have as many channels; else each has an autoencoder of its own."""
    info = with_sides("unit", GREY).replace(target=b)
    run = smoke("unit", info, width=4)
    copies = {(edge.source, edge.target) for edge in run.schedule[1].edges}
    assert copies == ({("E", "F"), ("U", "V")} if b is GREY else set())
    trained = {name.split(".")[0] for name in run.schedule[0].trains}
    assert trained == ({"E", "S", "T", "U"} if b is GREY else {"E", "F", "S", "T", "U", "V"})


def test_a_translation_that_is_a_copy_or_blank_is_told():
    trainer = trainer_on("translate", GREY, np.random.default_rng(0).integers(0, 255, (40, 1, 16, 16), np.uint8))
    shown = trainer.feed.take("shown", 0, 8)
    assert "equal" in str(translation_warning(shown, shown.x))
    assert "blank" in str(translation_warning(shown, torch.zeros_like(shown.x)))
    assert translation_warning(shown, shown.target) is None
