"""What every session sets up: device and processes, feed, trainer."""

from __future__ import annotations

import torch

from aegean.data import Dataset
from aegean.data.sets.feed import Feed
from aegean.machine import keep_memory, pick_device, set_threads
from aegean.nets.limits import check_memory
from aegean.surface import say
from aegean.training.engine import Engine
from aegean.training.schedule import Run
from aegean.training.trainer import Trainer
from aegean.training.world import World


def begin(device: str) -> tuple[torch.device, World]:
    """The device of this process, and the processes that it works with."""
    where = pick_device(device)
    if where.type == "cuda":
        torch.cuda.set_device(where)
    set_threads()
    keep_memory()
    return where, World.join(where)


def make_feed(dataset: Dataset, where: torch.device, seed: int, world: World | None = None) -> Feed:
    """The feed of this process's part of every batch."""
    part = (world.rank, world.size) if world else (0, 1)
    other = dataset.target if dataset.joined is None else None
    beside = Feed(other.info, other.train, other.train_labels, where, seed, part=part) if other else None
    raw = dataset.train if dataset.joined is None else dataset.joined
    feed = Feed(dataset.info, raw, dataset.train_labels, where, seed, part=part, other=beside)
    say(f"{dataset.info.name}: {feed.residence}")
    return feed


def make_trainer(run: Run, feed: Feed, engine: Engine | None = None, world: World | None = None) -> Trainer:
    """A trainer at the beginning of a run. UserError: its networks cannot be built, or not in this memory."""
    check_memory(run.nets)
    return Trainer(run, feed.info, feed, feed.device, engine, world)
