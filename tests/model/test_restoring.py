"""A restorer at use: any size, windows that nobody sees, holes, strength, scale."""

import pytest
import torch
from untrained import untrained

from aegean.config import UserError, net
from aegean.data.info import DataInfo
from aegean.model import Model
from aegean.model.windows import windows
from aegean.recipes import smoke


def model_of(channels=1, **settings):
    """A restorer with random weights."""
    info = DataInfo("made", (channels, 32, 32), (127.5,), (127.5,))
    run = smoke("restore", info, width=4, blocks=1, **settings)
    return untrained(run, info)


@pytest.fixture(scope="module")
def grey():
    return model_of(adversary=True)


def test_every_pixel_is_kept_once():
    seen = torch.zeros(37, 50)
    for window in windows((37, 50), 16, 8):
        seen[window.kept] += 1
        assert all(s.start <= k.start and k.stop <= s.stop for s, k in zip(window.seen, window.kept))
    assert (seen == 1).all()


@pytest.mark.parametrize("size", [(200, 176), (203, 165), (7, 300), (1, 1)])
def test_in_windows_comes_out_what_comes_out_whole(grey, size):
    x = torch.rand(2, 1, *size) * 2 - 1
    whole = grey.restore(x, tile=max(size))
    assert whole.shape == x.shape
    torch.testing.assert_close(grey.restore(x, tile=24), whole, rtol=0, atol=1e-5)


def test_strength_leads_from_the_exact_to_the_sharpened_decoder(grey):
    x = torch.rand(1, 1, 40, 40) * 2 - 1
    exact, half, sharp = (grey.restore(x, strength=s) for s in (0.0, 0.5, 1.0))
    torch.testing.assert_close(exact, grey.run("x_hat", _batch(x)))
    torch.testing.assert_close(sharp, grey.run("x_sharp", _batch(x)))
    assert not torch.allclose(half, exact) and not torch.allclose(half, sharp)


def _batch(x):
    from aegean.data.batch import Batch

    return Batch(x)


def test_what_is_known_of_a_picture_with_holes_comes_back_exactly():
    model = model_of(3, damage="holes")
    x, mask = torch.rand(2, 3, 45, 40) * 2 - 1, torch.zeros(45, 40)
    mask[10:20, 5:30] = 255
    made = model.restore(x, mask)
    assert torch.equal(made[..., mask == 0], x[..., mask == 0])
    x[..., mask > 0] = 0.7  # what lies in a hole says nothing
    torch.testing.assert_close(model.restore(x, mask), made.where(mask == 0, made))


def test_a_model_of_grey_pictures_restores_each_channel_and_one_of_colours_takes_grey(grey):
    x = torch.rand(2, 3, 24, 30) * 2 - 1
    apart = torch.cat([grey.restore(x[:, c : c + 1]) for c in range(3)], 1)
    torch.testing.assert_close(grey.restore(x), apart)
    assert model_of(3).restore(x[:, :1]).shape == (2, 1, 24, 30)


def test_a_picture_is_enlarged_window_by_window_as_in_one():
    model = model_of(damage="downscale")
    x = torch.rand(1, 1, 90, 71) * 2 - 1
    whole = model.restore(x, scale=2, tile=200)
    assert whole.shape == (1, 1, 180, 142)
    torch.testing.assert_close(model.restore(x, scale=2, tile=16), whole, rtol=0, atol=1e-5)


@pytest.mark.parametrize(
    "settings,given,named",
    [
        ({}, {"scale": 2}, "scale"),
        ({}, {"mask": torch.zeros(8, 8)}, "mask"),
        ({}, {"strength": 0.5}, "strength"),
        ({}, {"strength": 2}, "strength"),
        ({"damage": "holes"}, {}, "mask"),
        ({"damage": "holes"}, {"mask": torch.zeros(8, 9)}, "mask"),
        ({"damage": "downscale"}, {"scale": 3}, "scale"),
    ],
)
def test_what_a_model_was_not_trained_for_is_refused(settings, given, named):
    with pytest.raises(UserError, match=named):
        model_of(**settings).restore(torch.zeros(1, 1, 8, 8), **given)


@pytest.mark.parametrize("shape", [(1, 2, 8, 8), (1, 8, 8), (0, 1, 8, 8)])
def test_what_is_no_picture_is_refused(shape):
    with pytest.raises(UserError):
        model_of(3).restore(torch.zeros(shape))


def test_a_model_file_restores_as_the_model_does(grey, tmp_path):
    x = torch.rand(1, 1, 20, 20) * 2 - 1
    grey.save(tmp_path / "m.safetensors")
    again = Model.load(tmp_path / "m.safetensors")
    torch.testing.assert_close(again.restore(x, strength=0.3), grey.restore(x, strength=0.3))
    assert torch.equal(again.damage(x, 1)[0], grey.damage(x, 1)[0])


def test_a_file_whose_halves_do_not_fit_together_is_refused(grey, tmp_path):
    specs = {**grey.specs, "U": net("UDecoder", shape=(1, 32, 32), widths=(4, 8), patch=2)}
    odd = Model(specs, {**grey.nets, "U": specs["U"].build()}, grey.info, wiring="restoration")
    odd.save(tmp_path / "m.safetensors")
    with pytest.raises(UserError):
        Model.load(tmp_path / "m.safetensors")


def test_damage_is_a_function_of_seed_and_number(grey):
    x = torch.rand(4, 1, 32, 32) * 2 - 1
    given, holes = grey.damage(x, seed=3)
    assert not holes.any() and not torch.allclose(given, x)
    torch.testing.assert_close(grey.damage(x[2:], seed=3, start=2)[0], given[2:])
