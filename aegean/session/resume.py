"""Resuming a run."""

from __future__ import annotations

from pathlib import Path

import torch

from aegean.config import UserError
from aegean.machine import describe
from aegean.model import Model
from aegean.session.evaluate import WATCHED, make_evaluator
from aegean.session.finish import finish
from aegean.session.options import parse_images
from aegean.session.runs import own_data
from aegean.session.setup import begin, make_feed, make_trainer
from aegean.surface import option, say
from aegean.training.folder import Folder, Settings
from aegean.training.trainer import check_split


def resume(
    path: str | Path,
    images: int | str | None = None,
    device: str = "auto",
    accumulate: int | None = None,
) -> Model:
    """Resume a run, bit for bit as if it had never stopped.

    path: the run folder.
    images: a larger total budget.
    device: auto (the run's own), cuda, mps or cpu.
    accumulate: parts that a batch is split into; another number, or other processes, change nothing but rounding.

    Raises as `train`; UserError, too, for a budget below the run's own, and for data that are gone or have changed.
    """
    folder = Folder(path)
    plan = folder.read()
    where, world = begin(plan.machine.get("device", "auto") if device == "auto" else device)
    dataset = world.first(lambda: own_data(path, plan))
    if plan.machine.get("threads") and where.type == "cpu" and world.size == 1:
        torch.set_num_threads(int(plan.machine["threads"]))
    for name, value in describe(where, world.size).items():
        if plan.machine.get(name, value) != value:
            say(f"note: {name} was {plan.machine.get(name)!r} and is {value!r}: results will not agree bit for bit")
    if accumulate is not None:
        check_split(plan.run, world.size, accumulate)
        plan = plan.replace(engine=plan.engine.replace(accumulate=accumulate))
    if images is not None:
        plan = raised(folder, plan, parse_images(images))
    world.any(False)  # all have read the old settings
    if world.leads and plan != folder.read():
        folder.write_settings(plan)
    trainer = make_trainer(plan.run, make_feed(dataset, where, plan.run.seed, world), plan.engine, world)
    return finish(folder, plan, dataset, make_evaluator(dataset, WATCHED, world), trainer)


def raised(folder: Folder, plan: Settings, images: int) -> Settings:
    """The plan with a larger total: finished phases stay, the present and later ones share the rest."""
    if images < plan.images:
        raise UserError(
            f"{option('images', f'{images:,}')} is below the run's {plan.images:,}; a budget can only be raised."
        )
    finished = folder.clock().get("phase", 0)
    run = plan.run.with_images(images - int(plan.inherited.get("images", 0)), finished)
    return plan.replace(run=run)
