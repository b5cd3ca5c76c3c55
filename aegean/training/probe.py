"""What a machine can do with a run, found out by trying: how many images in some minutes, which split of a batch."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Mapping
from typing import Any

import torch

from aegean.config import UserError
from aegean.machine import out_of_memory
from aegean.model import Model
from aegean.training.schedule import Run
from aegean.training.trainer import Trainer


def images_for_minutes(
    minutes: float,
    run: Run,
    make: Callable[[], Trainer],
    evaluate: Callable[[Model], Mapping[str, Any]],
    evaluations: int,
) -> int:
    """How many images fit into so many minutes: a probe of each phase's first steps and of an evaluation.

    `make` gives a throwaway trainer; the time of all evaluations is taken off the budget.
    """
    trainer = make()
    world = trainer.world
    seconds_an_image, evaluation = 0.0, 0.0
    for number, phase in enumerate(run.schedule):
        trainer.place({"phase": number, "seen": 0, "images": 0, "summed": 0})
        for _ in range(2):
            trainer.step()
        trainer.wait()
        start, steps = time.monotonic(), 0
        while any(world.any(time.monotonic() - start < 1.0 or steps < 3)):
            trainer.step()
            trainer.wait()
            steps += 1
        seconds_an_image += (time.monotonic() - start) / steps / run.batch * phase.images / run.images
    with contextlib.suppress(UserError):
        start = time.monotonic()
        evaluate(trainer.model())
        evaluation = (time.monotonic() - start) * evaluations
    left = max(minutes * 60 - evaluation, 0.2 * minutes * 60)
    return world.share(max(run.batch * len(run.schedule), int(left / seconds_an_image)))


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
