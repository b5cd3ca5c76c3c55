"""The loop: steps until the budget ends, in every process of a run alike; the leading one has watchers beside it."""

from __future__ import annotations

import contextlib
import math
import signal
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from torch import Tensor

from aegean.config import UserError
from aegean.machine import reset_peak
from aegean.model import Model
from aegean.surface import say
from aegean.training.folder import Folder
from aegean.training.guard import Fault
from aegean.training.probe import MEASURING
from aegean.training.record import Record
from aegean.training.settings import Settings
from aegean.training.trainer import Trainer
from aegean.training.watchers import Watcher, watch

LINES = 200  # of metrics in a run
EVALUATIONS = 20  # of a run whose settings leave the number open, as long as they stay within MEASURING

Evaluate = Callable[[Model], Mapping[str, Any]]


class Interrupted(Exception):
    """SIGINT or SIGTERM came; the state is saved."""


def lead(folder: Folder, settings: Settings, trainer: Trainer, evaluate: Evaluate) -> None:
    """Train a run from its saved state, or its beginning, to its end; in the process that writes its files.

    folder, settings: the run.
    trainer: at the run's beginning.
    evaluate: scores of a model.

    Raises Interrupted with the state saved, Fault with the last good state kept.
    """
    with folder.locked(), contextlib.ExitStack() as stack:
        saved = folder.load_state()
        record = Record(folder, settings, trainer)
        reset_peak(trainer.device)
        if saved is not None:
            record.notes = saved[1]["notes"]
        try:
            go_to(trainer, saved)
        except (LookupError, TypeError, AttributeError, RuntimeError) as error:
            raise UserError(f"{folder.state} cannot be resumed from ({error}); start the run anew.") from None
        folder.cut_log(record.notes["lines"])
        if saved is None:
            record.save()
        new = trainer.world.share(record.notes["lines"] == 0)
        Loop(settings, trainer, evaluate, watch(record, stack)).run(new)


def follow(settings: Settings, trainer: Trainer, evaluate: Evaluate) -> None:
    """What `lead` does, in a process that does not lead: the same steps and its share of the evaluations, and nobody
    looks on."""
    go_to(trainer, None)
    Loop(settings, trainer, evaluate).run(trainer.world.share(None))


class Loop:
    """Steps, lines and evaluations of a run, from where its trainer is to the end of its budget.

    settings: of the run.
    trainer: the run in progress.
    evaluate: scores of a model.
    watchers: are told of each.
    """

    def __init__(self, settings: Settings, trainer: Trainer, evaluate: Evaluate, watchers: Sequence[Watcher] = ()):
        self.trainer, self.evaluate, self.watchers = trainer, evaluate, watchers
        self.cadence, self.inherited = Cadence(settings), bool(settings.inherited)
        self.open = settings.evaluations == 0
        self.training, self.measuring, self.latest = 0.0, 0.0, 0.0  # seconds; those of the latest evaluation
        self.stopping = False

    def run(self, new: bool) -> None:
        """Train to the end; `new`: nothing was logged yet. Fault: an update went wrong. Interrupted: a signal came to
        one of the processes.

        What is handed over, by another run or at the edges of a phase, is evaluated before the first step moves it;
        the state is saved only then, so that a run killed meanwhile does so again, and one killed later does not.
        """
        with signals(self._stop):
            if new and self.inherited and not self.trainer.images:
                self._evaluate()
            self._start()
            for began in self.trainer:
                if not began:
                    self._after_step()
                elif self.trainer.phase.edges:
                    self._evaluate()
                else:
                    for watcher in self.watchers:
                        watcher.phase()
                self._start()

    def _stop(self) -> None:
        if self.stopping:
            raise KeyboardInterrupt
        self.stopping = True
        say("\nstopping after this step; the state is saved")

    def _start(self) -> None:
        self.start, self.compiled = time.monotonic(), self.trainer.compiling

    def _after_step(self) -> None:
        # Before anything waits for the device: a process that is gone is noticed here.
        stopping = any(self.trainer.world.any(self.stopping))
        line, evaluation = self.cadence(self.trainer)
        if line or evaluation:
            self.trainer.wait()
        seconds = time.monotonic() - self.start - (self.trainer.compiling - self.compiled)
        self.training += seconds
        for watcher in self.watchers:
            watcher.step(seconds)
        if line or evaluation:
            self._check()
        if line:
            values = self.trainer.means()
            for watcher in self.watchers:
                watcher.line(values)
        if evaluation and (self.trainer.phase_ended or self._affordable()):
            self._evaluate()
        for watcher in self.watchers:
            watcher.told(stopping)
        if stopping:
            raise Interrupted

    def _affordable(self) -> bool:
        """Whether one more evaluation keeps measuring within its share of the time, by the leading process's clock."""
        most = MEASURING / (1 - MEASURING) * self.training
        return not self.open or bool(self.trainer.world.share(self.measuring + self.latest <= most))

    def _evaluate(self) -> None:
        start = time.monotonic()
        model = self.trainer.model()
        try:
            scores = self.evaluate(model)
        except UserError as error:  # samples that are not finite, from weights that still are
            raise Fault(f"the evaluation at image {self.trainer.images:,}: {error}") from None
        self.latest = time.monotonic() - start
        self.measuring += self.latest
        for watcher in self.watchers:
            watcher.evaluation(model, scores)

    def _check(self) -> None:
        if fault := self.trainer.blame():
            raise Fault(fault)


class Cadence:
    """When a run writes a line and when it is evaluated: a function of its clock, the same for every process."""

    def __init__(self, settings: Settings):
        steps = settings.run.images / settings.run.batch
        times = LINES, settings.evaluations or EVALUATIONS
        self.line, self.evaluation = (max(1, math.ceil(steps / number)) for number in times)

    def __call__(self, trainer: Trainer) -> tuple[bool, bool]:
        """After a step: is a line due, is an evaluation due? None is while the discriminator learns alone: no sample
        changes."""
        steps, ended = trainer.images // trainer.run.batch, trainer.phase_ended
        evaluation = trainer.phase.trains != ("D",) and (ended or steps % self.evaluation == 0)
        return ended or steps % self.line == 0, evaluation


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
