"""Compression of sounds: few bits, judged as an ear would."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from aegean.config import Net, UserError, net
from aegean.data.info import DataInfo
from aegean.nets.kinds import kind_of
from aegean.objectives import AbsoluteError, MelError, Ramp, SymbolBits
from aegean.recipes.groups import ABSENT, SIZELESS, Budget, Build
from aegean.recipes.quantised import within
from aegean.recipes.registry import recipe
from aegean.surface import option
from aegean.training.schedule import Phase, Run, Turn

PLACE = 0.016  # seconds of sound that a place of the latent stands for, at least
WINDOWS = (0.008, 0.016, 0.032, 0.064, 0.128)  # seconds, of the mel spectra
BANDS = 5  # of the shortest; twice as many for each longer one
WAVE = 0.02  # weight of the waveform's own error beside that of its spectra


@recipe
def sound_codec(
    data: DataInfo,
    *,
    quality: float = 300.0,
    depth: int = 16,
    levels: int = 9,
    blocks: int = 4,
    build: Build = replace(SIZELESS, network=ABSENT),
    budget: Budget = Budget(lr=1e-3, batch=16, images=80_000),
    inherited: Mapping[str, Net] | None = None,
) -> Run:
    """Lossy compression of sounds to files (`aegean compress`): as few bits as an error in mel spectra is worth.

    An autoencoder of spectra whose latent is a grid of whole numbers, `depth` for every 16 ms or a little more. It
    minimises the bits that the numbers take, under an integer network that sees those before each, plus the error of
    log mel spectra under several windows. Sounds are made equally loud first; the gain is in the file.

    Papers: Zeghidour et al. 2021 (the plan); Siuzdak 2023 (spectra in the place of transposed convolutions); Mentzer et
    al. 2023 (finite scalars); Kumar et al. 2023 (the error); Minnen et al. 2018 (rate and distortion).
    Expected: spoken digits (FSDD, 8 kHz) in clips of half a second, 8,000 images in two minutes of one core:
    mel@test:309 0.18 at 263 bits a clip.

    quality: weight of the error of mel spectra beside the bits; larger files, better sound
    depth: whole numbers for each place
    levels: values that each is rounded to
    blocks: residual blocks of encoder and decoder
    width: channels of both; 0: 192
    """
    within("depth", depth, 1, 64)
    within("levels", levels, 2, 255)
    within("blocks", blocks, 1, 64)
    if not quality:
        raise UserError(f"{option('quality', quality)}: expected a number above 0.")
    nets = sound_nets(data, build.width or 192, depth, levels, blocks)
    places = nets["E"].outline().levels[0][1]
    bits = SymbolBits(trains=("E", "symbols"), weight=Ramp(0.0, 1.0, over=0.1))
    ear = MelError(trains=("E", "G"), weight=quality, places=places)
    wave = AbsoluteError(trains=("E", "G"), of="even_hat", to="even", weight=quality * WAVE / nets["E"].args["hop"])
    rate = Ramp(budget.lr, budget.lr / 100, cosine=True)
    turn = Turn("AE", (ear, wave, bits), lr=rate, beta1=0.9, beta2=0.999, observes=("bottleneck", "symbols"))
    return Run(nets, (Phase("codec", budget.images, (turn,)),), budget.batch, training_only=("ear",), wiring="sound")


def sound_nets(data: DataInfo, width: int, depth: int, levels: int, blocks: int) -> dict[str, Net]:
    """All networks but discriminators. UserError: the data are no sounds of one channel."""
    if not kind_of(data).spectra:
        raise UserError(f"sound_codec takes sounds; {data.name!r} is of kind {data.kind}: use codec for images.")
    if data.shape[0] != 1:
        raise UserError(
            f"{data.name!r} has {data.shape[0]} channels: train with {option('channels', 1)}; files of any number of "
            "channels are compressed channel by channel."
        )
    hop = hop_of(data.rate)
    sizes = {"length": data.shape[1], "hop": hop, "depth": depth, "width": width, "blocks": blocks}
    E = net("SoundEncoder", **sizes)
    _, places = E.outline().levels[0]
    windows = [4 * max(2, round(seconds * data.rate / 4)) for seconds in WINDOWS]
    return {
        "level": net("Loudness", hop=hop),
        "E": E,
        "bottleneck": net("FiniteScalar", level=[depth, places], latent=depth * places, levels=levels, project=False),
        "G": net("SoundDecoder", **sizes),
        "symbols": net("IntegerPredictor", channels=depth, levels=levels, reach=1, hidden=(32,), pace=4.0),
        "ear": net("LogMel", rate=data.rate, windows=windows, bands=[BANDS * 2**n for n in range(len(WINDOWS))]),
    }


def hop_of(rate: int) -> int:
    """Samples of a block: the smallest power of two of at least 16 ms."""
    return 1 << (max(2, -(-round(PLACE * rate * 1000) // 1000)) - 1).bit_length()
