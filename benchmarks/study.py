"""What the studies share: a trainer on a data set, played to its end with looks on the way, and scores by name."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import torch

from aegean.data import Dataset
from aegean.data.sets.feed import Feed
from aegean.metrics.protocol import Evaluator
from aegean.model import Model
from aegean.recipes import configure
from aegean.session.setup import make_feed
from aegean.training.engine import Engine
from aegean.training.inherit import fitting
from aegean.training.probe import Pace, filling
from aegean.training.schedule import Run
from aegean.training.trainer import Trainer

CPU = torch.device("cpu")


def trainer_of(
    run: Run, dataset: Dataset, device: torch.device = CPU, engine: Engine | None = None, source: Model | None = None
) -> Trainer:
    """A trainer at the beginning of a run on a data set; its networks begin with the values of the source's."""
    feed = Feed(dataset.info, dataset.train, dataset.train_labels, device, run.seed)
    trainer = Trainer(run, dataset.info, feed, device, engine)
    if source:
        for name, net in source.nets.items():
            trainer.nets[name].load_state_dict(net.state_dict())
        trainer.enter()
    return trainer


class Trained(NamedTuple):
    """A model and its price."""

    model: Model
    images: int
    seconds: float  # of the processor, those of its source included


def trained(
    recipe: str,
    dataset: Dataset,
    settings: Mapping[str, Any],
    seed: int,
    seconds: float = 0.0,
    images: int = 0,
    source: Trained | None = None,
) -> Trained:
    """A recipe trained on a data set, of one side or two, on one processor.

    settings: of the recipe.
    seconds: of the processor, those of the source included; 0: so many images.
    source: whose networks it begins with, by name.
    """
    info = dataset.info
    inherited = source.model.specs if source else None

    def of(count: int) -> Run:
        return configure(recipe, info, {**settings, "images": count}, inherited).replace(seed=seed)

    def fresh(run: Run) -> Trainer:
        trainer = Trainer(run, info, make_feed(dataset, CPU, seed), CPU)
        for name in fitting(run, source.model, info) if source else ():
            trainer.nets[name].load_state_dict(source.model.nets[name].state_dict())
        trainer.enter()
        return trainer

    spent = source.seconds if source else 0.0
    run = of(images) if images else filling(seconds - spent, of, Pace(paces(fresh(of(10_000))), 0.0))
    trainer = fresh(run)
    taken = play(trainer, clock=time.process_time)
    return Trained(trainer.model(), run.images, spent + taken)


def play(
    trainer: Trainer,
    due: Callable[[bool], bool] = lambda began: False,
    look: Callable[[bool, float], None] = lambda began, seconds: None,
    clock: Callable[[], float] = time.perf_counter,
) -> float:
    """Train to the end; the seconds of training alone. SystemExit: an update went wrong.

    due: whether to look now, after a step (False) or at the start of a phase (True); at the end always.
    look: takes the same, and the seconds so far; the clock stands meanwhile.
    """
    seconds, start = 0.0, clock()
    for began in trainer:
        if trainer.done or due(began):
            trainer.wait()
            seconds += clock() - start
            if fault := trainer.blame():
                raise SystemExit(fault)
            look(began, seconds)
            start = clock()
    return seconds


def clock_of(device: torch.device) -> Callable[[], float]:
    """Seconds of the processor where it computes, which other work beside does not change, else of the wall."""
    return time.process_time if device.type == "cpu" else time.perf_counter


def paces(trainer: Trainer, steps: int = 12) -> tuple[float, ...]:
    """Seconds that an image takes in each phase of a throwaway trainer."""
    clock, found = clock_of(trainer.device), []
    for number in range(len(trainer.run.schedule)):
        trainer.place({"phase": number, "seen": 0, "images": 0, "summed": 0})
        for step in range(steps + 3):
            if step == 3:  # the first ones take memory
                trainer.wait()
                start = clock()
            trainer.step()
        trainer.wait()
        found.append((clock() - start) / steps / trainer.run.batch)
    return tuple(found)


def passes(trainer: Trainer, points: int) -> bool:
    """Whether the last step has passed one of so many even places of the run."""
    every = trainer.run.images / points
    return trainer.images // every > (trainer.images - trainer.run.batch) // every


def raw_model(trainer: Trainer) -> Model:
    """The model with the weights themselves in the place of their averages."""
    averaged = trainer.model()
    return Model(averaged.specs, {name: trainer.nets[name] for name in averaged.nets}, averaged.info)


def scores_of(evaluator: Evaluator, model: Model) -> dict[str, Any]:
    """Scores by the names of their metrics."""
    return {key.split("@")[0]: score.value for key, score in evaluator(model).items()}
