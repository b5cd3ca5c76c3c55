"""Reading a mark: carriers of a key, the places where a picture may lie, and how likely its bits are by chance."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image

from aegean.nets.marked import BITS, CUT
from aegean.trust.key import Key

COLOURS = np.array([[1, 1, 1], [1, 0, -1], [-1, 2, -1]], np.float64)  # light, and two axes of colour
COLOURS /= np.linalg.norm(COLOURS, axis=1, keepdims=True)
BAND = 160  # places of the spectrum that carry a mark
LOWEST, HIGHEST = 0.05, 0.3  # of their frequencies in light, cycles a pixel,
COLOUR = (0.015, 0.1)  # and in colour, of which JPEG keeps the low ones
DISTURBED = 0.01  # variance that an attack adds to a coefficient of light, twice that in colour
COUNTED = 1_000  # unmarked pictures, in which chance is counted,
ENOUGH = 20  # of which so many must reach a number of bits
TOGETHER = 256  # pictures that are read at a time
SCALES = (1.0, 0.9, 0.866, 0.8, CUT)  # of a side, that may have been cut out and enlarged


class Reading(NamedTuple):
    """bits: BITS of -1 and 1, at the place where most agree with the key's. p: the chance that as many agree in a
    picture without the mark."""

    bits: np.ndarray
    agreeing: int
    p: float


def chosen_band(pictures: np.ndarray) -> tuple[int, ...]:
    """The places of the spectrum where unmarked pictures (n, C, H, W) in [-1, 1] have least, within what JPEG and a
    loss of resolution leave."""
    channels, height, width = pictures.shape[1:]
    variance = _spectrum(pictures).var(0)
    y, x = np.arange(height)[:, None] / (2 * height), np.arange(width) / (2 * width)
    radius = np.hypot(y, x)
    light = (radius >= LOWEST) & (np.maximum(y, x) <= HIGHEST)
    colour = (radius >= COLOUR[0]) & (radius <= COLOUR[1])
    allowed = np.stack([light, *[colour] * (channels - 1)])
    disturbed = DISTURBED * np.array([1.0, *[2.0] * (channels - 1)])[:, None, None]
    score = np.where(allowed, 1 / (variance + disturbed), 0).ravel()
    count = min(BAND, int(allowed.sum()))
    return tuple(sorted(np.argsort(-score, kind="stable")[:count].tolist()))


def raw_carriers(key: Key, shape: tuple[int, ...], band: tuple[int, ...]) -> np.ndarray:
    """Orthonormal (BITS, C, H, W), random in the band."""
    from scipy.fft import idctn

    q, _ = np.linalg.qr(key.random().normal(size=(len(band), BITS)))
    spectrum = np.zeros((BITS, math.prod(shape)))
    spectrum[:, list(band)] = q.T
    return _mixed(idctn(spectrum.reshape(BITS, *shape), axes=(2, 3), norm="ortho"), back=True)


def carriers(key: Key) -> np.ndarray:
    """(BITS, C, H, W) of norm 1 whose readings of unmarked pictures are independent."""
    plain = raw_carriers(key, key.shape, key.band).reshape(BITS, -1)
    mixed = np.array(key.mixing) @ plain
    return (mixed / np.linalg.norm(mixed, axis=1, keepdims=True)).reshape(BITS, *key.shape)


def evened(key: Key, pictures: np.ndarray) -> Key:
    """A key for pictures like these unmarked ones (n, C, H, W) in [-1, 1]: its band, and what makes its bits even
    there, independent, and right by chance as often as p says."""
    shape, band = tuple(int(n) for n in pictures.shape[1:]), chosen_band(pictures)
    mean = pictures.mean(0)
    plain = (pictures - mean).reshape(len(pictures), -1) @ raw_carriers(key, shape, band).reshape(BITS, -1).T
    values, vectors = np.linalg.eigh(np.cov(plain.T) + 1e-6 * np.eye(BITS))
    mixing = vectors @ np.diag(values**-0.5) @ vectors.T
    rows = tuple(map(tuple, (mixing / abs(mixing).max()).tolist()))
    even = Key(key.secret, shape, band, tuple(mean.round(4).ravel().tolist()), rows)
    some = pictures[:: max(1, len(pictures) // COUNTED)]
    return replace(even, chances=chances(np.array([one.agreeing for one in read_marks(some, even)])))


def chances(agreeing: np.ndarray) -> float:
    """How many times as often as by chance at one place unmarked pictures have so many bits right: the most over all
    numbers of bits that enough of them reach."""
    from scipy.stats import binom

    shares = {k: (agreeing >= k).mean() for k in range(BITS + 1) if (agreeing >= k).sum() >= ENOUGH}
    return float(max(share / binom.sf(k - 1, BITS, 0.5) for k, share in shares.items()))


def read_marks(pictures: np.ndarray, key: Key) -> list[Reading]:
    """Pictures (n, C, h, w) of any one size in [-1, 1] -> the bits that each carries, wherever it was cut.

    Tried are the size of the key's pictures, parts of it at every place, as they are and enlarged. The best place is
    taken; how often unmarked pictures reach as much there was counted when the key was made (`chances`), and is carried
    on to more bits by the binomial law.
    """
    from scipy.stats import binom

    if len(pictures) > TOGETHER:
        blocks = (pictures[start : start + TOGETHER] for start in range(0, len(pictures), TOGETHER))
        return [one for block in blocks for one in read_marks(block, key)]
    w, wanted = torch.from_numpy(carriers(key)).float(), torch.from_numpy(key.bits).float()[:, None, None]
    mean, n = np.array(key.mean).reshape(key.shape), len(pictures)
    best, agreeing = np.ones((n, BITS)), np.full(n, -1)
    given = sizes(pictures.shape[2:], key.shape[1:])
    for size in given:
        parts = np.stack([resized(x, size) for x in pictures]) - resized(mean, size)
        found = F.conv2d(w, torch.from_numpy(parts).float()).flatten(2)  # (BITS, n, places)
        most, at = (t.numpy() for t in ((found >= 0) == (wanted > 0)).sum(0).max(1))
        signs = np.where(found.permute(1, 2, 0).numpy()[np.arange(n), at] >= 0, 1, -1)
        better = most > agreeing
        best[better], agreeing[better] = signs[better], most[better]
    more = places_of(given, key) / places_of(sizes(key.shape[1:], key.shape[1:]), key)
    tails = np.minimum(1, key.chances * more * binom.sf(agreeing - 1, BITS, 0.5))
    return [Reading(*one) for one in zip(best, agreeing.tolist(), tails.tolist())]


def places_of(found: list[tuple[int, int]], key: Key) -> int:
    """How many places there are for parts of these sizes."""
    return sum((key.shape[1] - height + 1) * (key.shape[2] - width + 1) for height, width in found)


def pooled(ps: list[float]) -> float:
    """One p for several pictures (Fisher 1925)."""
    from scipy.stats import chi2

    return float(chi2.sf(-2 * sum(math.log(max(p, 1e-300)) for p in ps), 2 * len(ps)))


def sizes(given: tuple[int, ...], wanted: tuple[int, ...]) -> list[tuple[int, int]]:
    """Heights and widths that a picture is brought to: of the whole and of parts; and its own, if it may be a part."""
    found = [(round(scale * wanted[0]), round(scale * wanted[1])) for scale in SCALES]
    if all(CUT * b - 1 <= a <= b for a, b in zip(given, wanted)):
        found.append((given[0], given[1]))
    return list(dict.fromkeys(found))


def resized(picture: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    if picture.shape[1:] == size:
        return picture
    planes = [Image.fromarray(plane.astype(np.float32)) for plane in picture]
    return np.stack([np.asarray(plane.resize(size[::-1], Image.Resampling.BICUBIC)) for plane in planes])


def _mixed(x: np.ndarray, back: bool = False) -> np.ndarray:
    """Colours (n, 3, H, W) as light and colour, or back; other numbers of channels as they are."""
    if x.shape[1] != len(COLOURS):
        return x
    return np.einsum("nchw,kc->nkhw" if not back else "nkhw,kc->nchw", x, COLOURS)


def _spectrum(x: np.ndarray) -> np.ndarray:
    from scipy.fft import dctn

    return dctn(_mixed(np.asarray(x, np.float64)), axes=(2, 3), norm="ortho")
