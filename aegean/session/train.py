"""A new run: from a recipe and data to a finished model."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

from aegean.config import UserError
from aegean.data import DataOptions, open_data
from aegean.data.sets.opening import settled
from aegean.machine import describe
from aegean.model import Model
from aegean.recipes import configure
from aegean.recipes.registry import parse_all
from aegean.session.evaluate import WATCHED, make_evaluator
from aegean.session.finish import finish
from aegean.session.options import TrainingOptions, takes_options, with_budget
from aegean.session.runs import free_place
from aegean.session.setup import begin, make_feed, make_trainer
from aegean.surface import option, say
from aegean.training.engine import choose_engine
from aegean.training.folder import Folder, Settings, command, now
from aegean.training.inherit import fitting, inherit
from aegean.training.probe import images_for_minutes


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
    asked, folder = TrainingOptions(**options), Folder(out)
    data = settled(DataOptions(data) if isinstance(data, str) else data)
    device, world = begin(asked.device)
    chosen = parse_all(recipe, asked.chosen)
    if world.leads:
        free_place(folder.path, overwrite)
    for given in (asked.source, data.spec, data.test):
        if given and Path(given).resolve().is_relative_to(folder.path.resolve()):
            raise UserError(f"{given} lies in {out}, which would be overwritten; choose another {option('out')}.")
    dataset = world.first(lambda: open_data(data))
    model, inherited = inherit(asked.source, dataset.info)
    run = configure(recipe, dataset.info, chosen, model.specs if model else None).replace(seed=asked.seed)
    if model:
        inherited["nets"] = sorted(fitting(run, model, dataset.info))
    run = with_budget(run, asked.budget, int(inherited.get("images", 0)))
    choose = partial(
        choose_engine, device=device, precision=asked.precision, compile=asked.compile, accumulate=asked.accumulate
    )
    engine = choose(run)
    evaluator = make_evaluator(dataset, WATCHED, world)
    feed = make_feed(dataset, device, asked.seed, world)
    if asked.minutes is not None:
        make = partial(make_trainer, run, feed, engine.replace(backend=""), world)
        images = images_for_minutes(asked.minutes, run, make, evaluator, asked.evaluations)
        run = run.with_images(min(images, run.images) if asked.budget else images)
        say(f"{asked.minutes:g} minutes are about {run.images:,} images on this machine")
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
        evaluations=asked.evaluations,
        machine=describe(device, world.size),
        command=command(),
        started=now(),
    )
    trainer = make_trainer(run, feed, engine, world)  # its networks may not fit: before anything is written
    if world.leads:
        folder.create(plan, overwrite)
    say(engine.words(device))
    return finish(folder, plan, dataset, evaluator, trainer)
