"""What is measured of each kind of data, and in which features: one row a kind."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from typing import Any, Literal, NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from torch import Generator, Tensor, nn

from aegean.data.info import DataInfo
from aegean.data.kinds import row_of
from aegean.formulas import pictures, sounds, texts, texture
from aegean.metrics.texts import TextReference

PAIRS = 509  # features of a text that nothing was trained for
WIDTH = 64  # features of a sample that every trunk gives
Augmentation = Callable[[Tensor, Generator], Tensor]  # model values (n, *shape), randomness -> the same shape


class Quality(NamedTuple):
    """How near reconstructions are to their originals."""

    formula: Callable[[np.ndarray, np.ndarray], float]  # originals, reconstructions (n, *shape) in model range
    perfect: float  # what an exact copy reaches
    better: Literal["higher", "lower"]


class Texture(NamedTuple):
    """Whether samples have the texture of held-out data, asked of their values; all are (n, *shape) in model range."""

    beside: Callable[[np.ndarray], Callable[[np.ndarray], dict[str, float]]]  # held-out data -> samples -> scores by
    # metric and place: "swd@16x16"
    blurred: Callable[[np.ndarray], np.ndarray]  # real data, which must score badly then, or else the metric is blind


class Kind(NamedTuple):
    """What the protocol knows of a kind."""

    trunk: Callable[[DataInfo], nn.Module]  # of a feature network: samples (n, *shape) -> (n, WIDTH)
    augment: Augmentation  # lightly, while the classifier is trained
    view: Augmentation | None  # heavily, for a self-supervised network; None: model values are the features
    quality: Callable[[DataInfo], dict[str, Quality]]  # of reconstructions, by the metric's name
    texture: Texture | None = None
    untrained: Callable[[Tensor, DataInfo], Tensor] = lambda x, info: x  # what an audit compares, which no data shaped
    reference: Callable[[Any, np.ndarray, np.ndarray], Any] | None = None  # data set, held-out samples and as many
    # training ones -> what scores samples by their values: `distances`, `floor` (metrics.texts.TextReference)


MSE = Quality(pictures.mean_squared_error, 0.0, "lower")
PSNR = Quality(pictures.psnr, pictures.PSNR_CAP, "higher")
SSIM = Quality(pictures.ssim, 1.0, "higher")


def picture_trunk(info: DataInfo) -> nn.Sequential:
    """Convolutions and a mean over positions. The first brings the shorter side to 16 pixels or fewer, so the cost is
    bounded."""
    stride = 2 ** max(0, math.ceil(math.log2(min(info.shape[1:]) / 16)))
    return nn.Sequential(
        convolution(info.shape[0], 32, 2 * stride + 1, stride),
        convolution(32, 64, 3, 2),
        convolution(64, 64, 3, 1),
        convolution(64, WIDTH, 3, 2),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
    )


def convolution(into: int, out: int, size: int, stride: int) -> nn.Sequential:
    conv = nn.Conv2d(into, out, size, stride, padding=size // 2, bias=False)
    return nn.Sequential(conv, nn.BatchNorm2d(out), nn.ReLU())


def table_trunk(info: DataInfo) -> nn.Sequential:
    return nn.Sequential(nn.Linear(info.shape[0], 128), nn.ReLU(), nn.Linear(128, WIDTH), nn.ReLU())


def shifted(x: Tensor, g: Generator) -> Tensor:
    """Pictures shifted and scaled by a tenth."""
    return placed(x, g, zoom=0.1, shift=0.1)


def view(x: Tensor, g: Generator) -> Tensor:
    """A random view of pictures (n, c, h, w): placed, brightness, contrast, a hole, noise. Never mirrored."""
    n, _, height, width = x.shape
    x = placed(x, g, zoom=0.3, shift=0.3)
    contrast = 1 + 0.4 * _uniform(g, n, 1, 1, 1)
    x = x * contrast + 0.3 * _uniform(g, n, 1, 1, 1)
    rows = (torch.linspace(-1, 1, height) - _uniform(g, n, 1)).abs() < 0.35
    columns = (torch.linspace(-1, 1, width) - _uniform(g, n, 1)).abs() < 0.35
    x = x.masked_fill((rows[:, :, None] & columns[:, None, :])[:, None], 0.0)
    return x + 0.1 * torch.randn(x.shape, generator=g)


def placed(x: Tensor, g: Generator, zoom: float, shift: float) -> Tensor:
    """Pictures scaled by exp(+-zoom) and moved by +-shift of half their side; the border is repeated."""
    n = len(x)
    theta = torch.zeros(n, 2, 3)
    theta[:, 0, 0] = theta[:, 1, 1] = (zoom * _uniform(g, n)).exp()
    theta[:, :, 2] = shift * _uniform(g, n, 2)
    grid = F.affine_grid(theta, list(x.shape), align_corners=False)
    return F.grid_sample(x, grid, padding_mode="border", align_corners=False)


def _uniform(g: Generator, *shape: int) -> Tensor:
    """Uniform in [-1, 1]."""
    return 2 * torch.rand(shape, generator=g) - 1


class LogSpectrum(nn.Module):
    """Sounds (n, channels, length) -> pictures (n, channels, bands, frames) of log magnitudes, by fixed cosines and
    sines under a Hann window of 32 ms, half of which is the step."""

    def __init__(self, rate: int, length: int):
        super().__init__()
        self.window = min(2 ** max(4, round(math.log2(0.032 * rate))), length)

    def forward(self, x: Tensor) -> Tensor:
        window = torch.hann_window(self.window, device=x.device, dtype=x.dtype)
        found = torch.stft(x.flatten(0, 1), self.window, self.window // 2, window=window, return_complex=True)
        return (found.abs() / self.window).clamp_min(1e-5).log10().unflatten(0, x.shape[:2])


def sound_trunk(info: DataInfo) -> nn.Sequential:
    """The trunk of pictures on a log spectrum."""
    channels, length = info.shape
    spectrum = LogSpectrum(info.rate, length)
    bands, frames = spectrum.window // 2 + 1, length // (spectrum.window // 2) + 1
    return nn.Sequential(spectrum, *picture_trunk(info.replace(shape=(channels, bands, frames))))


def moved(x: Tensor, g: Generator) -> Tensor:
    """Sounds (n, channels, length) moved by up to a tenth of their length, silence coming in, and louder or softer by
    up to 2 dB."""
    n, _, length = x.shape
    reach = length // 10
    padded = F.pad(x, (reach, reach))
    start = torch.randint(0, 2 * reach + 1, (n, 1, 1), generator=g)
    place = start + torch.arange(length)
    return padded.gather(2, place.expand(x.shape)) * 10 ** (0.1 * _uniform(g, n, 1, 1))


def heard(x: Tensor, g: Generator) -> Tensor:
    """A random view of sounds (n, channels, length): moved, 6 dB louder or softer, a gap, noise 20 to 60 dB below."""
    n, _, length = x.shape
    x = moved(x, g) * 10 ** (0.3 * _uniform(g, n, 1, 1))
    gap = (torch.linspace(-1, 1, length) - _uniform(g, n, 1)).abs() < 0.2
    x = x.masked_fill(gap[:, None, :], 0.0)
    level = x.square().mean((1, 2), keepdim=True).sqrt() * 10 ** (-2 + _uniform(g, n, 1, 1))
    return x + level * torch.randn(x.shape, generator=g)


def sound_quality(info: DataInfo) -> dict[str, Quality]:
    return {
        "mse": MSE,
        "mel": Quality(partial(sounds.mel_distance, rate=info.rate), 0.0, "lower"),
        "si_sdr": Quality(sounds.si_sdr, sounds.SDR_CAP, "higher"),
        "lsd": Quality(partial(sounds.log_spectral_distance, rate=info.rate), 0.0, "lower"),
    }


def log_spectra(x: Tensor, info: DataInfo) -> Tensor:
    """Sounds (n, channels, length) as log spectra, in which a moved phase is no distance."""
    return LogSpectrum(info.rate, info.shape[1])(x)


class TextTrunk(nn.Module):
    """Embeddings, convolutions along the text, and the greatest value of each channel."""

    def __init__(self, tokens: int):
        super().__init__()
        self.embed = nn.Embedding(tokens, WIDTH)
        self.convs = nn.Sequential(
            nn.Conv1d(WIDTH, 2 * WIDTH, 3, padding=1), nn.ReLU(), nn.Conv1d(2 * WIDTH, WIDTH, 3, padding=1), nn.ReLU()
        )

    def forward(self, x: Tensor) -> Tensor:
        return self.convs(self.embed(x.long()).mT).amax(2)  # type: ignore[no-any-return]


def blanked(x: Tensor, g: Generator, share: float) -> Tensor:
    """Texts (n, length) of which a share of the tokens is 0."""
    return x.masked_fill(torch.rand(x.shape, generator=g) < share, 0.0)


def counts_of_pairs(x: Tensor, info: DataInfo) -> Tensor:
    """Texts (n, length) as the numbers of their tokens and of neighbours, in PAIRS places that hashes choose."""
    tokens = x.long()
    pairs = (tokens[:, :-1] * 7919 + tokens[:, 1:] * 104_729 + 1) * (tokens[:, 1:] > 0)
    places = torch.cat((tokens * 15_485_863, pairs), 1) % PAIRS
    known = torch.cat((tokens > 0, tokens[:, 1:] > 0), 1).float()  # token 0 ends and pads
    return torch.zeros(len(x), PAIRS).scatter_add_(1, places, known)


def text_quality(info: DataInfo) -> dict[str, Quality]:
    return {
        "words": Quality(partial(texts.words_restored, info=info), 1.0, "higher"),
        "exact": Quality(texts.restored_exactly, 1.0, "higher"),
    }


def picture_quality(info: DataInfo) -> dict[str, Quality]:
    """SSIM where its window fits."""
    return {"mse": MSE, "psnr": PSNR} | ({"ssim": SSIM} if min(info.shape[1:]) >= 3 else {})


def image_texture(real: np.ndarray) -> Callable[[np.ndarray], dict[str, float]]:
    """The top octave of the spectrum, and the patches of each level of a Laplacian pyramid."""
    real = texture.some(real)
    octave, patches, sides = texture.top_octave(real), texture.patches_of(real), texture.pyramid_sides(*real.shape[2:])

    def scores(fake: np.ndarray) -> dict[str, float]:
        fake = texture.some(fake)
        distances = texture.sliced_distances(patches, fake)
        found = {f"swd@{h}x{w}": distance for (h, w), distance in zip(sides, distances)}
        return {"octave@test": texture.octave_ratio(octave, texture.top_octave(fake)), **found}

    return scores


KINDS: dict[str, Kind] = {
    "image": Kind(picture_trunk, shifted, view, picture_quality, Texture(image_texture, texture.blurred)),
    "audio": Kind(sound_trunk, moved, heard, sound_quality, untrained=log_spectra),
    "text": Kind(
        lambda info: TextTrunk(len(info.vocabulary)),
        partial(blanked, share=0.1),
        partial(blanked, share=0.4),
        text_quality,
        reference=TextReference,
        untrained=counts_of_pairs,
    ),
    "table": Kind(table_trunk, lambda x, g: x, None, lambda info: {"mse": MSE}),
}


def kind_of(info: DataInfo) -> Kind:
    """What the protocol knows of a data set's kind. UserError: nothing."""
    return row_of(KINDS, info)
