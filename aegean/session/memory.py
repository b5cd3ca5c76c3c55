"""What to do when a batch does not fit into memory."""

from __future__ import annotations

import shlex

from aegean.data import Dataset
from aegean.session.setup import make_feed, make_trainer
from aegean.surface import either, muted, option
from aegean.training.folder import Folder
from aegean.training.probe import parts_that_fit
from aegean.training.settings import Settings
from aegean.training.trainer import Trainer, check_split


def too_large(folder: Folder, plan: Settings, dataset: Dataset, trainer: Trainer) -> str:
    """A batch did not fit into memory: what would, in words. The trainer's networks are given up."""
    engine, device, world = trainer.engine, trainer.device, trainer.world
    del trainer.nets, trainer.current

    def make(parts: int) -> Trainer:
        check_split(plan.run, world.size, parts)
        feed = make_feed(dataset, device, plan.run.seed)
        return make_trainer(plan.run, feed, engine.replace(backend="", accumulate=parts))

    with muted():
        parts = parts_that_fit(plan.run, make, engine.accumulate * world.size)
    what = f"A batch of {plan.run.batch:,} does not fit into the memory of this {device.type}"
    if parts is None:
        return f"{what}, nor does a single image of it: use smaller networks ({option('width', '...')})."
    path, each = str(folder.path), parts // world.size
    again = either(
        f"aegean train --resume {shlex.quote(path)} --accumulate {each}", f"aegean.resume({path!r}, accumulate={each})"
    )
    return f"{what}, in {parts} parts it does, with the same result: {again}"
