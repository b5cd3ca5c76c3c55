"""Compression of sounds: few bits, judged as an ear would; and a decoder that an adversary has sharpened."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace

from aegean.config import Net, UserError, net
from aegean.data.info import DataInfo
from aegean.nets.kinds import kind_of
from aegean.objectives import MelError, Ramp, SymbolBits
from aegean.recipes.groups import ABSENT, SIZELESS, Adversary, Budget, Build, Sharpening
from aegean.recipes.patches import OPPONENT, sharp_terms
from aegean.recipes.quantised import within
from aegean.recipes.registry import recipe
from aegean.recipes.turns import discriminator_turn
from aegean.surface import option
from aegean.training.schedule import Phase, Run, Turn

PLACE = 0.016  # seconds of sound that a place of the latent stands for, at least
WINDOWS = (0.008, 0.016, 0.032, 0.064, 0.128)  # seconds, of the mel spectra
BANDS = 10  # of the shortest; twice as many for each longer one
FLOORS = (1e-4, 1e-2)  # of magnitudes; full scale is 1
WAVE = 0.02  # weight of the waveform's squared error beside that of its spectra
STEP = 7.75  # times quality^-1/2: of coefficients, before they are rounded
MOST = 3.2  # the largest coefficient of an even sound
LEVELS = 255  # at most, of a number
QUIETER = 12.0  # decibels, at most, in training
OF_SOURCE = ("level", "E", "bottleneck", "G", "symbols")


@recipe(only="audio")
def sound_codec(
    data: DataInfo,
    *,
    quality: float = 1500.0,
    blocks: int = 4,
    plain: float = 1.0,
    sharpening: Sharpening = Sharpening(adversary=0.2, features=0.3),
    opponent: Adversary = OPPONENT,
    build: Build = replace(SIZELESS, network=ABSENT),
    budget: Budget = Budget(lr=1e-3, batch=8, images=80_000),
    inherited: Mapping[str, Net] | None = None,
) -> Run:
    """Lossy compression of sounds to files (`aegean compress`): as few bits as an error in mel spectra is worth.

    A lapped transform whose coefficients are rounded, between two networks. For each band of four coefficients the
    encoder adds a number of its own, and it may change how finely each is rounded; the decoder, which sees them all,
    adds what was rounded away: frames of magnitudes and phases. First all learn to minimise the bits that the numbers
    take, under an integer network that sees those before each, plus the errors of log mel spectra under several windows
    and of the waveform. With `plain` below 1 encoder and symbols are then frozen, so files stay as they are, and the
    decoder learns on against a discriminator of spectra, held by the error's own pull. Sounds are made
    equally loud first, in training at random up to 12 dB quieter, so that one codec writes files of several sizes; the
    gain is in the file.

    `--from RUN` goes on with a trained `sound_codec`; with `plain` below 1 straight to the adversary.

    Papers: Princen et al. 1987 (the transform); Zeghidour et al. 2021 (the plan); Siuzdak 2023 (magnitudes and phases);
    Kumar et al. 2023 (the error of spectra); Minnen et al. 2018 (rate and distortion); Défossez et al. 2022, section
    3.4 (discriminators of spectra, the balance; eq. 3, features).
    Expected: spoken digits (FSDD, 8 kHz) in clips of half a second, 22,900 images without the adversary, 331 s of one
    core: 3.15 kbit/s, PESQ 3.63, mel 0.118, SI-SDR 8.0 dB on recordings held out; with `compress --quality 0.5` 2.33,
    3.37, 0.127, 6.0 (docs/sound.md).

    quality: weight of the errors beside the bits; larger files, better sound
    blocks: residual blocks of the decoder; the encoder has half as many
    plain: share of the images that the codec learns on without the adversary; 1: it never joins
    width: channels of the decoder; the encoder has half as many; 0: 192
    """
    within("blocks", blocks, 1, 64)
    if not quality:
        raise UserError(f"{option('quality', quality)}: expected a number above 0.")
    if plain > 1 or sharpening.warmup >= 1:
        raise UserError(f"{option('plain', plain)}, {option('warmup', sharpening.warmup)}: expected shares up to 1.")
    nets = sound_nets(data, build.width or 192, blocks, STEP / quality**0.5) | of_source(inherited)
    ear = MelError(trains=("E", "G"), weight=quality, places=nets["E"].outline().levels[0][2], wave=WAVE)
    first = budget.images if plain == 1 else 0 if inherited else round(plain * budget.images)
    phases = []
    if first:
        # No averages are kept: tables belong to the weights that they were counted with.
        bits = SymbolBits(trains=("E", "symbols"), weight=Ramp(1.0 if inherited else 0.0, 1.0, over=0.1))
        rate = Ramp(budget.lr, budget.lr / 100, cosine=True)
        turn = Turn("AE", (ear, bits), lr=rate, beta1=0.9, beta2=0.999, observes=("bottleneck", "symbols"))
        phases.append(Phase("codec", first, (turn,)))
    if left := budget.images - first:
        nets["D"] = D = sound_discriminator(data, opponent.bias)
        even = replace(opponent, gamma=opponent.gamma / D.outline().places(data.shape[1]))
        alone, against = (
            discriminator_turn(even, lr, ("recon",)) for lr in (budget.lr / 2, Ramp(budget.lr / 2, budget.lr / 20))
        )
        terms = sharp_terms(ear.replace(trains=("G",)), opponent, sharpening)
        rate = Ramp(budget.lr / 2, budget.lr / 20, cosine=True, rise=0.1)
        sharp = Turn("AE", terms, lr=rate, beta1=0.5, balance="even_hat")
        warming = round(sharpening.warmup * left)
        phases += [Phase("warm-up", warming, (alone,))] if warming else []
        phases.append(Phase("adversarial", left - warming, (against, sharp), averages=("G",), trained=True))
    return Run(nets, tuple(phases), budget.batch, training_only=("ear",), wiring="sound")


def sound_nets(data: DataInfo, width: int, blocks: int, step: float) -> dict[str, Net]:
    """All networks but discriminators. step: of coefficients. UserError: the data are no sounds of one channel."""
    if not kind_of(data).spectra:
        raise UserError(f"sound_codec takes sounds; {data.name!r} is of kind {data.kind}: use codec for images.")
    if data.shape[0] != 1:
        raise UserError(
            f"{data.name!r} has {data.shape[0]} channels: train with {option('channels', 1)}; files of any number of "
            "channels are compressed channel by channel."
        )
    hop = hop_of(data.rate)
    levels = min(LEVELS, 2 * round(MOST / step) + 1)
    sizes = {"length": data.shape[1], "hop": hop, "most": step * (levels - 1) / 2}
    E = net("SoundEncoder", **sizes, width=-(-width // 2), blocks=-(-blocks // 2))
    level = list(E.outline().levels[0])
    latent = math.prod(level)
    bands = [BANDS * 2**number for number in range(len(WINDOWS))]
    return {
        "level": net("Loudness", hop=hop, spread=QUIETER),
        "E": E,
        "bottleneck": net("FiniteScalar", level=level, latent=latent, levels=levels, project=False),
        "G": net("SoundDecoder", **sizes, width=width, blocks=blocks),
        "symbols": net("IntegerPredictor", channels=level[0], levels=levels, hidden=(16,), means=1, pace=4.0),
        "ear": net("LogMel", rate=data.rate, windows=windows(WINDOWS, data.rate), bands=bands, floors=FLOORS),
    }


def of_source(inherited: Mapping[str, Net] | None) -> dict[str, Net]:
    """The networks of another codec of sounds. UserError: it is none."""
    if inherited is None:
        return {}
    if missing := [name for name in OF_SOURCE if name not in inherited]:
        raise UserError(f"{option('source')}: the model has no {missing[0]}; start from a run of sound_codec.")
    return {name: inherited[name] for name in OF_SOURCE}


def sound_discriminator(data: DataInfo, bias: bool, width: int = 8) -> Net:
    """Looks at spectra under windows of 32 and 64 ms: of speech a third one and periods cost more than they bring."""
    return net("SoundDiscriminator", windows=windows(WINDOWS[2:4], data.rate), periods=[], width=width, bias=bias)


def windows(seconds: tuple[float, ...], rate: int) -> list[int]:
    """Samples of windows, of whole hops."""
    return [4 * max(2, round(each * rate / 4)) for each in seconds]


def hop_of(rate: int) -> int:
    """Samples of a block: the smallest power of two of at least 16 ms."""
    return 1 << (max(2, -(-round(PLACE * rate * 1000) // 1000)) - 1).bit_length()
