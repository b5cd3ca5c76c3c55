"""What a machine can do with a run, found out by trying: how many images in some minutes, which split of a batch."""

from __future__ import annotations

import contextlib
import math
import time
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import torch

from aegean.config import UserError
from aegean.machine import out_of_memory
from aegean.model import Model
from aegean.training.schedule import Run
from aegean.training.trainer import Trainer

MEASURING = 0.1  # of a run's time that evaluations may take, where their number is left open
TRIED = 4  # steps with each number of threads
LARGE = 0.5  # seconds of a step, above which its operations are worth every thread
WORTH = 1.1  # times as slow as with twice the threads, which is still as fast


class Pace(NamedTuple):
    """What a run takes on this machine, in seconds."""

    images: tuple[float, ...]  # to train on one, in each phase
    evaluation: float  # to evaluate the model once, while it trains

    def training(self, run: Run) -> float:
        """Of all phases."""
        return sum(pace * phase.images for pace, phase in zip(self.images, run.schedule))


class Plan(NamedTuple):
    """What fits into a budget of time."""

    run: Run
    evaluations: int


def pace_of(
    run: Run, make: Callable[[], Trainer], evaluate: Callable[[Model], Mapping[str, Any]], seconds: float = 1.0
) -> Pace:
    """The pace of a run: of each phase's first steps, and of an evaluation.

    run: what is trained.
    make: gives a throwaway trainer.
    evaluate: scores of a model.
    seconds: of each phase, or three steps where these take longer.
    """
    trainer = make()
    world = trainer.world
    images, evaluation = [], 0.0
    for number in range(len(run.schedule)):
        trainer.place({"phase": number, "seen": 0, "images": 0, "summed": 0})
        for _ in range(2):
            trainer.step()
        trainer.wait()
        start, steps = time.monotonic(), 0
        while any(world.any(time.monotonic() - start < seconds or steps < 3)):
            trainer.step()
            trainer.wait()
            steps += 1
        images.append((time.monotonic() - start) / steps / run.batch)
    with contextlib.suppress(UserError):
        start = time.monotonic()
        evaluate(trainer.model())
        evaluation = time.monotonic() - start
    found, evaluation = world.share([images, evaluation])
    return Pace(tuple(found), evaluation)


def fewest_threads(run: Run, make: Callable[[], Trainer]) -> int:
    """Threads of the processor that train a run fast, which torch has from now on: all, or half as many, again and
    again, as long as that is about as fast. Waking a thread takes longer than many an operation of a small network.

    run: what is trained.
    make: gives a throwaway trainer.
    """
    threads, kept = torch.get_num_threads(), torch.get_num_threads()
    longest = max(range(len(run.schedule)), key=lambda number: run.schedule[number].images)
    try:
        trainer, fastest = make(), math.inf
        trainer.place({"phase": longest, "seen": 0, "images": 0, "summed": 0})
        while threads:
            torch.set_num_threads(threads)
            seconds = min(_seconds(trainer) for _ in range(TRIED))
            if seconds > WORTH * fastest:
                break
            kept, fastest = threads, min(seconds, fastest)
            threads = 0 if seconds > LARGE else threads // 2
    except Exception as error:
        if not out_of_memory(error):  # which training itself tells
            raise
    torch.set_num_threads(kept)
    return kept


def _seconds(trainer: Trainer) -> float:
    start = time.monotonic()
    trainer.step()
    return time.monotonic() - start


def plan_for(seconds: float, of: Callable[[int], Run], pace: Pace, evaluations: int) -> Plan:
    """What fits into so many seconds beside evaluations, which take at most a third of them: fewer of them, where as
    many as asked for would take more. At least one step of each phase.

    seconds: to train and to evaluate.
    of: the run of so many images, whose phases need not grow alike.
    pace: of its phases and evaluations.
    evaluations: asked for; 0 leaves the number to the run, and a tenth of the time to them, or what those at the
        phases' ends take.
    """
    if evaluations:
        most = seconds / 3 / pace.evaluation if pace.evaluation > 0 else evaluations
        evaluations = max(1, min(evaluations, int(most)))
        measuring = evaluations * pace.evaluation
    else:
        measuring = max(MEASURING * seconds, (len(pace.images) + 1) * pace.evaluation)
    left = max(0.0, seconds - measuring)
    return Plan(filling(left, of, pace), evaluations)


def filling(seconds: float, of: Callable[[int], Run], pace: Pace) -> Run:
    """The longest run that trains in so many seconds, to a thousandth; at least of one image. `of`: the run of so many
    images, whose phases need not grow alike; where the next longer one takes much longer, all phases grow alike. A
    recipe may give fewer images than are asked for, beyond which more would do harm."""
    most = max(1, int(seconds / min(pace.images)))
    fewest = 1
    while most - fewest > most // 1000:
        middle = (fewest + most + 1) // 2
        fewest, most = (middle, most) if pace.training(of(middle)) <= seconds else (fewest, middle - 1)
    run = of(fewest)
    return run if run.capped else run.with_images(max(run.images, int(run.images * seconds / pace.training(run))))


def parts_that_fit(run: Run, make: Callable[[int], Trainer], parts: int) -> int | None:
    """The smallest number of parts, above `parts`, in which every phase's batch fits into memory; None: no number.

    `make` gives a throwaway trainer for a number of parts.
    """
    while (parts := 2 * parts) <= run.batch:
        try:
            trainer = make(parts)
            for number in range(len(run.schedule)):
                trainer.place({"phase": number, "seen": 0, "images": 0, "summed": 0})
                trainer.step()
            trainer.wait()
            return parts
        except UserError:  # the batch cannot be split so
            continue
        except Exception as error:
            if not out_of_memory(error):
                raise
        finally:
            trainer = None  # type: ignore[assignment]
            if torch.cuda.is_available():
                torch.cuda.empty_cache()
    return None
