"""The top octave and the patches of a pyramid, against the same by loops and by scipy; and what they must notice."""

import time

import numpy as np
import pytest
import torch
from scipy.ndimage import convolve, gaussian_filter
from scipy.stats import wasserstein_distance
from sklearn.datasets import load_digits, load_sample_image

from aegean.formulas import texture

DIGITS = load_digits().images[:, None].astype(np.float32) / 8 - 1
FLOWER = load_sample_image("flower.jpg").transpose(2, 0, 1).astype(np.float32) / 127.5 - 1


def crops(count, side, seed=0):
    """Squares of one photograph: (count, 3, side, side)."""
    chance = np.random.default_rng(seed)
    corners = chance.integers(0, [FLOWER.shape[1] - side, FLOWER.shape[2] - side], (count, 2))
    return np.stack([FLOWER[:, y : y + side, x : x + side] for y, x in corners])


def noise(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


def cosines(n):
    """The orthonormal cosine transform (Ahmed et al. 1974), frequency by place."""
    k, i = np.mgrid[:n, :n]
    return np.sqrt(np.where(k == 0, 1, 2) / n) * np.cos(np.pi * k * (2 * i + 1) / (2 * n))


@pytest.mark.parametrize("shape", [(3, 1, 8, 8), (2, 3, 5, 12), (4, 1, 1, 2)])
def test_the_top_octave_by_matrices(shape):
    x, (h, w) = noise(*shape), shape[2:]
    energy = (cosines(h) @ x @ cosines(w).T) ** 2
    above = (np.arange(h) >= h / 2)[:, None] | (np.arange(w) >= w / 2)
    assert texture.top_octave(x) == pytest.approx(energy[..., above].sum() / x.size, rel=1e-5)


def test_waves_lie_within_and_below_the_top_octave():
    place = np.pi * (np.arange(16) + 0.5) / 16
    fast, slow = (np.tile(np.cos(k * place), (1, 1, 16, 1)) for k in (8, 7))
    assert texture.top_octave(fast) == pytest.approx(0.5, rel=1e-5)
    assert texture.top_octave(slow) == pytest.approx(0, abs=1e-10)


def karras_pyramid(x, levels):
    """As in the published code: one filter in two dimensions, zeros between the pixels of the smaller image."""
    row = np.array([1, 4, 6, 4, 1]) / 16
    kernel, found = np.outer(row, row)[None, None], []
    for _ in range(levels - 1):
        small = convolve(x, kernel, mode="mirror")[:, :, ::2, ::2]
        wide = np.zeros_like(x)
        wide[:, :, ::2, ::2] = small
        found.append(x - convolve(wide, 4 * kernel, mode="mirror"))
        x = small
    return [*found, x]


@pytest.mark.parametrize(
    "shape, sides",
    [
        ((2, 3, 64, 64), [(64, 64), (32, 32), (16, 16)]),
        ((2, 1, 28, 28), [(28, 28), (14, 14)]),
        ((2, 1, 16, 16), [(16, 16), (8, 8)]),
        ((3, 2, 13, 9), [(13, 9), (7, 5)]),
        ((3, 2, 7, 30), [(7, 30)]),
        ((3, 1, 1, 2), [(1, 2)]),
    ],
)
def test_the_pyramid(shape, sides):
    assert texture.pyramid_sides(*shape[2:]) == sides
    found = texture.pyramid(noise(*shape))
    assert [level.shape[2:] for level in found] == sides
    for mine, theirs in zip(found, karras_pyramid(noise(*shape), len(sides))):
        np.testing.assert_allclose(mine, theirs, atol=1e-5)


def cut(level, number):
    """The patches that are compared, one by one, at the places that the formula draws."""
    n, _, h, w = level.shape
    high, wide, chance = min(7, h), min(7, w), torch.Generator().manual_seed(number)
    top, left = (torch.randint(s - p + 1, (texture.PATCHES,), generator=chance) for s, p in ((h, high), (w, wide)))
    index = [i * n // texture.PATCHES for i in range(texture.PATCHES)]
    return np.stack([level[i, :, y : y + high, x : x + wide] for i, y, x in zip(index, top.tolist(), left.tolist())])


def test_sliced_distances_by_loops(monkeypatch):
    monkeypatch.setattr(texture, "PATCHES", 200)
    real, fake = crops(50, 20), 0.5 * crops(40, 20, seed=1)
    reference = texture.patches_of(real)
    levels = [karras_pyramid(x, 2) for x in (real, fake)]
    for number, (ours, theirs) in enumerate(zip(*levels)):
        a, b = cut(ours, number), cut(theirs, number)
        mean, deviation = a.mean((0, 2, 3), keepdims=True), a.std((0, 2, 3), keepdims=True)
        a, b = ((x - mean) / deviation for x in (a, b))
        directions = reference.directions[number].numpy()
        np.testing.assert_allclose(np.linalg.norm(directions, axis=0), 1, rtol=1e-5)
        along = [wasserstein_distance(a.reshape(200, -1) @ d, b.reshape(200, -1) @ d) for d in directions.T]
        assert texture.sliced_distances(reference, fake)[number] == pytest.approx(np.mean(along), rel=1e-4)


@pytest.mark.parametrize("images", [DIGITS, crops(1500, 28), crops(1500, 16)], ids=["digits", "flower", "small"])
def test_real_data_score_well_and_blurred_ones_badly(images):
    real, other = images[::2], images[1::2]
    octave, patches = texture.top_octave(real), texture.patches_of(real)
    lost = texture.blurred(other)
    np.testing.assert_allclose(lost[3, 0], gaussian_filter(other[3, 0], 0.7), atol=1e-5)
    assert 0.9 < texture.octave_ratio(octave, texture.top_octave(other)) < 1.1
    assert texture.octave_ratio(octave, texture.top_octave(lost)) < 0.25
    assert texture.octave_ratio(octave, texture.top_octave(other + 0.3 * noise(*other.shape))) > 1.2
    floor, control = (texture.sliced_distances(patches, x)[0] for x in (other, lost))
    assert floor < 0.1 and control > 3 * floor


def test_the_same_images_are_no_distance_apart():
    x = crops(100, 20)
    assert texture.sliced_distances(texture.patches_of(x), x) == [0, 0]
    assert texture.octave_ratio(texture.top_octave(x), texture.top_octave(x)) == 1


@pytest.mark.parametrize("shape", [(3, 8, 8), (1, 28, 28), (1, 1, 1)])
def test_constant_images_divide_by_nothing(shape):
    flat, other = np.zeros((20, *shape), np.float32), noise(20, *shape)
    octave, patches = texture.top_octave(flat), texture.patches_of(flat)
    assert texture.octave_ratio(octave, texture.top_octave(flat)) == 1
    assert texture.sliced_distances(patches, flat) == [0] * len(texture.pyramid_sides(*shape[1:]))
    assert np.isfinite(texture.octave_ratio(octave, texture.top_octave(other)))
    assert np.isfinite(texture.sliced_distances(patches, other)).all()
    assert texture.octave_ratio(texture.top_octave(other), octave) < 1e-6 or shape == (1, 1, 1)


def test_many_images_are_thinned_out():
    few, many = noise(70, 1, 4, 4), np.broadcast_to(np.float32(0), (3_000_000, 1, 2, 2))
    assert texture.some(few) is few
    assert len(texture.some(many)) == texture.VALUES // 4


def test_ten_thousand_images_take_less_than_a_second():
    x = noise(10_000, 1, 28, 28)
    patches, seconds = texture.patches_of(x), []
    for _ in range(2):
        start = time.process_time()
        texture.top_octave(x)
        texture.sliced_distances(patches, x)
        seconds.append(time.process_time() - start)
    assert min(seconds) < 1
