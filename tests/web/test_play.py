"""What the page computes, without a page."""

import base64
import re

import numpy as np
import pytest
import torch
from strokes import picture
from untrained import untrained

from aegean.codec import unpack
from aegean.config import UserError
from aegean.data import DataInfo
from aegean.data.io.origin import COMPOSITE, GENERATED, Origin, read_origin
from aegean.latent import MixturePrior
from aegean.paths import noise_for, truncated
from aegean.recipes import smoke
from aegean.web import latents, play, repair, show
from aegean.web.play import Exhibit, Pictures
from aegean.web.upload import prepare, upload

pytestmark = pytest.mark.slow  # several trained runs


@pytest.fixture
def vae(shown):
    return shown("vae")[0]


@pytest.fixture
def codec(shown):
    return shown("codec")[0]


@pytest.fixture
def ladder(shown):
    return shown("ladder")[0]


def test_samples_at_truncation_1_are_those_of_the_command_line(vae, ladder):
    for run in (vae, ladder):
        found = play.sampled(run, 5, 7, 1.0)
        assert np.array_equal(found.pictures, play.seen(run.model, run.model.sample(5, 7)))


def at(model, count, truncation):
    """Latents of samples."""
    return model.run("z", n=count, noise=lambda index: truncated(noise_for(index, 0, "verb"), truncation))


def test_truncation_scales_the_noise_down_to_the_middle_itself(vae):
    z = [at(vae.model, 6, amount) for amount in (1.0, 0.5, 0.0)]
    assert torch.allclose(z[1], z[0] / 2) and (z[2] == 0).all()
    found = play.sampled(vae, 6, 0, 0.0).pictures
    assert (found == found[:1]).all()


def test_truncation_of_a_mixture_keeps_its_components(vae):
    prior = MixturePrior(vae.model.latent, components=4)
    prior.means.copy_(torch.arange(4.0)[None, :, None].expand_as(prior.means))
    vae.model.nets["prior"], kept = prior, vae.model.nets["prior"]
    try:
        z = at(vae.model, 40, 0.0)
        assert set(z[:, 0].tolist()) == {0.0, 1.0, 2.0, 3.0}
    finally:
        vae.model.nets["prior"] = kept


def test_no_more_pictures_are_drawn_than_the_page_shows(vae, ladder):
    for call in (
        lambda: play.sampled(vae, 65, 0, 1.0),
        lambda: play.sampled(vae, 0, 0, 1.0),
        lambda: play.redrawn(ladder, 0, 10**9, 0),
        lambda: latents.between(vae, [0, 1], 10**9),
    ):
        with pytest.raises(UserError, match="expected 1 to 64"):
            call()


def test_a_picture_comes_back_with_its_error_and_no_bytes_where_nothing_is_compressed(vae):
    found = play.reconstructed(vae, upload(picture()), whole=False)
    x = vae.model.info.normalise(prepare(upload(picture()), vae.model.info).raw[None])
    back = vae.model.reconstruct(x)
    assert np.array_equal(found.pictures, play.seen(vae.model, torch.cat((x, back))))
    mse = float((x - back).square().mean())
    assert f"mean squared error {mse:.4f}" in found.notes[0]
    assert f"{10 * np.log10(4 / mse):.1f} dB PSNR" in found.notes[0]  # nothing lies outside the range here
    text = " ".join(found.notes)
    assert f"{vae.model.latent} latent dimensions" in text and "no compression" in text and "bytes" not in text


def test_the_bytes_of_a_picture_are_those_of_its_file(codec):
    found = play.reconstructed(codec, upload(picture()), whole=False)
    x = codec.model.info.normalise(prepare(upload(picture()), codec.model.info).raw[None])
    data, exact = codec.model.compress(x), codec.model.compress(x, lossless=True)
    assert any(f"takes {len(data):,} bytes, of which {len(unpack(data)[1][0]):,} hold" in text for text in found.notes)
    assert any(f"Without any loss it takes {len(exact):,} bytes" in text for text in found.notes)
    assert np.array_equal(found.pictures[1:], play.seen(codec.model, codec.model.decompress(data)))


def test_a_whole_picture_goes_tile_by_tile_where_a_model_compresses(codec, vae):
    small = upload(picture("L", (30, 21)))
    assert play.reconstructed(codec, small, whole=True).pictures.shape == (2, 21, 30, 3)
    found = play.reconstructed(vae, small, whole=True)
    assert found.pictures.shape == (2, 8, 8, 3) and any("its own size only" in text for text in found.notes)


def test_a_way_ends_where_it_should(vae):
    z = [latents.latent(vae.model, end) for end in (0, upload(picture()))]
    found = latents.between(vae, [0, upload(picture())], 5)
    assert np.array_equal(found.pictures[[0, 4]], play.seen(vae.model, vae.model.decode(torch.stack(z))))
    assert len(found.pictures) == 5 and "arc" in found.notes[0]


