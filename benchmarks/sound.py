"""Compression of spoken digits: rate, quality and speed beside other codecs, and what an adversary brings.

    python benchmarks/sound.py --task codec --data FOLDER [--seconds 600] [--set NAME=VALUE ...] [--seed K]
        [--left-out SPEAKER] [--model FILE] [--save FILE] [--pictures FILE.png]

FOLDER holds sounds named DIGIT_SPEAKER_NUMBER.wav (FSDD). Recordings 0 to 4 are the test; SPEAKER is left out of the
training and tested apart. `sound_codec` trains for so many seconds of one processor, of which each phase takes its
share. All test clips go into one file, header counted, without names; other codecs code them joined. mel, lsd and
si_sdr are those of docs/sound.md; PESQ and STOI are printed where `pesq` and `pystoi` can be imported; digits is the
accuracy of a classifier that was trained on the original training clips. The last line is JSON.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import torch
from common import arguments, finish, note, rounded, show
from heard import Clips, Digits, clocked, compared, others
from study import CPU, paces, play, trainer_of

from aegean.data import DataOptions, kinds, open_data
from aegean.data.read import wav
from aegean.model import Model
from aegean.recipes import configure
from aegean.training.schedule import Run

TEST = range(5)  # numbers of the recordings that are tested
LONGEST = 0.5  # seconds of a training clip
COLUMNS = ("bytes", "kbit/s", "mel", "lsd", "si_sdr", "pesq", "stoi", "digits")
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


def planned(info: Any, settings: dict[str, Any], seconds: float, dataset: Any, seed: int) -> Run:
    """The run that takes so many seconds of the processor."""
    run = configure("sound_codec", info, settings).replace(seed=seed)
    pace = paces(trainer_of(run, dataset))
    whole = sum(phase.images * each for phase, each in zip(run.schedule, pace))
    note(f"seconds an image in each phase: {[rounded(each) for each in pace]}")
    return run.with_images(round(run.images * seconds / whole))


def coded(model: Model, clips: Clips) -> tuple[bytes, Clips, dict[str, float]]:
    """One file of all clips, what comes back, and how many times as fast as real time."""
    x = [torch.from_numpy(clip)[None] for clip in clips]
    length = sum(map(len, clips)) / model.info.rate
    model.decompress(model.compress(x[:1]))  # libraries are loaded
    data, writing = clocked(lambda: model.compress(x))
    back, reading = clocked(lambda: model.decompress(data))
    speed = {"writing": length / writing, "reading": length / reading}
    return data, [np.round(one[0].numpy() * 32768).clip(-32768, 32767) / np.float32(32768) for one in back], speed


def main() -> None:
    parser = arguments(__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("--task", choices=("codec",), default="codec")
    parser.add_argument("--data", type=Path)
    parser.add_argument("--seconds", type=float, default=600.0)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--left-out", default="")
    parser.add_argument("--set", nargs="*", default=[], metavar="NAME=VALUE", dest="settings")
    parser.add_argument("--model", help="a model that was trained before")
    parser.add_argument("--save", type=Path)
    parser.add_argument("--pictures", type=Path, help="spectrograms: originals, Opus, ours")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        source = asked.data or Path(folder) / "tones"
        if asked.data is None:
            source.mkdir()
            tones(source)
        measure(asked, source, Path(folder))


def measure(asked: argparse.Namespace, source: Path, folder: Path) -> None:
    sounds = read(source)
    speakers = sorted({name.split("_")[1] for name in sounds})
    split = Split(sounds, left_out := asked.left_out or speakers[-1])
    settings = {**(SMALL if asked.quick else {}), **dict(word.split("=", 1) for word in asked.settings)}
    seconds, found = 0.0, dict[str, dict[str, Any]]()
    if asked.model:
        model = Model.load(asked.model)
    else:
        (folder / "train").mkdir()
        for name in split.names["train"]:
            (folder / "train" / f"{name}.wav").symlink_to((source / f"{name}.wav").resolve())
        dataset = open_data(DataOptions(spec=str(folder / "train"), seconds=LONGEST))
        run = planned(dataset.info, settings, 4.0 if asked.quick else asked.seconds, dataset, asked.seed)
        trainer = trainer_of(run, dataset)
        seconds = play(trainer, clock=__import__("time").process_time)
        model = trainer.model()
        if asked.save:
            model.save(asked.save)
    rate = model.info.rate
    digits = Digits(split.clips["train"], split.labels["train"], rate, 40 if asked.quick else 400)
    shown = dict[str, Clips]()
    for part in ("test", "left out"):
        clips, labels = split.clips[part], split.labels[part]
        length = sum(map(len, clips)) / rate
        mark = "" if part == "test" else f", {left_out}"
        data, back, speed = coded(model, clips)
        rows = [("original", 0, clips), ("sound_codec", len(data), back), *(() if asked.quick else others(clips, rate))]
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
