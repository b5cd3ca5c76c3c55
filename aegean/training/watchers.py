"""What stands beside the loop and looks on: log, TensorBoard, progress bar, pictures, best model, warnings, saving."""

from __future__ import annotations

import contextlib
import io
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from tqdm import tqdm

from aegean.data.batch import Batch
from aegean.data.info import DataInfo
from aegean.data.io.show import Groups
from aegean.data.kinds import kind_of, show
from aegean.data.read.hearing import hear
from aegean.model import Model
from aegean.surface import say
from aegean.training.folder import Score, score_json
from aegean.training.record import Record
from aegean.training.watch import (
    collapse_warning,
    cures,
    heard,
    louder,
    rate_warning,
    saturation_warning,
    silence_warning,
    translation_warning,
    weaker,
)

SAVE_SECONDS = 240
SHOWN = 64  # samples in a grid
HEARD = 8  # of them in a sound
IN_SIGHT = ("fd", "coverage", "rfd", "psnr", "mel")  # scores that the progress bar shows

Scores = Mapping[str, Score]


class Watcher:
    """Is told what happens, in the order of these methods; each does nothing unless it is overridden."""

    def phase(self) -> None:
        """A phase has begun after another one, without a hand-over."""

    def step(self, seconds: float) -> None:
        """A step was taken, in so many seconds."""

    def line(self, values: Mapping[str, float]) -> None:
        """A line of the log is due: means since the last one."""

    def evaluation(self, model: Model, scores: Scores) -> None:
        """The model was evaluated: after a step, or as it was handed over, before the first one of a phase."""

    def told(self, stopping: bool) -> None:
        """All that a step gave has been told; whether the run stops here."""


def watch(record: Record, stack: contextlib.ExitStack) -> list[Watcher]:
    """The watchers of the leading process, in the order in which they are told; the stack closes what they open."""
    bar = stack.enter_context(progress_bar(record))
    board = stack.enter_context(tensorboard(record))
    seen: list[Watcher] = [Log(record), Board(record, board), Pictures(record, board), Best(record)]
    return [*seen, Bar(record, bar), Warnings(record, bar), Saving(record)]


class Log(Watcher):
    """metrics.jsonl, and the seconds in it."""

    def __init__(self, record: Record):
        self.record = record

    def step(self, seconds: float) -> None:
        self.record.notes["seconds"] += seconds

    def line(self, values: Mapping[str, float]) -> None:
        self.record.log(kind="train", values=values)

    def evaluation(self, model: Model, scores: Scores) -> None:
        handed_over = {} if self.record.trainer.seen else {"hand_over": True}
        found = {key: score_json(score) for key, score in scores.items()}
        self.record.log(kind="eval", **handed_over, scores=found)


class Board(Watcher):
    """Curves for TensorBoard."""

    def __init__(self, record: Record, board: Any):
        self.trainer, self.board = record.trainer, board

    def line(self, values: Mapping[str, float]) -> None:
        for name, value in values.items():
            self.board.add_scalar(name, value, self.trainer.images)

    def evaluation(self, model: Model, scores: Scores) -> None:
        for key, score in scores.items():
            self.board.add_scalar(f"scores/{key}", score.value, self.trainer.images)


