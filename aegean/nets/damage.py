"""How clean pictures are damaged on their way to a restorer: pure functions of given noise, another strength for each
sample."""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from aegean.config import network
from aegean.nets.jpeg import jpeg
from aegean.nets.resample import coarse

PLACES = ("blur", "scale", "noise", "quality")  # of two numbers each among a round's: a strength, whether to skip
POINTS = 4  # corners of a stroke
PER_ROUND = 10  # uniform numbers
PER_HOLE = 5 + 2 * POINTS
SHOT = 0.5  # share of samples whose noise grows with the light, as photons count
STORED = 0.5  # share of samples that are rounded and clipped as in a file of 8 bits


def blurred(x: Tensor, sigma: Tensor) -> Tensor:
    """Pictures through a Gaussian of sigma (B,) pixels; their border is repeated."""
    reach = 9
    place = torch.arange(-reach, reach + 1, device=x.device)
    taps = torch.exp(-0.5 * (place / sigma[:, None].clamp(min=0.05)).square())
    taps = (taps / taps.sum(1, keepdim=True)).repeat_interleave(x.shape[1], 0).to(x.dtype)
    out = F.pad(x.flatten(0, 1)[None], (reach,) * 4, mode="replicate")
    out = F.conv2d(out, taps[:, None, :, None], groups=len(taps))
    return F.conv2d(out, taps[:, None, None, :], groups=len(taps)).view_as(x)


def holes(like: Tensor, share: Tensor, u: Tensor) -> Tensor:
    """Which places (B, 1, H, W) are missing, bool: a share (B,) of each picture, in half of them a box, in half a thick
    stroke; u (B, PER_HOLE) uniform.

    Both are the places nearest to something, a point or a line of several corners; so the share is exact.
    """
    _, _, height, width = like.shape
    y, x = ((torch.arange(n, device=like.device) + 0.5) / n for n in (height, width))
    centre, aspect, kind = u[:, :2], (2 * u[:, 2] - 1).exp(), u[:, 3]
    down = (y - centre[:, :1]).abs() * aspect[:, None].sqrt()
    across = (x - centre[:, 1:2]).abs() / aspect[:, None].sqrt()
    box = torch.maximum(down[:, :, None], across[:, None, :])
    stroke = _from_lines(y, x, u[:, 5:].unflatten(1, (POINTS, 2)))
    near = torch.where((kind < 0.5)[:, None, None], box, stroke).flatten(1)
    count = (share * height * width).round().long().clamp(0, height * width - 1)
    edge = near.sort(1).values.gather(1, count[:, None])
    return (near < edge).view(-1, 1, height, width)


def _from_lines(y: Tensor, x: Tensor, corners: Tensor) -> Tensor:
    """Distances (B, H, W) of places to the line through corners (B, n, 2)."""
    found: list[Tensor] = []
    for a, b in zip(corners.unbind(1), corners.unbind(1)[1:]):
        (ay, ax), (dy, dx) = (v[:, :, None, None].unbind(1) for v in (a, b - a))
        py, px = y[:, None] - ay, x - ax
        along = ((py * dy + px * dx) / (dy * dy + dx * dx + 1e-6)).clamp(0, 1)
        found.append((py - along * dy).square() + (px - along * dx).square())
    return torch.stack(found).amin(0).sqrt()


