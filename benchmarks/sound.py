"""Sounds: a codec beside others, and what an adversary brings it; generated digits beside an autoencoder's.

    python benchmarks/sound.py --task codec|digits --data FOLDER [--seconds 600] [--set NAME=VALUE ...] [--seed K]
        [--left-out SPEAKER] [--model FILE] [--save FILE] [--pictures FILE.png] [--adversary]

FOLDER holds sounds named DIGIT_SPEAKER_NUMBER.wav (FSDD). Recordings 0 to 4 are the test. Every model trains for so
many seconds of one processor.

codec: of any sounds that are named so, at any rate (`benchmarks/instruments.py` makes some). SPEAKER is left out of the
training and tested apart. All test clips go into one file, header counted, without names; other codecs code them
joined. mel, lsd and si_sdr are those of docs/sound.md; PESQ and STOI are printed where `pesq` and `pystoi` can be
imported; digits is the accuracy of a classifier that was trained on the original training clips, fd the Fréchet
distance in its features. With --adversary a trained model (--model) learns on for so many seconds twice: with its
encoder frozen against an adversary, and without one.

digits: `sound_gan`, its autoencoder with a mixture alone, and `gan`, told the digit, scored as `aegean evaluate` does;
speakers: how unlike their shares are to those of the training recordings, from 0 to 1.

The last line is JSON.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from common import arguments, finish, note, rounded, show
from heard import Clips, Digits, clocked, compared, others
from study import CPU, paces, play, trainer_of

from aegean.data import DataOptions, Dataset, kinds, open_data
from aegean.data.read import wav
from aegean.metrics.features import feature_network
from aegean.metrics.protocol import Evaluator
from aegean.model import Model
from aegean.recipes import configure
from aegean.training.schedule import Run
from aegean.training.trainer import fit

TEST = range(5)  # numbers of the recordings that are tested
LONGEST = 0.5  # seconds of a training clip
SHORTEST = 800  # samples of a clip without the silence behind it
QUALITIES = (1.0, 0.7, 0.5, 0.35, 0.25)  # of files of one codec
COLUMNS = ("bytes", "kbit/s", "mel", "lsd", "si_sdr", "pesq", "stoi", "digits", "fd")
AUTOENCODER = "autoencoder and mixture"  # the phases of sound_gan before its adversary
SCORES = ("agreement", "coverage", "fd", "memorised", "mel", "speakers")
DRAWN = 1000  # samples whose speakers are counted
WAYS: dict[str, tuple[str, dict[str, Any]]] = {
    "sound_gan": ("sound_gan", {}),
    AUTOENCODER: ("sound_gan", {}),
    "gan": ("gan", {"conditional": True}),
}
SMALL: dict[str, Any] = {"width": 16, "blocks": 1}


def read(folder: Path) -> dict[str, np.ndarray]:
    """Sounds of one channel by name."""
    found = {}
    for path in sorted(folder.glob("*.wav")):
        data = path.read_bytes()
        found[path.stem] = wav.read_values(data, wav.read_header(data))[0]
    return found


def tones(folder: Path) -> None:
    """A folder of such sounds that are no speech, for --quick."""
    rng, time = np.random.default_rng(0), np.arange(2400) / 8000
    for digit in range(10):
        for speaker in ("a", "b"):
            for number in range(9):
                pitch = (100 + 40 * digit) * (1 + 0.2 * (speaker == "b")) * (1 + 0.02 * rng.normal())
                x = 0.3 * np.sin(2 * np.pi * pitch * time) + 0.01 * rng.normal(size=2400)
                data = wav.begin(8000, 1, 2400) + wav.samples(x[None])
                (folder / f"{digit}_{speaker}_{number}.wav").write_bytes(data)


class Split:
    """Clips and their digits: those to train on, the test of known speakers, and that of the one left out."""

    def __init__(self, sounds: dict[str, np.ndarray], left_out: str):
        self.names: dict[str, list[str]] = {"train": [], "test": [], "left out": []}
        for name in sounds:
            _, speaker, number = name.split("_")
            test = int(number) in TEST
            if speaker != left_out or test:
                self.names["left out" if speaker == left_out else "test" if test else "train"].append(name)
        self.clips = {part: [sounds[name] for name in names] for part, names in self.names.items()}
        self.labels = {part: np.array([int(name[0]) for name in names]) for part, names in self.names.items()}


def lasting(run: Run, dataset: Dataset, seconds: float) -> Run:
    """The same run, of so many seconds of the processor."""
    pace = paces(trainer_of(run, dataset))
    whole = sum(phase.images * each for phase, each in zip(run.schedule, pace))
    note(f"seconds an image in each phase: {[rounded(each) for each in pace]}")
    return run.with_images(round(run.images * seconds / whole))


def coded(model: Model, clips: Clips, quality: float = 1.0) -> tuple[bytes, Clips, dict[str, float]]:
    """One file of all clips, what comes back, and how many times as fast as real time."""
    x = [torch.from_numpy(clip)[None] for clip in clips]
    length = sum(map(len, clips)) / model.info.rate
    model.decompress(model.compress(x[:1]))  # libraries are loaded
    data, writing = clocked(lambda: model.compress(x, quality=quality))
    back, reading = clocked(lambda: model.decompress(data))
    speed = {"writing": length / writing, "reading": length / reading}
    return data, [np.round(one[0].numpy() * 32768).clip(-32768, 32767) / np.float32(32768) for one in back], speed


def main() -> None:
    parser = arguments(__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("--task", choices=("codec", "digits"), default="codec")
    parser.add_argument("--data", type=Path)
    parser.add_argument("--seconds", type=float, default=600.0)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--left-out", default="")
    parser.add_argument("--set", nargs="*", default=[], metavar="NAME=VALUE", dest="settings")
    parser.add_argument("--model", help="a model that was trained before")
    parser.add_argument("--save", type=Path)
    parser.add_argument("--pictures", type=Path, help="spectrograms: originals, Opus, ours")
    parser.add_argument("--adversary", action="store_true")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        source = asked.data or Path(folder) / "tones"
        if asked.data is None:
            source.mkdir()
            tones(source)
        (digits if asked.task == "digits" else codec)(asked, source, Path(folder))


def digits(asked: argparse.Namespace, source: Path, folder: Path) -> None:
    """Generated digits: each way at equal time."""
    for name in sorted(path.stem for path in source.glob("*.wav")):
        digit, _, number = name.split("_")
        place = folder / ("test" if int(number) in TEST else "train") / digit
        place.mkdir(parents=True, exist_ok=True)
        (place / f"{name}.wav").symlink_to((source / f"{name}.wav").resolve())
    dataset = open_data(DataOptions(spec=str(folder / "train"), test=str(folder / "test"), seconds=LONGEST))
    evaluator = Evaluator(dataset, feature_network(dataset))
    settings = {**({"width": 16} if asked.quick else {}), **settings_of(asked)}
    speakers = counted_speakers(source, dataset.info.rate, 40 if asked.quick else 400)
    found, seconds = {}, 4.0 if asked.quick else asked.seconds
    floor = {"speakers": speakers(dataset.test[:, 0])}
    for name, (recipe, more) in WAYS.items():
        info = dataset.info
        run = configure(recipe, info, {**(settings if recipe == "sound_gan" else {}), **more}).replace(seed=asked.seed)
        alone = [p for p in run.schedule if "D" not in p.trains] if name == AUTOENCODER else run.schedule
        run = lasting(run.replace(schedule=tuple(alone)), dataset, seconds)
        trainer = trainer_of(run, dataset)
        taken = play(trainer, clock=time.process_time)
        model = trainer.model()
        if name == AUTOENCODER:
            fit(model.nets["prior"], *trainer.latents(20_000))
        scores = {key.split("@")[0]: score for key, score in evaluator(model).items()}
        floor |= {key: score.floor for key, score in scores.items()}
        found[name] = {key: score.value for key, score in scores.items()}
        found[name]["speakers"] = speakers(model.sample(DRAWN, seed=2)[:, 0].numpy())
        note(f"{name}: {run.images} images, {taken:.0f} s: {found[name]}")
        if asked.save:
            model.save(asked.save.with_stem(f"{asked.save.stem}-{name.split()[0]}"))
        if asked.pictures:
            x = info.restore(model.sample(40, seed=1, labels=torch.arange(40) % 10))
            asked.pictures.with_stem(f"{asked.pictures.stem}-{name.split()[0]}").write_bytes(
                kinds.show({"": x}, info, 10)
            )
    rows = [["floor", *(rounded(floor[column]) for column in SCORES)]]
    rows += [[name, *(rounded(values.get(column)) for column in SCORES)] for name, values in found.items()]
    show(f"{source}, {seconds:.0f} s of training each, seed {asked.seed}", ["", *SCORES], rows)
    finish("sound", CPU, task="digits", seconds=seconds, seed=asked.seed, set=settings, floor=floor, found=found)


def counted_speakers(source: Path, rate: int, steps: int) -> Callable[[np.ndarray], float]:
    """How unlike the speakers of sounds (n, length) are to those of the training recordings: half the sum of absolute
    differences of their shares, as a classifier tells them."""
    sounds = {name: sound for name, sound in read(source).items() if int(name.split("_")[2]) not in TEST}
    names = sorted({name.split("_")[1] for name in sounds})
    clips = [sound[: round(LONGEST * rate)] for sound in sounds.values()]
    told = Digits(clips, np.array([names.index(name.split("_")[1]) for name in sounds]), rate, steps)

    def shares(clips: Sequence[np.ndarray]) -> np.ndarray:
        return np.bincount(told.found(list(clips)), minlength=10) / len(clips)

    real = shares(clips)
    return lambda x: 0.5 * float(abs(shares(trimmed(x)) - real).sum())


def trimmed(x: np.ndarray) -> Clips:
    """Sounds (n, length) without the silence behind them."""
    ends = (abs(x) > 1e-3).cumsum(1).argmax(1) + 1
    return [one[: max(end, SHORTEST)] for one, end in zip(x, ends)]


def settings_of(asked: argparse.Namespace) -> dict[str, Any]:
    return dict(word.split("=", 1) for word in asked.settings)


def codec(asked: argparse.Namespace, source: Path, folder: Path) -> None:
    found, sounds = dict[str, dict[str, Any]](), read(source)
    speakers = sorted({name.split("_")[1] for name in sounds})
    split = Split(sounds, left_out := asked.left_out or speakers[-1])
    settings = {**(SMALL if asked.quick else {}), **settings_of(asked)}
    model, seconds = Model.load(asked.model) if asked.model else None, 0.0
    ways: dict[str, dict[str, Any]] = (
        {"adversary": {"plain": 0}, "without": {"plain": 1}} if asked.adversary else {"": {}}
    )
    models = {"": model} if model and not asked.adversary else {}
    if not models:
        (folder / "train").mkdir()
        for name in split.names["train"]:
            (folder / "train" / f"{name}.wav").symlink_to((source / f"{name}.wav").resolve())
        dataset = open_data(DataOptions(spec=str(folder / "train"), seconds=LONGEST))
        for way, more in ways.items():
            chosen = configure("sound_codec", dataset.info, {**settings, **more}, model.specs if model else None)
            run = lasting(chosen.replace(seed=asked.seed), dataset, 4.0 if asked.quick else asked.seconds)
            trainer = trainer_of(run, dataset, source=model)
            seconds = play(trainer, clock=time.process_time)
            models[way] = trainer.model()
            if asked.save:
                models[way].save(asked.save.with_stem(f"{asked.save.stem}{way and '-'}{way}"))
    model, speed = next(iter(models.values())), dict[str, float]()
    rate = model.info.rate
    digits = Digits(split.clips["train"], split.labels["train"], rate, 40 if asked.quick else 400)
    shown = dict[str, Clips]()
    for part in ("test", "left out"):
        clips, labels = split.clips[part], split.labels[part]
        length = sum(map(len, clips)) / rate
        mark = "" if part == "test" else f", {left_out}"
        rows: list[tuple[str, int, Clips]] = [("original", 0, clips)]
        for way, one in models.items():
            for quality in (1.0,) if asked.adversary else QUALITIES:
                data, back, taken = coded(one, clips, quality)
                speed = speed or taken
                name = f"sound_codec{way and ', '}{way}" + (f", quality {quality}" if quality < 1 else "")
                rows.append((name, len(data), back))
        rows += [] if asked.quick or asked.adversary else others(clips, rate)
        for name, size, y in rows:
            scores = compared(clips, y, rate, digits, labels)
            found[name + mark] = {"bytes": size, "kbit/s": 8 * size / length / 1000, **scores}
            note(f"{name + mark}: {found[name + mark]}")
            shown.setdefault(name, y[:12])
    show(
        f"{source}, {seconds:.0f} s of training, seed {asked.seed}",
        ["", *COLUMNS],
        [[name, *(rounded(values.get(column)) for column in COLUMNS)] for name, values in found.items()],
    )
    note(f"times as fast as real time, of one processor: {speed}")
    if asked.pictures:
        picture(shown, model, asked.pictures)
    finish("sound", CPU, seconds=rounded(seconds), seed=asked.seed, set=settings, left_out=left_out,
           speed={name: rounded(value) for name, value in speed.items()}, found=found)  # fmt: skip


def picture(shown: dict[str, Clips], model: Model, file: Path) -> None:
    rows = [name for name in ("original", "sound_codec", "opus 6k") if name in shown]
    length = max(len(clip) for clip in shown["original"])
    raw = np.stack([np.pad(clip, (0, length - len(clip)))[None] for name in rows for clip in shown[name]])
    info = model.info.replace(shape=(1, length))
    file.write_bytes(kinds.show({"": raw.astype(np.float32)}, info, len(shown["original"])))


if __name__ == "__main__":
    main()
