"""Sounds are generated: an autoencoder of spectra hands itself to a GAN, and a voice makes them audible."""

from __future__ import annotations

import math
from dataclasses import replace

from aegean.config import Net, UserError, net
from aegean.data.info import DataInfo
from aegean.nets.kinds import kind_of
from aegean.objectives import AbsoluteError, MelError
from aegean.recipes.ae_to_gan import Ties, Transfer, ae_to_gan
from aegean.recipes.groups import ABSENT, Adversary, Budget, Build, shares
from aegean.recipes.registry import recipe
from aegean.recipes.sound_codec import BANDS, FLOORS, WINDOWS, hop_of, windows
from aegean.recipes.turns import autoencoder_turn
from aegean.surface import option
from aegean.training.schedule import Phase, Run

SEEN = 80  # mel bands of a picture
LATENT = 64  # dimensions; 32 reconstruct worse (docs/log.md)
WHOLE = 8  # its frames are a multiple of so many, which networks lay on top of each other, as of bands
DRAWN = {"x": "look", "x_hat": "look_hat", "x_fake": "look_fake"}  # what a GAN of pictures calls its paths


@recipe(only="audio")
def sound_gan(
    data: DataInfo,
    *,
    voice: float = 0.06,
    vocoder: int = 128,
    beta: float = 0.1,
    teacher: float = 0.6,
    warmup: float = 0.05,
    ramp: float = 0.05,
    transfer: Transfer = Transfer(),
    ties: Ties = Ties(distil=ABSENT),
    opponent: Adversary = Adversary(gamma=0.1, relax=0.1, pack=ABSENT, augment=ABSENT),
    build: Build = Build(network=ABSENT, conditional=ABSENT),
    budget: Budget = Budget(lr=5e-4, batch=32, images=300_000),
) -> Run:
    """A GAN of sounds that starts from an autoencoder; of a class where the data have classes.

    Sounds are drawn as pictures of log mel spectra, as `ae_to_gan` draws pictures: the decoder becomes the generator,
    the encoder the discriminator, and a mixture is fitted to the latents, one for each class. A voice, which learns
    first, makes a picture audible by magnitudes and phases: an image costs it about six times as much as the
    autoencoder. If the end is further from held-out data than what was handed over, that is what the run keeps.

    Papers: Ghosh et al. 2020 (the fitted mixture); Siuzdak 2023 (the vocoder); Kumar et al. 2023, section 3.4 (its
    error); Huang et al. 2024 (loss and penalties).
    Expected: spoken digits (FSDD, 8 kHz, sorted into ten classes) in clips of half a second, 506,000 images, 902 s of
    one core: fd@tr-classifier:307 3.9, coverage 0.85, agreement 0.92 (floor 1.6, 0.96 and 0.97).

    voice: share of the images that the voice is trained on
    vocoder: channels of the voice
    beta: weight of the rate of the autoencoder
    teacher: share of the remaining images that the autoencoder is trained on
    warmup: share of what then remains that the discriminator alone is trained on
    ramp: share of the last phase over which the generator's rate rises
    """
    if not kind_of(data).spectra or data.shape[0] != 1:
        raise UserError(
            f"sound_gan takes sounds of one channel, and {data.name!r} is of shape {data.shape} and kind {data.kind}: "
            f"mix sounds with {option('channels', 1)}; gan and ae_to_gan take the rest."
        )
    shares(voice=voice)
    pictures = pictures_of(data)
    build = replace(
        build,
        network="conv",
        latent=build.latent or LATENT,
        patch=build.patch or math.gcd(WHOLE, pictures.shape[1]),
        conditional=bool(data.classes),
    )
    first = round(budget.images * voice)
    drawn = ae_to_gan(
        pictures,
        beta=beta,
        teacher=teacher,
        warmup=warmup,
        ramp=ramp,
        transfer=transfer,
        ties=replace(ties, distil=0.0),
        opponent=replace(opponent, pack=1, augment=()),
        build=build,
        budget=replace(budget, images=budget.images - first),
    )
    wave = AbsoluteError(trains=("voice",), of="x_spoken", weight=0.1 / data.shape[1])
    terms = (MelError(trains=("voice",)), wave)
    speaking = Phase("voice", first, (autoencoder_turn(*terms, lr=2e-3),), averages=("voice",))
    phases = (speaking, *(of_pictures(phase) for phase in drawn.schedule))
    return Run(
        drawn.nets | voice_nets(data, pictures, vocoder), phases, drawn.batch, training_only=("ear",), wiring="heard"
    )


def voice_nets(data: DataInfo, pictures: DataInfo, width: int) -> dict[str, Net]:
    """What makes a picture of a sound, the voice that makes a sound of it again, and what hears both.

    width: channels of the voice
    """
    seen, frames = pictures.shape[1:]
    hop = frame_of(data.rate)
    bands = [BANDS * 2**number for number in range(len(WINDOWS))]
    return {
        "eye": net("LogMel", rate=data.rate, windows=[4 * hop], bands=[seen]),
        "voice": net("Voice", length=data.shape[1], frames=frames, bands=seen, hop=hop, width=width),
        "ear": net("LogMel", rate=data.rate, windows=windows(WINDOWS, data.rate), bands=bands, floors=FLOORS),
    }


def pictures_of(data: DataInfo) -> DataInfo:
    """Log mel spectra as data of their own: one channel, bands from the lowest up, frames along time."""
    hop = frame_of(data.rate)
    frames = -(-data.shape[1] // (hop * WHOLE)) * WHOLE
    shape = (1, min(SEEN, 2 * hop), frames)  # of 2 * hop + 1 frequencies
    return DataInfo(data.name, shape, (0.0,), (1.0,), "float32", data.count, classes=data.classes, kind="image")


def frame_of(rate: int) -> int:
    """Samples from one frame of a picture to the next: half a block of the codec's, for a clearer voice."""
    return hop_of(rate) // 2


def of_pictures(phase: Phase) -> Phase:
    """A phase of a GAN of pictures, among the paths of sounds."""
    turns = []
    for turn in phase.turns:
        terms = []
        for term in turn.terms:
            paths = {name: DRAWN[getattr(term, name)] for name in ("of", "to") if getattr(term, name, "") in DRAWN}
            terms.append(term.replace(**paths))
        turns.append(turn.replace(terms=tuple(terms)))
    return phase.replace(turns=tuple(turns))
