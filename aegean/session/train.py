"""A new run: from a recipe and data to a finished model."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from aegean.config import UserError
from aegean.data import DataOptions, open_data
from aegean.data.sets.canaries import with_canaries
from aegean.data.sets.opening import settled
from aegean.machine import describe, out_of_memory, threads_are_open
from aegean.metrics.protocol import Evaluator
from aegean.model import Model
from aegean.recipes.registry import parse_all, sided
from aegean.session.evaluate import COUNTED, WATCHED, make_evaluator
from aegean.session.finish import finish
from aegean.session.options import TrainingOptions, planned, takes_options
from aegean.session.runs import free_place
from aegean.session.setup import begin, make_feed, make_trainer
from aegean.surface import option, plural, say
from aegean.training.engine import choose_engine
from aegean.training.folder import Folder
from aegean.training.inherit import fitting, inherit
from aegean.training.probe import MEASURING, fewest_threads, pace_of, plan_for
from aegean.training.schedule import Run
from aegean.training.settings import Settings, command, now
from aegean.training.trainer import Trainer

LEARNING = 200  # steps of a phase, below which a model has hardly left its first random values


@takes_options
def train(recipe: str, data: str | DataOptions, out: str | Path, *, overwrite: bool = False, **options: Any) -> Model:
    """Train a recipe on data into the new run folder `out`; the finished model comes back.

    recipe: its name (`aegean recipes` lists them).
    data: a SPEC (see `aegean train --help`) or DataOptions.
    out: the run folder.
    overwrite: whether a run that is there already makes way.
    options: those of `aegean.session.options.TrainingOptions`: images, minutes, seed, batch, device, source, settings,
        evaluations, precision, compile, accumulate.

    Raises UserError for what the user can mend, Fault when a guard stopped the run, Interrupted after SIGINT or SIGTERM
    (the state is saved), Lost when another process is gone.
    """
    began = time.monotonic()
    asked, folder = TrainingOptions(**options), Folder(out)
    data, chosen = of_data(DataOptions(data) if isinstance(data, str) else data, asked.chosen)
    data = settled(sided(recipe, data))
    device, world = begin(asked.device)
    birds, chosen = parted(chosen)
    chosen = parse_all(recipe, chosen)
    if world.leads:
        free_place(folder.path, overwrite)
    for given in (asked.source, data.spec, data.test, data.target, data.test_target):
        if given and Path(given).resolve().is_relative_to(folder.path.resolve()):
            raise UserError(f"{given} lies in {out}, which would be overwritten; choose another {option('out')}.")
    dataset = world.first(lambda: open_data(data))
    model, inherited = inherit(asked.source, dataset.info)
    plan_of = partial(planned, recipe, dataset.info, chosen, model.specs if model else None, seed=asked.seed)
    run = plan_of(asked.budget, inherited=int(inherited.get("images", 0)))
    if model:
        inherited["nets"] = sorted(fitting(run, model, dataset.info))
    choose = partial(
        choose_engine, device=device, precision=asked.precision, compile=asked.compile, accumulate=asked.accumulate
    )
    engine = choose(run)
    evaluator = make_evaluator(dataset, WATCHED, world, run=run)
    feed = make_feed(with_canaries(dataset, birds, asked.seed), device, asked.seed, world)
    evaluations = asked.evaluations
    make = partial(make_trainer, run, feed, engine.replace(backend=""), world)
    long = run.images >= LEARNING * run.batch
    if threads_are_open(device, world.size) and long:
        fewest_threads(run, make)
    if asked.minutes is not None:
        run, evaluations = in_time(run, plan_of, make, evaluator, asked, began)
        engine = choose(run)  # by the length that it has now
    plan = Settings(
        recipe=recipe,
        settings=chosen,
        data=data,
        info=dataset.info,
        run=run,
        engine=engine,
        inherited=inherited,
        minutes=asked.minutes or 0.0,
        evaluations=evaluations,
        canaries=birds,
        machine=describe(device, world.size),
        command=command(),
        started=now(),
    )
    trainer = make_trainer(run, feed, engine, world)  # its networks may not fit: before anything is written
    if world.leads:
        folder.create(plan, overwrite)
    if run.mirrored:
        few = f"{dataset.info.name}: few photographs: training also sees them mirrored left to right"
        say(f"{few} ({option('mirror', False)} leaves that out)")
    if run.capped:
        say(f"{run.images:,} images in all: longer, so few samples would be learnt by heart")
    say(engine.words(device))
    if asked.minutes is None and device.type == "cpu" and long and (words := time_of(run, make)):
        say(words)
    return finish(folder, plan, dataset, evaluator, trainer)


def of_data(data: DataOptions, settings: Mapping[str, Any]) -> tuple[DataOptions, dict[str, Any]]:
    """The vocabulary of texts may be given as an option of the recipe, since it shapes the networks; the data take
    it."""
    rest = dict(settings)
    chosen = rest.pop("vocabulary", data.vocabulary)
    return data.replace(vocabulary=str(chosen)), rest


def parted(settings: Mapping[str, Any]) -> tuple[int, dict[str, Any]]:
    """How many canaries are asked for, which every recipe takes, and the recipe's own settings."""
    own = dict(settings)
    count = str(own.pop("canaries", 0))
    if not count.isdecimal():
        raise UserError(f"{option('canaries', count)}: expected a whole number.")
    return int(count), own