@network
class Damage(nn.Module):
    """Clean pictures (B, C, H, W) in [-1, 1], noise (B, *normals) and (B, uniforms) -> damaged ones, and what is known
    of them (B, 1, H, W), float: 1, or 0 in holes.

    Each kind of damage has a range, least and most, or () for none; they come in this order (Wang et al. 2021, section
    3, figure 2, simplified):

    blur: standard deviation of a Gaussian, in pixels
    scale: factor of a loss of resolution; the size stays; noise and JPEG come in between
    noise: standard deviation, in steps of 8 bits
    quality: of JPEG
    holes: share of the places
    rounds: how often all that comes, the second time half as strong
    skip: share of samples that each kind leaves out
    clean: share of samples that stay as they are
    """

    def __init__(
        self,
        blur: Sequence[float] = (),
        scale: Sequence[float] = (),
        noise: Sequence[float] = (),
        quality: Sequence[float] = (),
        holes: Sequence[float] = (),
        rounds: int = 1,
        skip: float = 0.0,
        clean: float = 0.1,
    ):
        super().__init__()
        ranges = {"blur": blur, "scale": scale, "noise": noise, "quality": quality, "holes": holes}
        assert all(len(ends) in (0, 2) and all(end >= 0 for end in ends) for ends in ranges.values()) and rounds < 10
        self.ranges = {name: tuple(map(float, ends)) for name, ends in ranges.items() if ends}
        self.rounds, self.skip, self.clean = rounds, skip, clean
        self.uniforms = 1 + rounds * PER_ROUND + (PER_HOLE if holes else 0)

    @property
    def scales(self) -> tuple[float, ...]:
        """Least and most of the factors that it loses; () where it keeps the resolution."""
        return self.ranges.get("scale", ())

    def normals(self, shape: Sequence[int]) -> tuple[int, ...]:
        """The shape of the normal noise for a picture."""
        return (self.rounds * shape[0], *shape[1:]) if "noise" in self.ranges else (0,)

    def forward(self, x: Tensor, normal: Tensor, uniform: Tensor) -> tuple[Tensor, Tensor]:
        whole, first = x, uniform[:, 0]
        for number in range(self.rounds):
            u = uniform[:, 1 + number * PER_ROUND :]
            noise = normal[:, number * x.shape[1] : (number + 1) * x.shape[1]] if normal.shape[1:] != (0,) else None
            x = self._round(x, u, noise, 0.5**number)
        known = torch.ones_like(x[:, :1])
        if "holes" in self.ranges:
            u = uniform[:, -PER_HOLE:]
            missing = holes(x, self._strength("holes", u[:, 4]), u)
            known, x = known.masked_fill(missing, 0), x.masked_fill(missing, 0)  # grey: nothing of it can be seen
        clean = (first < self.clean)[:, None, None, None]
        return torch.where(clean, whole, x), known.masked_fill(clean, 1)

    def _round(self, x: Tensor, u: Tensor, noise: Tensor | None, part: float) -> Tensor:
        """Noise and JPEG meet the low resolution, as in a picture that was made small and is enlarged."""

        def drawn(name: str, x: Tensor) -> Tensor:
            if name not in self.ranges:
                return x
            strength, skipped = self._draws(name, u, part)
            damaged = getattr(self, f"_{name}")(x, strength, u, noise)
            return torch.where(skipped[:, None, None, None], x, damaged)

        def stored(x: Tensor) -> Tensor:
            return drawn("quality", drawn("noise", x))

        x = drawn("blur", x)
        if "scale" not in self.ranges:
            return stored(x)
        factor, skipped = self._draws("scale", u, part)
        factor = factor.clamp(min=1.0).masked_fill(skipped, 1.0)
        (down, up), (left, right) = (coarse(size, factor) for size in x.shape[2:])
        x = stored(down[:, None].to(x.dtype) @ x @ left[:, None].mT.to(x.dtype))
        return up[:, None].to(x.dtype) @ x @ right[:, None].mT.to(x.dtype)

    def _draws(self, name: str, u: Tensor, part: float) -> tuple[Tensor, Tensor]:
        """The strength of a kind of damage for each sample, and whether it is skipped."""
        place = 2 * PLACES.index(name)
        return self._strength(name, u[:, place], part), u[:, place + 1] < self.skip

    def _strength(self, name: str, u: Tensor, part: float = 1.0) -> Tensor:
        least, most = self.ranges[name]
        if part != 1:  # a milder round: towards the end that does least
            least, most = (part * least + (1 - part) * most, most) if name == "quality" else (least, part * most)
            most = max(least, most)
        return least + (most - least) * u

    def _blur(self, x: Tensor, sigma: Tensor, u: Tensor, noise: Tensor | None) -> Tensor:
        return blurred(x, sigma)

    def _noise(self, x: Tensor, sigma: Tensor, u: Tensor, noise: Tensor | None) -> Tensor:
        assert noise is not None
        sigma = sigma[:, None, None, None] / 127.5
        if self.rounds > 1:  # a mix
            shot = (u[:, 8] < SHOT)[:, None, None, None]
            sigma = torch.where(shot, sigma * (x.clamp(-1, 1) + 1).sqrt(), sigma)
        x = x + sigma * noise
        stored = ((x + 1) * 127.5).round().clamp(0, 255) / 127.5 - 1
        return torch.where((u[:, 9] < STORED)[:, None, None, None], stored, x)

    def _quality(self, x: Tensor, quality: Tensor, u: Tensor, noise: Tensor | None) -> Tensor:
        return jpeg(x, quality.clamp(min=1.0))
