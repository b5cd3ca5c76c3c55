"""Sounds are generated: an autoencoder of spectra hands itself to a GAN."""

from __future__ import annotations

from aegean.config import Net, UserError, net
from aegean.data.info import DataInfo
from aegean.nets.kinds import halvings, kind_of
from aegean.objectives import AbsoluteError, MelError
from aegean.recipes.architecture import bottleneck, prior
from aegean.recipes.groups import ABSENT, Adversary, Budget, Build, shares
from aegean.recipes.registry import recipe
from aegean.recipes.sound_codec import BANDS, FLOORS, WINDOWS, hop_of, windows
from aegean.recipes.turns import autoencoder_turn, discriminator_turn, falling, generator_turn
from aegean.surface import option
from aegean.training.schedule import Copy, Fit, Phase, Run

SEEN = 80  # mel bands that encoder and discriminator see
AUTOENCODER = ("E", "bottleneck", "G")


@recipe(only="audio")
def sound_gan(
    data: DataInfo,
    *,
    teacher: float = 0.7,
    warmup: float = 0.05,
    ramp: float = 0.1,
    anchor: float = 20.0,
    vocoder: int = 128,
    opponent: Adversary = Adversary(gamma=0.3, pack=ABSENT, augment=ABSENT),
    build: Build = Build(network=ABSENT, patch=ABSENT, conditional=ABSENT),
    budget: Budget = Budget(lr=5e-4, batch=16, images=100_000),
) -> Run:
    """A GAN of sounds that starts from an autoencoder; of a class where the data have classes.

    Encoder and discriminator see log mel spectra; the generator draws frames, of which a vocoder makes the waveform by
    magnitudes and phases. The autoencoder minimises the error of mel spectra under several windows. Then a mixture is
    fitted to its latents, one for each class, the discriminator begins as the encoder and is warmed up with the
    generator frozen, and both learn on; the error of reconstructions is an anchor. If the end is further from held-out
    data than what was handed over, that is what the run keeps.

    Papers: Ghosh et al. 2020 (the fitted mixture); Siuzdak 2023 (the vocoder); Kumar et al. 2023, section 3.4 (the
    error); Huang et al. 2024 (loss and penalties).
    Expected: spoken digits (FSDD, 8 kHz, sorted into ten classes) in clips of half a second, 24,000 images, 535 s of a
    busy core: fd@c-classifier:309 11.0, coverage 0.61, agreement 0.68 (floor 0.98, 0.96 and 0.96).

    teacher: share of the images that the autoencoder is trained on
    warmup: share of the remaining images that the discriminator alone is trained on
    ramp: share of the last phase over which the generator's rate rises
    anchor: weight of the error of mel spectra beside the adversary
    vocoder: channels of the vocoder
    width: channels of the first level of the other networks; 0: 64
    """
    if not kind_of(data).spectra or data.shape[0] != 1:
        raise UserError(
            f"sound_gan takes sounds of one channel, and {data.name!r} is of shape {data.shape} and kind {data.kind}: "
            f"mix sounds with {option('channels', 1)}; gan and ae_to_gan take the rest."
        )
    shares(teacher=teacher, warmup=warmup)
    nets = networks(data, build, vocoder, opponent)
    ear = MelError(trains=AUTOENCODER)
    wave = AbsoluteError(trains=AUTOENCODER, weight=0.1 / data.shape[1])
    taught = round(budget.images * teacher)
    first = Phase("autoencoder", taught, (autoencoder_turn(ear, wave, lr=1e-3),), averages=AUTOENCODER)
    rate = falling(budget.lr)
    alone, against = (discriminator_turn(opponent, lr) for lr in (budget.lr, rate))
    tie = MelError(trains=("G",), weight=anchor)
    generator = generator_turn(opponent.loss, rate.replace(rise=ramp), *([tie] if anchor else []))
    warming = round((budget.images - taught) * warmup)
    left = budget.images - taught - warming
    end = Phase("adversarial", left, (against, generator), averages=("G",), half_life=0.1, trained=True)
    phases = [Phase("warm-up", warming, (alone,)), end] if warming else [end]
    phases[0] = phases[0].replace(edges=(Fit(), Copy("E", "D.backbone")))
    return Run(nets, (first, *phases), budget.batch, training_only=("ear",), wiring="heard")


def networks(data: DataInfo, build: Build, vocoder: int, opponent: Adversary) -> dict[str, Net]:
    """All of them. vocoder: its channels."""
    hop, length, classes = hop_of(data.rate), data.shape[1], len(data.classes)
    frames = -(-length // hop)
    seen = min(SEEN, 2 * hop)  # of 2 * hop + 1 frequencies
    widths = halvings((seen, frames), build.width or 64)
    latent = build.latent or 32
    E = net("ConvEncoder", shape=[seen, frames], widths=widths)
    bands = [BANDS * 2**number for number in range(len(WINDOWS))]
    sizes = {"length": length, "hop": hop, "latent": latent, "widths": widths, "width": vocoder}
    return {
        "eye": net("LogMel", rate=data.rate, windows=[4 * hop], bands=[seen]),
        "E": E,
        "bottleneck": bottleneck("identity", E, latent),
        "G": net("Voice", **sizes),
        "prior": prior("mixture", latent, classes),
        "D": net("Discriminator", backbone=E, classes=classes, bias=opponent.bias),
        "ear": net("LogMel", rate=data.rate, windows=windows(WINDOWS, data.rate), bands=bands, floors=FLOORS),
    }
