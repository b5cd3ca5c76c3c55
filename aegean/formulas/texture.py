"""Whether images have the texture of others, asked of the pixels themselves: no network, no pairs."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

BLUR = 0.7  # pixels, standard deviation: hardly to be seen, and the end of fine texture
VALUES = 1 << 23  # of the images that are looked at, at most,
FEWEST = 64  # but so many images at least
SIDE = 16  # pixels, to which a pyramid goes down
PATCH = 7  # pixels a side
PATCHES = 1 << 12  # of all images, for each level of the pyramid
DIRECTIONS = 64
TINY = 1e-12  # mean square of an image that has nothing there


def some(x: np.ndarray) -> np.ndarray:
    """Evenly spread ones of the images (n, c, h, w), so that a metric costs little however many there are."""
    count = max(FEWEST, VALUES // x[0].size)
    return x if count >= len(x) else x[np.linspace(0, len(x) - 1, count).round().astype(int)]


def blurred(x: np.ndarray) -> np.ndarray:
    """Images (n, c, h, w) through a Gaussian of 0.7 pixels: what a metric of texture must tell from the originals."""
    from scipy.ndimage import gaussian_filter

    return gaussian_filter(x, (0, 0, BLUR, BLUR))


def top_octave(x: np.ndarray) -> float:
    """The mean square that images (n, c, h, w) have in the top octave of their spectrum: what halving their sides
    would lose, horizontally or vertically.

    The spectrum is that of the cosine transform, as in Frank et al. 2020 ("Leveraging Frequency Analysis for Deep Fake
    Image Recognition"): a Fourier transform would see an edge where two opposite borders meet.
    """
    from scipy.fft import dctn

    energy = np.square(dctn(np.float32(x), axes=(2, 3), norm="ortho")).mean((0, 1), dtype=np.float64)
    h, w = energy.shape
    energy[: -(-h // 2), : -(-w // 2)] = 0
    return float(energy.sum() / energy.size)


def octave_ratio(real: float, fake: float) -> float:
    """Energy of the top octave over that of real images: 1 is right, less is blur, more is noise. 1 where both have
    none."""
    return (fake + TINY) / (real + TINY)


class Patches(NamedTuple):
    """Patches of real images along random directions, level by level, and what brings others beside them."""

    mean: list[Tensor]  # of each channel, (c, 1)
    deviation: list[Tensor]
    directions: list[Tensor]  # (values of a patch, DIRECTIONS)
    sorted: list[Tensor]  # (DIRECTIONS, PATCHES)
    seed: int


def patches_of(real: np.ndarray, seed: int = 0) -> Patches:
    """What `sliced_distances` needs to know of real images (n, c, h, w)."""
    found = Patches([], [], [], [], seed)
    for number, patches in enumerate(_patches(real, seed)):
        deviation, mean = torch.std_mean(patches, (0, 2), correction=0, keepdim=True)
        directions = torch.randn(patches[0].numel(), DIRECTIONS, generator=_chance(seed, number))
        found.mean.append(mean)
        found.deviation.append(torch.where(deviation > 1e-6, deviation, 1.0))
        found.directions.append(directions / directions.norm(dim=0))
        found.sorted.append(_projected(patches, found, number))
    return found


def sliced_distances(real: Patches, fake: np.ndarray) -> list[float]:
    """Sliced Wasserstein distances between the patches of real images and others (n, c, h, w), for each level of a
    Laplacian pyramid, the finest first; 0 is right, and 1 a shift by one deviation of the real patches' values.

    Karras et al. 2018 ("Progressive Growing of GANs"), section 5: 7x7 patches and a pyramid down to 16x16, with 64
    directions and 4,096 patches a level. Unlike there, both sides are normalised by the mean and deviation of the real
    channels, so contrast that is lost counts, and images of 16x16 or less are halved once as well, where that leaves
    4 pixels.
    """
    found = zip(real.sorted, _patches(fake, real.seed))
    return [float((ours - _projected(p, real, i)).abs().mean()) for i, (ours, p) in enumerate(found)]


def pyramid_sides(h: int, w: int) -> list[tuple[int, int]]:
    """Height and width of each level of a pyramid, the finest first."""
    sides = [(h, w)]
    while min(sides[-1]) > SIDE or (len(sides) == 1 and min(h, w) >= 8):
        sides.append((-(-sides[-1][0] // 2), -(-sides[-1][1] // 2)))
    return sides


def pyramid(x: np.ndarray) -> list[np.ndarray]:
    """Images (n, c, h, w) as a Laplacian pyramid (Burt and Adelson 1983): what each halving loses, then the rest."""
    levels = []
    for _ in pyramid_sides(*x.shape[2:])[1:]:
        small = smooth(x)[:, :, ::2, ::2]
        wide = np.zeros_like(x)
        wide[:, :, ::2, ::2] = 4 * small
        levels.append(x - smooth(wide))
        x = small
    return [*levels, x]


def smooth(x: np.ndarray) -> np.ndarray:
    """Images through the binomial filter 1, 4, 6, 4, 1; mirrored at their borders."""
    from scipy.ndimage import convolve1d

    kernel = np.array([1, 4, 6, 4, 1]) / 16
    return convolve1d(convolve1d(x, kernel, 2, mode="mirror"), kernel, 3, mode="mirror")


def _patches(x: np.ndarray, seed: int) -> list[Tensor]:
    """PATCHES patches (PATCHES, c, side * side) of each level of the images; of as many images, from the same
    places."""
    found = []
    for number, level in enumerate(map(torch.from_numpy, pyramid(np.asarray(x, np.float32)))):
        n, _, h, w = level.shape
        size, chance = (min(PATCH, h), min(PATCH, w)), _chance(seed, number)
        which = torch.arange(PATCHES) * n // PATCHES
        top, left = (torch.randint(s - p + 1, (PATCHES,), generator=chance) for s, p in zip((h, w), size))
        rows, columns = (at[:, None] + torch.arange(p) for at, p in zip((top, left), size))
        index = (which[:, None, None], slice(None), rows[:, :, None], columns[:, None, :])
        found.append(level[index].permute(0, 3, 1, 2).flatten(2))
    return found


def _projected(patches: Tensor, real: Patches, level: int) -> Tensor:
    values = ((patches - real.mean[level]) / real.deviation[level]).flatten(1)
    # numpy's sort of floats is twenty times as fast as torch's
    return torch.from_numpy(np.sort((values @ real.directions[level]).T.numpy(), axis=1))


def _chance(seed: int, level: int) -> torch.Generator:
    return torch.Generator().manual_seed(1_000 * seed + level)
