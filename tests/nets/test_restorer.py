"""Damage, scaling and the U: what restoration adds to the networks."""

import io

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from PIL import Image

from aegean.config import net
from aegean.nets.damage import PER_HOLE, holes
from aegean.nets.jpeg import jpeg
from aegean.nets.resample import coarse, enlarging
from aegean.testing import away_from_zero, check_network

ALL = {"blur": (0.2, 3), "scale": (1, 4), "noise": (1, 30), "quality": (10, 95), "holes": (0.1, 0.5)}
SIZES = {"shape": (2, 16, 16), "widths": (4, 6, 8), "blocks": 1, "patch": 2}


def scene(channels, height=40, width=56):
    """A picture (C, H, W) of 8 bits with edges and gradients."""
    y, x = np.mgrid[:height, :width]
    planes = [(4 * x + 2 * y * k) % 200 + 40 * ((x // 9 + y // 7) % 2) for k in range(1, channels + 1)]
    return np.stack(planes).clip(0, 255).astype(np.uint8)


@pytest.mark.parametrize("factor", [2.0, 3.7])
def test_a_loss_of_resolution_is_that_of_the_antialiased_cubic_filter(factor):
    x = torch.rand(2, 3, 45, 50)
    few = [round(45 / factor), round(50 / factor)]
    low = F.interpolate(x, size=few, mode="bicubic", antialias=True, align_corners=False)
    wanted = F.interpolate(low, size=(45, 50), mode="bicubic", antialias=True, align_corners=False)
    (down, up), (left, right) = (coarse(size, torch.full((2,), factor)) for size in (45, 50))
    small = down[:, None] @ x @ left[:, None].mT
    torch.testing.assert_close(small[..., : few[0], : few[1]], low, rtol=0, atol=1e-5)
    assert torch.equal(small[..., few[0] :, :], small[..., few[0] - 1 : few[0], :].expand(-1, -1, 45 - few[0], -1))
    torch.testing.assert_close(up[:, None] @ small @ right[:, None].mT, wanted, rtol=0, atol=1e-5)


def test_a_part_of_a_larger_line_is_that_part_of_the_whole():
    x = torch.rand(1, 1, 45, 3)
    wanted = F.interpolate(x, size=(90, 3), mode="bicubic", antialias=True, align_corners=False)[0, 0, 10:30]
    first, last, matrix = enlarging(45, 90, 10, 30)
    torch.testing.assert_close(matrix @ x[0, 0, first:last], wanted)


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("quality", [10, 50, 90])
def test_jpeg_loses_what_a_file_loses(quality, channels):
    raw = scene(channels)
    file = io.BytesIO()
    Image.fromarray(raw[0] if channels == 1 else raw.transpose(1, 2, 0)).save(file, "JPEG", quality=quality)
    theirs = np.atleast_3d(np.asarray(Image.open(file)).astype(float)).transpose(2, 0, 1)
    ours = (jpeg(torch.from_numpy(raw / 127.5 - 1)[None].float(), torch.tensor([float(quality)]))[0] + 1) * 127.5
    lost, apart = (np.square(a - b).mean() for a, b in ((theirs, raw), (ours.numpy(), theirs)))
    assert apart < 0.1 * lost + 0.5  # ties of a made picture are rounded otherwise


def test_holes_cover_the_share_that_is_asked_for():
    share = torch.linspace(0.1, 0.6, 16)
    u = torch.rand(16, PER_HOLE, generator=torch.Generator().manual_seed(0))
    found = holes(torch.zeros(16, 1, 32, 32), share, u).float().mean((1, 2, 3))
    torch.testing.assert_close(found, share, rtol=0, atol=0.05)  # places that are equally near go together


def test_damage_keeps_its_contract_and_its_range():
    spec = net("Damage", **ALL, rounds=2, skip=0.3)
    x = torch.from_numpy(scene(3, 16, 16) / 127.5 - 1).float().expand(8, -1, -1, -1)
    u = torch.rand(8, spec.build().uniforms)
    u[0, 0] = 0.0  # stays clean
    damage = check_network(spec, x, torch.randn(8, *spec.build().normals((3, 16, 16))), u)
    given, known = damage(x, torch.randn(8, 6, 16, 16), u)
    assert torch.equal(given[0], x[0]) and known[0].all()
    assert given.shape == x.shape and set(known.unique().tolist()) <= {0.0, 1.0}


def test_noise_has_the_deviation_that_is_asked_for():
    spec = net("Damage", noise=(25, 25), clean=0.0)
    u = torch.full((4, spec.build().uniforms), 0.9)  # not stored in 8 bits
    given, _ = spec.build()(torch.zeros(4, 1, 64, 64), torch.randn(4, 1, 64, 64), u)
    assert float(given.std()) == pytest.approx(25 / 127.5, rel=0.03)


def test_the_noise_of_a_mix_is_as_coarse_as_its_resolution():
    x, normal = torch.zeros(4, 1, 64, 64), torch.randn(4, 2, 64, 64)

    def neighbours(**ranges):
        """How far pixels side by side have the same noise."""
        damage = net("Damage", noise=(20, 20), clean=0.0, rounds=2, **ranges).build()
        given, _ = damage(x, normal, torch.full((4, damage.uniforms), 0.9))
        return float((given[..., 1:] * given[..., :-1]).mean() / given.square().mean())

    assert abs(neighbours()) < 0.1 and neighbours(scale=(4, 4)) > 0.7


def test_the_networks_keep_their_contract():
    E = check_network(net("ConvEncoder", **SIZES), torch.randn(4, 2, 24, 16))
    assert net("UDecoder", **SIZES).build()(E(torch.randn(4, 2, 24, 16))).shape == (4, 2, 24, 16)
    check_network(net("MaskToken", channels=2), torch.randn(4, 2, 8, 8), torch.ones(4, 1, 8, 8))
    for flips in ("none", "sides", "all"):
        check_network(net("Window", size=(8, 8), flips=flips), torch.randn(4, 2, 24, 16), torch.rand(4, 4))


def test_a_decoder_without_skips_sees_the_topmost_level_alone():
    levels = net("ConvEncoder", **SIZES).build()(torch.randn(2, 2, 24, 16))
    others = (*(torch.randn_like(level) for level in levels[:-1]), levels[-1])
    for skips in (False, True):
        U = net("UDecoder", **SIZES, skips=skips).build()
        away_from_zero(U)
        assert torch.equal(U(levels), U(others)) is not skips


def test_an_encoder_can_tell_a_hole_from_a_picture_that_looks_like_its_filling():
    flat, known = torch.zeros(1, 2, 8, 8), torch.ones(1, 1, 8, 8)
    known[..., 2:6, 2:6] = 0
    token = net("MaskToken", channels=2).build()
    seen = token(flat, known)
    assert torch.equal(seen[..., :2, :], flat[..., :2, :])  # what is known stays
    assert (seen[..., 2:6, 2:6] != 0).all() and seen.mean() == 0  # a pattern, not another grey
    torch.testing.assert_close(token(flat, known)[..., 2:, 2:], token(flat[..., 2:, 2:], known[..., 2:, 2:]))  # tiles


@pytest.mark.parametrize("blocks", [1, 2])
def test_no_pixel_depends_on_what_lies_beyond_the_radius(blocks):
    sizes = {**SIZES, "blocks": blocks}
    E, U = net("ConvEncoder", **sizes).build(), net("UDecoder", **sizes).build()
    for part in (E, U):
        away_from_zero(part)
    side = 2 * U.radius + 4 * U.stride
    x = torch.randn(1, 2, side, 8, requires_grad=True)
    middle = side // 2
    (slope,) = torch.autograd.grad(U(E(x))[0, :, middle - 8 : middle + 8].sum(), x)
    rows = slope[0].abs().sum((0, 2)).nonzero()[:, 0]
    assert rows.min() >= middle - 8 - U.radius and rows.max() < middle + 8 + U.radius
    assert rows.max() - rows.min() > U.radius, "the radius is far too large"