def test_a_seed_s_latent_is_that_of_its_first_sample(vae, ladder):
    for run in (vae, ladder):
        z = latents.latent(run.model, 3)
        assert torch.allclose(run.model.decode(z[None]), run.model.sample(1, 3), atol=1e-6)


def test_an_arc_keeps_length_and_even_angles():
    a, b = torch.tensor([3.0, 0, 0]), torch.tensor([0, 3.0, 0])
    way = latents.arc(a, b, 4)
    assert torch.allclose(way.norm(dim=1), torch.full((4,), 3.0))
    angles = torch.rad2deg(torch.atan2(way[:, 1], way[:, 0]))
    assert torch.allclose(angles, torch.tensor([0.0, 30, 60, 90]), atol=1e-3)
    assert torch.allclose(latents.arc(a, 2 * b, 3).norm(dim=1), torch.tensor([3.0, 4.5, 6.0]))


@pytest.mark.parametrize("last", [[0.0, 0, 0], [2.0, 0, 0], [-1.0, 0, 0]], ids=["zero", "same", "opposite"])
def test_an_arc_without_a_plane_is_a_line(last):
    first = torch.tensor([1.0, 0, 0])
    assert torch.equal(latents.arc(first, torch.tensor(last), 5), latents.line(first, torch.tensor(last), 5))


def test_the_way_is_straight_where_latents_lie_on_no_sphere(vae):
    vae.model.nets["prior"], kept = MixturePrior(vae.model.latent, components=2), vae.model.nets["prior"]
    try:
        assert "straight line" in latents.between(vae, [0, 1], 3).notes[0]
    finally:
        vae.model.nets["prior"] = kept


def test_a_way_between_symbols_keeps_to_them(codec):
    found = latents.between(codec, [upload(picture()), upload(picture("L", (8, 30)))], 4)
    assert "nearest symbols" in found.notes[0]
    z = latents.latent(codec.model, upload(picture()))[None]
    assert np.array_equal(found.pictures[:1], play.seen(codec.model, codec.model.decode(z)))


@pytest.mark.parametrize("way", ["components", "weights"])
def test_a_slider_moves_the_latent_along_its_direction_alone(vae, way):
    found = latents.found_directions(vae, way)
    z = latents.latent(vae.model, 0)
    still = latents.moved(vae, way, 0, [0.0] * 6)
    assert np.array_equal(still.pictures[0], still.pictures[1])
    moved = latents.moved(vae, way, 0, [0, 0, 2.0, 0, 0, 0])
    goal = vae.model.decode((z + 2 * found.scale[2] * found.vectors[2])[None])
    assert np.array_equal(moved.pictures[1:], play.seen(vae.model, goal))
    assert not np.array_equal(moved.pictures[0], moved.pictures[1])


def test_sliders_start_from_the_middle_or_a_picture(vae):
    centre = latents.found_directions(vae, "components").centre
    middle = latents.moved(vae, "components", None, [0.0] * 6).pictures[:1]
    assert np.array_equal(middle, play.seen(vae.model, vae.model.decode(centre[None])))
    assert len(latents.moved(vae, "components", upload(picture()), [1.0] * 6).pictures) == 2


def test_directions_are_found_in_the_run_s_own_data_or_else_in_its_samples(vae, tiny_runs):
    (run,) = play.load_runs([str(tiny_runs / "vae")])
    x, labels = latents.examples(run)
    assert len(x) == min(run.model.info.count, latents.EXAMPLES) and labels is None
    x, _ = latents.examples(vae)  # a model file: no data are known
    assert torch.equal(x, vae.model.sample(latents.EXAMPLES))


def test_redrawing_a_level_keeps_the_others(ladder):
    found = play.redrawn(ladder, 0, 5, 3)
    assert np.array_equal(found.pictures[:1], play.seen(ladder.model, ladder.model.sample(1, 3)))
    assert np.array_equal(found.pictures[2:3], play.seen(ladder.model, ladder.model.redraw(0, 1, 3, 2)))
    moves = [np.abs(play.redrawn(ladder, level, 5, 3).pictures[1:] - found.pictures[0]).mean() for level in (0, 1)]
    assert len(np.unique(found.pictures, axis=0)) > 1 and moves[0] != moves[1]


def test_what_a_run_cannot_do_is_said(shown):
    vae, codec, ladder, classes = shown("vae", "codec", "ladder", "drawer")
    assert play.no_samples(codec) and not play.no_samples(vae)
    assert "flat" in play.no_levels(vae) and not play.no_levels(ladder)
    assert "quantised" in latents.no_directions(codec) and not latents.no_directions(vae)
    assert "no encoder" in play.no_pictures(classes) and not play.no_pictures(codec)
    assert not latents.no_way(classes) and not latents.no_way(codec)
    with pytest.raises(UserError, match="no prior to draw from"):
        latents.between(codec, [0, 1], 3)
    with pytest.raises(UserError, match="no principal components"):
        latents.moved(classes, "components", 0, [0.0] * 6)