def in_time(
    run: Run,
    plan_of: Callable[[int], Run],
    make: Callable[[], Trainer],
    evaluator: Evaluator,
    asked: TrainingOptions,
    began: float,
) -> tuple[Run, int]:
    """The run, and how often it is evaluated, so that all ends when the minutes asked for are over.

    run: of the recipe's own length, or of the images asked for.
    plan_of: the run of so many images.
    make: gives a throwaway trainer.
    evaluator: that of the evaluations while training; the final one looks at more samples.
    asked: minutes, and perhaps images, of which the smaller budget counts.
    began: when this session began, on the monotonic clock: what was waited for since then counts.
    """
    phases = len(run.schedule)
    say(f"measuring the pace of training, about {2 * phases + 3} s; it counts, as all before and after training does")
    pace = pace_of(run, make, evaluator)
    spent = time.monotonic() - began
    test = evaluator.dataset.info.test_count
    last = pace.evaluation * max(1.0, min(test, COUNTED) / max(1, min(test, WATCHED)))
    left = evaluator.world.share(60 * (asked.minutes or 0.0) - spent - last)
    plan = plan_for(left, lambda images: plan_of(max(images, run.batch * phases)), pace, asked.evaluations)
    images, fewest = plan.run.images, LEARNING * run.batch * phases
    if asked.budget and images < min(fewest, run.images):
        say(f"warning: {images:,} images are too few to learn from: expect noise")
    elif images < min(fewest, plan_of(fewest).images) and not asked.budget:
        training = pace.training(plan_of(fewest)) / (1 - MEASURING)
        least = (spent + last + max(training, 2 * pace.evaluation)) / 60
        raise UserError(
            f"{option('minutes', asked.minutes)}: {images:,} images on this machine, from which nothing can be "
            f"learnt. Give it {option('minutes', math.ceil(10 * least) / 10)} or more, smaller networks "
            f"({option('width', '...')}), or a number of {option('images')} if you only want to try it."
        )
    if not (asked.budget and run.images <= images):
        run = plan.run
    training = pace.training(run)
    say(
        f"{minutes(60 * (asked.minutes or 0.0))}: {spent:.0f} s are over; training takes about {training:.0f} s for "
        f"{run.images:,} images on this machine, the evaluation at the end {last:.0f} s"
    )
    return run, plan.evaluations


def time_of(run: Run, make: Callable[[], Trainer]) -> str | None:
    """How long a run of so many images will take, in words; None where it does not fit into memory, which training
    itself tells. `make` gives a throwaway trainer."""
    try:
        pace = pace_of(run, make, lambda model: {}, seconds=0.3)
    except Exception as error:
        if not out_of_memory(error):
            raise
        return None
    seconds = math.ceil(pace.training(run) / (1 - MEASURING))
    words = f"{seconds} s" if seconds < 90 else plural(round(seconds / 60), "minute")
    return f"{run.images:,} images take about {words} on this machine; {option('minutes', 5)} would choose the time"


def minutes(seconds: float) -> str:
    """90 -> "1.5 minutes", 60 -> "1 minute"."""
    return plural(seconds / 60, "minute")
