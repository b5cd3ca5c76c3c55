"""Sprites show the factors that they are said to have."""

import numpy as np
import pytest
from PIL import Image

from aegean.data import DataOptions, open_data
from aegean.data.read.sprites import FACTORS, PLACES, SIDE, draw_sprites, known_factors, sprite_factors


@pytest.fixture(scope="module")
def sprites():
    return draw_sprites(sprite_factors())[:, 0].astype(float), sprite_factors()


def test_every_combination_occurs_once_and_looks_like_no_other(sprites):
    pictures, factors = sprites
    assert len(factors) == np.prod(list(FACTORS.values())) == 4608
    assert len(np.unique(factors, axis=0)) == len(np.unique(pictures.reshape(4608, -1), axis=0)) == 4608


def test_the_middle_of_a_sprite_is_where_its_factors_say(sprites):
    pictures, factors = sprites
    weight = pictures / pictures.sum((1, 2), keepdims=True)
    x, y = (weight.sum(axis) @ np.arange(SIDE) for axis in (1, 2))
    np.testing.assert_allclose(x, PLACES[factors[:, 2]], atol=0.1)
    np.testing.assert_allclose(y, PLACES[factors[:, 3]], atol=0.3)


def test_size_makes_sprites_larger_and_nothing_else_does_much(sprites):
    pictures, factors = sprites
    area = pictures.sum((1, 2)) / 255
    for shape in range(3):
        mean = [area[(factors[:, 0] == shape) & (factors[:, 1] == size)] for size in range(6)]
        assert all(a.max() < b.min() for a, b in zip(mean, mean[1:]))


def test_shapes_differ_in_their_corners():
    """A square fills its corners, a disc does not, and a triangle is narrow at the top."""
    square, disc, triangle = draw_sprites(np.array([[s, 5, 8, 8] for s in range(3)]))[:, 0] > 127
    assert square.sum(1)[square.any(1)].std() == 0
    assert 0 < disc.sum(1)[disc.any(1)][0] < disc.sum(1).max()
    rows = triangle.sum(1)[triangle.any(1)]
    assert rows[0] <= 2 < rows[-1] and (np.diff(rows) >= 0).all()


def test_they_are_a_built_in_set_whose_factors_are_known():
    dataset = open_data("sprites")
    assert (dataset.info.shape, dataset.info.count, dataset.info.test_count) == ((1, SIDE, SIDE), 4148, 460)
    assert dataset.info.classes == ("square", "disc", "triangle")
    pictures, factors = known_factors(dataset)
    by_picture = {picture.tobytes(): factor for picture, factor in zip(pictures, factors)}
    for raw, label in zip(dataset.test, dataset.test_labels):
        assert by_picture[np.ascontiguousarray(raw).tobytes()][0] == label
    assert not {raw.tobytes() for raw in dataset.test} & {raw.tobytes() for raw in dataset.train}


def test_other_data_of_that_name_have_no_known_factors(tmp_path):
    assert known_factors(open_data(DataOptions("sprites", size=8))) is None
    assert known_factors(open_data("digits")) is None
    (tmp_path / "sprites").mkdir()
    for i in range(30):
        noise = np.random.default_rng(i).integers(0, 256, (SIDE, SIDE), np.uint8)
        Image.fromarray(noise).save(tmp_path / "sprites" / f"{i}.png")
    assert known_factors(open_data(str(tmp_path / "sprites"))) is None
