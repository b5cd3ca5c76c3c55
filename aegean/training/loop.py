"""The loop: steps until the budget ends; logs, evaluations, pictures and states on the way."""

from __future__ import annotations

import contextlib
import math
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Protocol

from torch import Tensor
from tqdm import tqdm

from aegean.config import UserError
from aegean.data.kinds import show
from aegean.machine import peak, reset_peak
from aegean.model import Model
from aegean.training.folder import Folder, Settings
from aegean.training.trainer import Fault, Trainer
from aegean.training.watch import LOUDER, collapse_warning, cures, saturation_warning, silence_warning

LINES = 200  # of metrics in a run
SAVE_SECONDS = 240
SHOWN = 64  # samples in a grid


class Scored(Protocol):
    """What an evaluation says of one metric: its value, what real data reach, which way is better."""

    @property
    def value(self) -> float: ...
    @property
    def floor(self) -> float | None: ...
    @property
    def better(self) -> str: ...


Evaluate = Callable[[Model], Mapping[str, Any]]


class Interrupted(Exception):
    """SIGINT or SIGTERM came; the state is saved."""


class Loop:
    """One training session of a run: from its present state to the end of its budget. The leading process plays it;
    the others `follow`."""

    def __init__(self, folder: Folder, settings: Settings, trainer: Trainer, evaluate: Evaluate):
        self.folder, self.settings, self.trainer, self.evaluate = folder, settings, trainer, evaluate
        self.notes: dict[str, Any] = {"seconds": 0.0, "lines": 0, "best": {}, "coverage": 0.0, "memory": 0}
        reset_peak(trainer.device)
        self.cadence = Cadence(settings)
        self.shown = trainer.feed.take("shown", 0, min(SHOWN // 2, trainer.feed.count))
        self.stopping = self.ending = False

    def run(self) -> None:
        """Train to the end. Raises Interrupted with the state saved, Fault with the last good state kept."""
        with self.folder.locked():
            self._run()

    def _run(self) -> None:
        saved = self.folder.load_state()
        if saved is not None:
            self.notes = saved[1]["notes"]
        try:
            go_to(self.trainer, saved)
        except (LookupError, TypeError, AttributeError, RuntimeError) as error:
            raise UserError(f"{self.folder.state} cannot be resumed from ({error}); start the run anew.") from None
        self.folder.cut_log(self.notes["lines"])
        if saved is None:
            self.save()
        with signals(self._stop), self._bar() as bar, self._tensorboard() as board:
            self.bar, self.board = bar, board
            self.saved_at = time.monotonic()
            while not self.trainer.done:
                if self.trainer.phase_ended:
                    self.trainer.next_phase()
                    self.save()
                self._step()
                if self.ending:
                    self.save()
                    raise Interrupted

    def _stop(self) -> None:
        if self.stopping:
            raise KeyboardInterrupt
        self.stopping = True
        print("\nstopping after this step; the state is saved", file=sys.stderr)

    def save(self) -> None:
        """State and model, unless an update went wrong since the last good state."""
        if fault := self.trainer.blame():
            raise Fault(fault)
        self.notes["memory"] = self.about()["memory"]
        self.trainer.model(about=self.about()).save(self.folder.model)
        self.folder.save_state(self.trainer, self.notes)
        self.saved_at = time.monotonic()

    def about(self) -> dict[str, Any]:
        """What a model file tells of its making."""
        inherited = self.settings.inherited
        return {
            "recipe": self.settings.recipe,
            "settings": self.settings.settings,
            "images": self.trainer.images + int(inherited.get("images", 0)),
            "seconds": round(self.notes["seconds"] + float(inherited.get("seconds", 0)), 1),
            "seed": self.settings.run.seed,
            "memory": max(self.notes.get("memory", 0), peak(self.trainer.device)),
        }

    def _step(self) -> None:
        start, compiling = time.monotonic(), self.trainer.compiling
        self.trainer.step()
        # Before anything waits for the device: a process that is gone is noticed here.
        self.ending = any(self.trainer.world.any(self.stopping))
        line, evaluation = self.cadence(self.trainer)
        if line or evaluation:
            self.trainer.wait()
        self.notes["seconds"] += time.monotonic() - start - (self.trainer.compiling - compiling)
        self.bar.update(self.trainer.run.batch)
        if line:
            self._write_line()
        if evaluation:
            self._evaluate()
            self.save()
        elif time.monotonic() - self.saved_at > SAVE_SECONDS:
            self.save()

    def _write_line(self) -> None:
        if fault := self.trainer.blame():
            raise Fault(fault)
        values = self.trainer.means()
        self._log(kind="train", values=values)
        for name, value in values.items():
            self.board.add_scalar(name, value, self.trainer.images)
        self._show(**{name.split("/")[-1]: value for name, value in values.items() if "gradient" not in name})
        if warning := saturation_warning(values):
            self._warn("saturation", warning, cures(self.settings.recipe, self.settings.info.is_image))
        progress = self.trainer.seen / self.trainer.phase.images
        if warning := silence_warning(values, progress):
            self._warn("silence", warning, LOUDER)

    def _evaluate(self) -> None:
        if fault := self.trainer.blame():
            raise Fault(fault)
        model = self.trainer.model(about=self.about())
        try:
            scores = self.evaluate(model)
        except UserError as error:  # samples that are not finite, from weights that still are
            raise Fault(f"the evaluation at image {self.trainer.images:,}: {error}") from None
        self._log(kind="eval", scores={key: score_json(score) for key, score in scores.items()})
        for key, score in scores.items():
            self.board.add_scalar(f"scores/{key}", score.value, self.trainer.images)
        self._pictures(model)
        self._keep_best(model, scores)
        names = {key.split("@")[0]: score for key, score in scores.items()}
        self._show(**{name: names[name].value for name in ("fd", "coverage", "rfd", "psnr") if name in names})
        last = self.trainer.phase_number == len(self.trainer.run.schedule) - 1  # earlier, parts of G may not have begun
        if last and {"D", "G"} <= set(self.trainer.phase.trains) and "coverage" in names:
            now, floor = names["coverage"].value, names["coverage"].floor
            progress = self.trainer.seen / self.trainer.phase.images
            if warning := collapse_warning(now, floor, self.notes["coverage"], progress):
                self._warn("collapse", warning, cures(self.settings.recipe, self.settings.info.is_image))
            self.notes["coverage"] = max(self.notes["coverage"], now)

    def _keep_best(self, model: Model, scores: Mapping[str, Any]) -> None:
        """The best model by held-out distance: of samples where it samples, else of reconstructions."""
        for name in ("fd@", "rfd@"):
            for key, score in scores.items():
                if key.startswith(name):
                    best = self.notes["best"]
                    if best.get("key") != key or score.value < best["value"]:
                        model.save(self.folder.best)
                        self.notes["best"] = {"key": key, "value": score.value, "images": self.trainer.images}
                    return

    def _pictures(self, model: Model) -> None:
        images, able, info = self.trainer.images, model.can(), self.settings.info
        x, labels, found = self.shown.x, self.shown.labels, {}
        if "sample" in able:
            found["samples"] = show({"": info.restore(model.sample(SHOWN, seed=0))}, info)
        if "reconstruct" in able:
            labels = labels if model.conditional else None
            again = info.restore(model.reconstruct(x, labels))
            found["reconstructions"] = show({"given": info.restore(x), "reconstructed": again}, info)
        for name, data in found.items():
            (self.folder.samples / f"{name}-{images:010d}.png").write_bytes(data)
            self.board.add_image(name, _decoded(data), images)

    def _log(self, **line: Any) -> None:
        inherited = int(self.settings.inherited.get("images", 0))
        place = {"images": self.trainer.images + inherited, "phase": self.trainer.phase.name}
        self.folder.log(**place, seconds=round(self.notes["seconds"], 3), **line)
        self.notes["lines"] += 1

    def _warn(self, kind: str, finding: str, help: str) -> None:
        text = f"{finding}; {help}"
        said = self.notes.setdefault("said", [])
        place = f"{kind} {self.trainer.phase.name}"
        self._log(kind="warning", warning=kind, text=text)
        if place not in said:
            said.append(place)
            self.bar.write(f"warning at {self.trainer.images:,} images: {text}", file=sys.stderr)

    def _show(self, **numbers: float) -> None:
        self.shown_numbers = {**getattr(self, "shown_numbers", {}), **numbers}
        text = "  ".join(f"{name} {value:.3g}" for name, value in self.shown_numbers.items())
        self.bar.set_postfix_str(text, refresh=False)
        self.bar.set_description(self.trainer.phase.name, refresh=False)

    def _bar(self) -> Any:
        return tqdm(
            total=self.trainer.run.images,
            initial=self.trainer.images,
            unit="img",
            unit_scale=True,
            desc=self.trainer.phase.name,
            mininterval=0.3 if sys.stderr.isatty() else 20,
            dynamic_ncols=True,
        )

    @contextlib.contextmanager
    def _tensorboard(self) -> Iterator[Any]:
        from torch.utils.tensorboard import SummaryWriter

        before = threading.excepthook

        def hook(args: Any) -> None:  # the writer's thread: the next call raises its error where it is told
            if not isinstance(args.exc_value, OSError):
                before(args)

        threading.excepthook = hook
        try:
            # What an interrupted session wrote after the state that is gone on from is taken back.
            writer: Any = SummaryWriter(str(self.folder.tensorboard), purge_step=self.trainer.images + 1)
            with contextlib.closing(writer):
                yield writer
        finally:
            threading.excepthook = before


def score_json(score: Any) -> dict[str, Any]:
    out = {"value": score.value, "floor": score.floor, "better": score.better}
    interval = getattr(score, "interval", None)
    return {**out, "interval": list(interval)} if interval else out


def _decoded(png: bytes) -> Any:
    import io

    import numpy as np
    from PIL import Image

    return np.asarray(Image.open(io.BytesIO(png)).convert("RGB")).transpose(2, 0, 1)


class Cadence:
    """When a run writes a line and when it is evaluated: a function of its clock, the same for every process."""

    def __init__(self, settings: Settings):
        steps = settings.run.images / settings.run.batch
        self.line, self.evaluation = (max(1, math.ceil(steps / times)) for times in (LINES, settings.evaluations))

    def __call__(self, trainer: Trainer) -> tuple[bool, bool]:
        """After a step: is a line due, is an evaluation due?"""
        steps, ended = trainer.images // trainer.run.batch, trainer.phase_ended
        return ended or steps % self.line == 0, ended or steps % self.evaluation == 0


def go_to(trainer: Trainer, saved: tuple[dict[str, Tensor], dict[str, Any]] | None) -> None:
    """Bring the trainers of all processes to the state that the leading one has read, if there is one."""
    clock = trainer.world.share(saved[1]["clock"] if saved else None)
    if clock is None:
        return
    if saved:
        trainer.load(saved[0], clock)
    else:
        trainer.place(clock)
    trainer.world.spread(trainer.tensors().values())


def follow(settings: Settings, trainer: Trainer, evaluate: Evaluate) -> None:
    """What a process does that does not lead: the same steps and its share of the evaluations; it writes nothing."""
    stopping = []
    cadence = Cadence(settings)
    go_to(trainer, None)
    with signals(lambda: stopping.append(True)):
        while not trainer.done:
            if trainer.phase_ended:
                trainer.next_phase()
            trainer.step()
            ending = any(trainer.world.any(bool(stopping)))
            line, evaluation = cadence(trainer)
            if line and trainer.faulty:
                raise Fault("the leading process tells which term it was")
            if evaluation:
                evaluate(trainer.model())
            if ending:
                raise Interrupted


@contextlib.contextmanager
def signals(stop: Callable[[], None]) -> Iterator[None]:
    """SIGINT and SIGTERM call `stop`, between two operations of the main thread."""
    try:
        before = {s: signal.signal(s, lambda number, frame: stop()) for s in (signal.SIGINT, signal.SIGTERM)}
    except ValueError:  # not the main thread: whoever owns that handles signals
        before = {}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