class Pictures(Watcher):
    """Samples and reconstructions, as the run goes: pictures of them, and of what can be heard some in a sound, each
    before what became of it."""

    def __init__(self, record: Record, board: Any):
        self.record, self.board = record, board
        feed = record.trainer.feed
        self.shown = feed.take("shown", 0, min(SHOWN // 2, feed.count))

    def evaluation(self, model: Model, scores: Scores) -> None:
        images, able, info = self.record.trainer.images, model.can(), model.info
        place = f"{images:010d}" if self.record.trainer.seen else f"{images:010d}-hand-over"
        found: dict[str, tuple[Groups, DataInfo]] = {}
        if "sample" in able:
            found["samples"] = {"": info.restore(model.sample(SHOWN, seed=0))}, info
        if "reconstruct" in able:
            x = self.shown.x
            again = info.restore(model.reconstruct(x, self.shown.labels if model.conditional else None))
            found["reconstructions"] = {"given": info.restore(x), "reconstructed": again}, info
        if "translate" in able:
            found["translated"] = _translated(model, self.shown)
        if "restore" in able:
            given, holes = model.damage(x := self.shown.x)
            again = model.restore(given, holes if holes.any() else None)
            rows = {"clean": x, "damaged": given, "restored": again}
            found["restored"] = {name: info.restore(row) for name, row in rows.items()}, info
        for name, (groups, info) in found.items():
            png = show(groups, info)
            self.record.folder.write_sample(f"{name}-{place}.png", png)
            self.board.add_image(name, _decoded(png), images)
            if play := kind_of(info).play:
                in_turn = np.stack([row[:HEARD] for row in groups.values()], 1)
                wav = play(in_turn.reshape(-1, *info.shape), info)
                self.record.folder.write_sample(f"{name}-{place}.wav", wav)
                self.board.add_audio(name, hear(wav)[0].mean(0), images, info.rate)
            if lines := kind_of(info).files.get(".txt"):
                in_turn = np.stack(list(groups.values()), 1)
                text = str(lines(in_turn.reshape(-1, *info.shape), info))
                self.record.folder.write_sample(f"{name}-{place}.txt", text.encode())
                self.board.add_text(name, text.replace("\n", "\n\n"), images)


class Best(Watcher):
    """The best model by held-out distance: of samples where it samples, else of reconstructions. It is the finished one
    where the last phase has lost what was handed over (`Record.takes_back`)."""

    def __init__(self, record: Record):
        self.record = record

    def evaluation(self, model: Model, scores: Scores) -> None:
        key = next((key for name in ("fd@", "rfd@") for key in scores if key.startswith(name)), None)
        if key is None:
            return
        best, value = self.record.notes["best"], scores[key].value
        if best.get("key") != key or value < best["value"]:
            self.record.trainer.model(about=self.record.about()).save(self.record.folder.best)
            self.record.notes["best"] = {"key": key, "value": value, "images": self.record.trainer.images}
        self.record.notes["best"]["latest"] = value
        if self.record.takes_back():
            kept = self.record.notes["best"]
            say(f"the model of image {kept['images']:,} is kept: its {key} is {kept['value']:.4g}, now {value:.4g}")


class Bar(Watcher):
    """The progress bar, with the latest numbers."""

    def __init__(self, record: Record, bar: tqdm):
        self.trainer, self.bar = record.trainer, bar
        self.numbers: dict[str, float] = {}

    def step(self, seconds: float) -> None:
        self.bar.update(self.trainer.run.batch)

    def line(self, values: Mapping[str, float]) -> None:
        self._show({name.split("/")[-1]: value for name, value in values.items() if "gradient" not in name})

    def evaluation(self, model: Model, scores: Scores) -> None:
        names = {key.split("@")[0]: score.value for key, score in scores.items()}
        self._show({name: names[name] for name in IN_SIGHT if name in names})

    def _show(self, numbers: Mapping[str, float]) -> None:
        self.numbers |= numbers
        text = "  ".join(f"{name} {value:.3g}" for name, value in self.numbers.items())
        self.bar.set_postfix_str(text, refresh=False)
        self.bar.set_description(self.trainer.phase.name, refresh=False)


class Warnings(Watcher):
    """Signs of collapse, saturation and silent levels, while there is time to stop."""

    def __init__(self, record: Record, bar: tqdm):
        self.record, self.trainer, self.bar = record, record.trainer, bar
        self.cures = cures(record.settings.recipe, record.settings.info)
        self.shown = self.trainer.feed.take("shown", 0, min(SHOWN // 2, self.trainer.feed.count))

    def line(self, values: Mapping[str, float]) -> None:
        if warning := saturation_warning(values):
            self._warn("saturation", warning, self.cures)
        if warning := silence_warning(values, self._progress()):
            self._warn("silence", warning, louder())
        if warning := rate_warning(values, self._progress()):
            self._warn("silence", warning, heard())

    def evaluation(self, model: Model, scores: Scores) -> None:
        if "translate" in model.can() and (warning := translation_warning(self.shown, model.translate(self.shown.x))):
            self._warn("translation", warning, weaker())
        last = self.trainer.phase is self.trainer.run.schedule[-1]  # earlier, parts of G may not have begun
        coverage = next((score for key, score in scores.items() if key.split("@")[0] == "coverage"), None)
        if coverage is None or not last or not {"D", "G"} <= set(self.trainer.phase.trains):
            return
        notes = self.record.notes
        if warning := collapse_warning(coverage.value, coverage.floor, notes["coverage"], self._progress()):
            self._warn("collapse", warning, self.cures)
        notes["coverage"] = max(notes["coverage"], coverage.value)

    def _progress(self) -> float:
        return self.trainer.seen / self.trainer.phase.images

    def _warn(self, kind: str, finding: str, help: str) -> None:
        text = f"{finding}; {help}"
        said = self.record.notes.setdefault("said", [])
        place = f"{kind} {self.trainer.phase.name}"
        self.record.log(kind="warning", warning=kind, text=text)
        if place not in said:
            said.append(place)
            self.bar.write(f"warning at {self.trainer.images:,} images: {text}", file=sys.stderr)


class Saving(Watcher):
    """The state, at the start of a phase, after an evaluation, every few minutes and where the run stops."""

    def __init__(self, record: Record):
        self.record, self.at = record, time.monotonic()

    def phase(self) -> None:
        self._save()

    def evaluation(self, model: Model, scores: Scores) -> None:
        self._save()

    def told(self, stopping: bool) -> None:
        if stopping or time.monotonic() - self.at > SAVE_SECONDS:
            self._save()

    def _save(self) -> None:
        self.record.save()
        self.at = time.monotonic()


def _translated(model: Model, shown: Batch) -> tuple[Groups, DataInfo]:
    """Given samples, what becomes of them and, of pairs, their partners, in the colours of the richer side."""
    info, other = model.info, model.info.target
    assert other is not None and shown.target is not None
    rows = {"given": info.restore(shown.x), "translated": other.restore(model.translate(shown.x))}
    if info.paired:
        rows["partner"] = other.restore(shown.target)
    richer = max((info, other), key=lambda side: side.shape[0])
    return {name: np.repeat(r, richer.shape[0] // r.shape[1], 1) for name, r in rows.items()}, richer


def progress_bar(record: Record) -> tqdm:
    return tqdm(
        total=record.trainer.run.images,
        initial=record.trainer.images,
        unit="img",
        unit_scale=True,
        desc=record.trainer.phase.name,
        mininterval=0.3 if sys.stderr.isatty() else 20,
        dynamic_ncols=True,
    )


@contextlib.contextmanager
def tensorboard(record: Record) -> Iterator[Any]:
    from torch.utils.tensorboard import SummaryWriter

    before = threading.excepthook

    def hook(args: Any) -> None:  # the writer's thread: the next call raises its error where it is told
        if not isinstance(args.exc_value, OSError):
            before(args)

    threading.excepthook = hook
    try:
        # What an interrupted session wrote after the state that is resumed from is taken back.
        writer: Any = SummaryWriter(str(record.folder.tensorboard), purge_step=record.trainer.images + 1)
        with contextlib.closing(writer):
            yield writer
    finally:
        threading.excepthook = before


def _decoded(png: bytes) -> np.ndarray:
    from PIL import Image

    return np.asarray(Image.open(io.BytesIO(png)).convert("RGB")).transpose(2, 0, 1)
