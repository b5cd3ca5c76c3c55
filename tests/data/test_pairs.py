"""Data with two sides: pairs by name, by order, side by side; sets that do not belong together."""

import numpy as np
import pytest
import torch
from PIL import Image

import aegean
from aegean.config import UserError
from aegean.data import DataOptions
from aegean.recipes.registry import sided
from aegean.session.setup import make_feed

COUNT = 40


def value(name):
    """The grey of a picture of this name, and of its partner's red."""
    return 3 * int(name[1:]) + 20


def fill(folder, names, colour=False, size=(12, 10), shift=0):
    """A picture for each name, of its own value with a trace of noise."""
    folder.mkdir(parents=True)
    rng = np.random.default_rng(1)
    for name in names:
        pixels = np.full((*size[::-1], 3) if colour else size[::-1], value(name) + shift, np.uint8)
        pixels[:2, :2] = rng.integers(0, 255, pixels[:2, :2].shape)
        Image.fromarray(pixels).save(folder / f"{name}.png")
    return str(folder)


NAMES = [f"p{n}" for n in range(COUNT)]


def check_batch(dataset, paired=True):
    """Samples and their partners, as a feed gives them."""
    batch = make_feed(dataset, torch.device("cpu"), 0).take("x", 0, 16)
    x, y = dataset.info.restore(batch.x), dataset.info.target.restore(batch.target)
    assert x.shape[1:] == dataset.info.shape and y.shape[1:] == dataset.info.target.shape
    assert (x[:, 0, 5, 5] + 5 == y[:, 0, 5, 5]).all() is np.bool_(paired)


def test_pairs_go_by_name_and_what_has_no_partner_is_named(tmp_path, capsys):
    a = fill(tmp_path / "a", NAMES)
    b = fill(tmp_path / "b", [*NAMES[3:], "p50"], colour=True, shift=5)
    dataset = aegean.open_data(DataOptions(a, target=b))
    said = capsys.readouterr().err
    assert all(name in said for name in ("p0", "p1", "p2", "p50"))
    assert dataset.info.paired and dataset.info.shape == (1, 10, 12) and dataset.info.target.shape == (3, 10, 12)
    assert dataset.info.count + dataset.info.test_count == COUNT - 3
    assert (dataset.test[:, 0, 5, 5] + 5 == dataset.target.test[:, 0, 5, 5]).all()
    check_batch(dataset)
    check_batch(aegean.open_data(DataOptions(a, target=b)))  # the pack again


def test_side_by_side_the_left_half_comes_first(tmp_path):
    for name in NAMES:
        left, right = (np.full((10, 12), value(name) + shift, np.uint8) for shift in (0, 5))
        left[0, 0] = value(name) // 2
        (tmp_path / "ab").mkdir(exist_ok=True)
        Image.fromarray(np.concatenate((left, right), 1)).save(tmp_path / "ab" / f"{name}.png")
    check_batch(aegean.open_data(DataOptions(str(tmp_path / "ab"), pairs="side-by-side")))


def test_arrays_go_by_their_order(tmp_path):
    x = np.random.default_rng(0).integers(0, 200, (COUNT, 1, 8, 8), dtype=np.uint8)
    np.save(tmp_path / "a.npy", x)
    np.save(tmp_path / "b.npy", x + 5)
    np.save(tmp_path / "short.npy", x[1:])
    check_batch(aegean.open_data(DataOptions(str(tmp_path / "a.npy"), target=str(tmp_path / "b.npy"))))
    with pytest.raises(UserError, match=f"{COUNT}.*{COUNT - 1}"):
        aegean.open_data(DataOptions(str(tmp_path / "a.npy"), target=str(tmp_path / "short.npy")))


def test_a_folder_of_trainA_and_trainB_has_both_sides(tmp_path):
    for part, names in (("train", NAMES[:30]), ("test", NAMES[30:])):
        fill(tmp_path / f"{part}A", names)
        fill(tmp_path / f"{part}B", names, shift=5)
    options = sided("translate", DataOptions(str(tmp_path)))
    dataset = aegean.open_data(options)
    assert (dataset.info.count, dataset.info.test_count) == (30, 10)
    check_batch(dataset)
    apart = aegean.open_data(sided("unit", DataOptions(str(tmp_path))))
    assert not apart.info.paired and apart.target.info.test_count == 10
    check_batch(apart, paired=False)


def test_the_second_set_is_brought_to_the_size_of_the_first(tmp_path):
    rng = np.random.default_rng(0)
    np.save(tmp_path / "a.npy", rng.integers(0, 255, (COUNT, 1, 12, 12), np.uint8))
    np.save(tmp_path / "b.npy", rng.integers(0, 255, (30, 3, 8, 8), np.uint8))
    dataset = aegean.open_data(DataOptions(str(tmp_path / "a.npy"), target=str(tmp_path / "b.npy"), pairs="none"))
    assert dataset.info.target.shape == (3, 12, 12) and dataset.target.info.count == 27


def test_a_partner_of_other_proportions_is_refused_by_name(tmp_path):
    a = fill(tmp_path / "a", NAMES)
    b = fill(tmp_path / "b", NAMES[:-1])
    Image.fromarray(np.zeros((12, 10), np.uint8)).save(tmp_path / "b" / f"{NAMES[-1]}.png")
    with pytest.raises(UserError, match=NAMES[-1]):
        aegean.open_data(DataOptions(a, target=b, size=8))


def test_no_name_in_common_is_refused(tmp_path):
    a, b = fill(tmp_path / "a", NAMES[:20]), fill(tmp_path / "b", NAMES[20:])
    with pytest.raises(UserError, match="name"):
        aegean.open_data(DataOptions(a, target=b))


@pytest.mark.parametrize(
    "recipe,options",
    [
        ("ae", {"target": "digits"}),
        ("ae", {"pairs": "name"}),
        ("translate", {}),
        ("unit", {}),
    ],
)
def test_as_many_sides_as_a_recipe_takes(recipe, options):
    with pytest.raises(UserError, match=recipe):
        sided(recipe, DataOptions("digits", **options))


@pytest.mark.parametrize(
    "options", [{"pairs": "names"}, {"pairs": "side-by-side", "target": "digits"}, {"test_target": "digits"}]
)
def test_options_that_contradict_each_other_are_refused(options):
    with pytest.raises(UserError):
        DataOptions("digits", **options).check()


def test_images_of_any_size_are_cut_into_squares_as_they_are(tmp_path, capsys):
    folder, wanted = tmp_path / "photos", set()
    folder.mkdir()
    rng = np.random.default_rng(0)
    for number, size in enumerate([(40, 25), (16, 50), (9, 30), *[(17, 16)] * 20]):
        pixels = rng.integers(0, 256, (*size, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(folder / f"{number}.png")
        if min(size) >= 16:
            wanted.add(pixels[:16, :16].tobytes())
    dataset = aegean.open_data(DataOptions(str(folder), cut=16))
    assert "1 image smaller" in capsys.readouterr().err
    squares = np.concatenate((dataset.train, dataset.test))
    assert len(squares) == 2 * 1 + 1 * 3 + 20 and squares.shape[1:] == (3, 16, 16)
    assert wanted <= {np.ascontiguousarray(x.transpose(1, 2, 0)).tobytes() for x in squares}


@pytest.mark.parametrize("more", [{"size": 8}, {"target": "digits"}, {"cut": 2}])
def test_what_does_not_go_with_cutting_is_refused(more):
    with pytest.raises(UserError, match="cut"):
        DataOptions("digits", **{"cut": 16, **more}).check()