def test_a_class_can_be_chosen_and_a_picture_needs_one(shown):
    drawer, coder = shown("drawer", "coder")
    assert all(text.endswith(": 7") for text in play.sampled(drawer, 3, 0, 1.0, "7").captions)
    with pytest.raises(UserError, match="choose the class"):
        play.reconstructed(coder, upload(picture()), whole=False)
    assert len(play.reconstructed(coder, upload(picture()), False, "7").pictures) == 2
    with pytest.raises(UserError, match="no class 'x'"):
        play.sampled(drawer, 3, 0, 1.0, "x")
    assert len(latents.between(drawer, [0, 1], 4, "3").pictures) == 4


def test_rows_are_refused(tiny_runs):
    with pytest.raises(UserError, match="trained on rows"):
        play.load_runs([str(tiny_runs / "rows")])


def test_runs_of_the_same_name_are_told_apart():
    assert play.names(["a/vae", "b/gan.safetensors"]) == ["vae", "gan"]
    assert play.names(["a/vae", "b/vae"]) == ["a/vae", "b/vae"]
    assert play.names(["/x/a/1/vae", "/x/b/1/vae"]) == ["a/1/vae", "b/1/vae"]  # no more of the path than that
    assert play.names(["a/vae", "a/vae"]) == ["vae (1)", "vae (2)"]


def test_names_and_sentences_cannot_write_into_the_page():
    evil = "<img src=x onerror=alert(1)>${1}\"'"
    pictures = Pictures(np.zeros((1, 2, 2, 3), np.uint8), [evil], Origin(GENERATED, "ab"), notes=[evil])
    found = show.page([show.panel(evil, evil, pictures, 1), show.sorry(evil, evil, evil)])
    found += show.title([evil]) + show.missing([evil]) + show.hint(evil) + show.note(evil) + show.refusal(evil)
    assert "<img src=x" not in found and 'alt="&lt;img' in found and 'download="img-src-x-onerror-alert-1-1' in found
    assert Exhibit(evil, "", None).name == evil


def said(page):
    """What each picture on a page says of its origin, the whole sheet last."""
    return [read_origin(base64.b64decode(data)) for data in re.findall(r"data:image/png;base64,([^\"]*)", page)]


def test_pictures_say_that_a_model_has_made_them_and_what_was_given_says_nothing(vae):
    found = said(show.panel("vae", "", play.sampled(vae, 2, 7, 1.0), 2))
    assert len(found) == 3 and all(GENERATED in one and vae.fingerprint in one and 'Seed="7"' in one for one in found)
    mine, back, both = said(show.panel("vae", "", play.reconstructed(vae, upload(picture()), False), 2))
    assert mine == "" and COMPOSITE in back and COMPOSITE in both


@pytest.fixture(scope="module")
def repairing():
    """Untrained models: of noise with a sharpened decoder, of holes, of a loss of resolution, of two sides."""
    grey = DataInfo("grey", (1, 16, 16), (127.5,), (127.5,), count=9)
    colour = DataInfo("colour", (3, 16, 16), (127.5,), (127.5,), count=9)
    sides = grey.replace(target=colour)
    settings = {"noise": ({"adversary": True}, grey), "holes": ({"damage": "holes"}, colour)}
    settings["x2"] = ({"damage": "downscale"}, colour)
    found = {name: untrained(smoke("restore", info, width=4, blocks=1, **more), info) for name, (more, info) in
             settings.items()}  # fmt: skip
    found["unit"] = untrained(smoke("unit", sides, width=4, blocks=1), sides)
    return {name: Exhibit(name, name, model) for name, model in found.items()}


def test_a_picture_is_shown_before_and_after_whatever_the_model_repairs(repairing):
    for name in ("noise", "holes", "x2"):
        for damage in (False, True):
            found = repair.restored(repairing[name], upload(picture()), damage, 0, 0.5, False)
            assert found.slider and len(found.pictures) == len(found.captions) == 2
            assert ("PSNR" in " ".join(found.notes)) == (damage or name == "holes")
    plain, large = (repair.restored(repairing["x2"], upload(picture()), False, 0, 0, enlarge) for enlarge in (0, 1))
    assert large.pictures.shape[1] == 2 * plain.pictures.shape[1]
    assert "<input" in show.panel("x2", "", plain, 2)


def test_a_picture_is_translated_there_and_back_between_grey_and_colour(repairing):
    for back in (False, True):
        found = repair.translated(repairing["unit"], upload(picture()), back, 1.0)
        assert found.pictures.shape[0] == 2 and found.captions == ("given", "translated")
    assert repair.no_translating(repairing["noise"]) and not repair.no_restoring(repairing["noise"])
