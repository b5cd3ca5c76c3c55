"""Resuming a run."""

from __future__ import annotations

import math
from pathlib import Path

import torch

from aegean.config import UserError
from aegean.data.sets.canaries import with_canaries
from aegean.machine import cores, describe
from aegean.model import Model
from aegean.model.header import read_header
from aegean.session.evaluate import WATCHED, make_evaluator
from aegean.session.finish import evaluated, finish
from aegean.session.options import parse_images
from aegean.session.runs import load, own_data
from aegean.session.setup import begin, make_feed, make_trainer
from aegean.surface import option, say
from aegean.training.checks import check_clock
from aegean.training.folder import Folder
from aegean.training.settings import Settings
from aegean.training.trainer import check_split

MOST_BYTES = 64 << 30  # of networks that have no saved state yet


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
    check_clock(folder.clock(), plan.run, folder.state)
    where, world = begin(plan.machine.get("device", "auto") if device == "auto" else device)
    dataset = world.first(lambda: own_data(path, plan))
    if plan.machine.get("threads") and where.type == "cpu" and world.size == 1:
        torch.set_num_threads(min(plan.machine["threads"], cores()))
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
    if world.share(is_finished(folder, plan)):
        more = f"to train it further, raise {option('images')}"
        say(f"{path} is finished: trained on its {plan.images:,} images, and evaluated; {more}")
        return load(path, where)
    world.first(lambda: check_networks(folder, plan))
    feed = make_feed(with_canaries(dataset, plan.canaries, plan.run.seed), where, plan.run.seed, world)
    trainer = make_trainer(plan.run, feed, plan.engine, world)
    return finish(folder, plan, dataset, make_evaluator(dataset, WATCHED, world, run=plan.run), trainer, resumed=True)


def is_finished(folder: Folder, plan: Settings) -> bool:
    """Whether nothing is left to do: to train, to fit or to evaluate."""
    clock = folder.clock()
    if clock.get("images") != plan.run.images or not evaluated(folder, plan):
        return False
    return folder.model.exists() and read_header(folder.model).about.get("prior", "") == plan.prior


def check_networks(folder: Folder, plan: Settings) -> None:
    """UserError: the run's networks are not those of its saved state, or, where there is none yet, would not fit into
    memory. They are looked at without memory, so that a description cannot take more than the state holds."""
    shapes = None
    if folder.state.exists():
        _, shapes = folder.state_header()
    bytes_ = 0
    for name, spec in plan.run.nets.items():
        try:
            mine = {f"net/{name}/{k}": tuple(v.shape) for k, v in spec.outline().state_dict().items()}
        except Exception as error:  # constructors raise many kinds for arguments that make no sense
            raise UserError(f"{folder.config}: network {name} cannot be built ({error!r}).") from None
        bytes_ += 4 * sum(map(math.prod, mine.values()))
        if shapes is not None and mine != {k: v for k, v in shapes.items() if k.startswith(f"net/{name}/")}:
            raise UserError(f"{folder.config}: network {name} is not the one in {folder.state}; start the run anew.")
    if bytes_ > MOST_BYTES:
        raise UserError(f"{folder.config}: its networks would take {bytes_ >> 30:,} GiB; train with smaller ones.")


def raised(folder: Folder, plan: Settings, images: int) -> Settings:
    """The plan with a larger total: finished phases stay, the present and later ones share the rest."""
    if images < plan.images:
        raise UserError(
            f"{option('images', f'{images:,}')} is below the run's {plan.images:,}; a budget can only be raised."
        )
    finished = folder.clock().get("phase", 0)
    run = plan.run.with_images(images - int(plan.inherited.get("images", 0)), finished)
    return plan.replace(run=run)
