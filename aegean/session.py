"""A training session: from what was asked to a run that has come to its end, in one process or in several."""

from __future__ import annotations

import contextlib
import json
import math
import os
import shlex
import sys
import traceback
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

import torch
from tqdm import tqdm

from aegean import diffusers
from aegean.asked import free_place, parse_images, pick_device, with_budget
from aegean.config import UserError, net
from aegean.data import DataOptions, Dataset, open_data
from aegean.data.read.source import Say
from aegean.data.sets.feed import Feed
from aegean.data.sets.opening import settled
from aegean.files import FULL, write_atomically
from aegean.latent import PRIORS, NormalPrior, WhiteningPrior, fold, foldable
from aegean.metrics.features import feature_network
from aegean.metrics.protocol import Evaluator
from aegean.metrics.scores import Score
from aegean.model import Model
from aegean.recipes import configure
from aegean.recipes.registry import parse_all
from aegean.training.engine import Engine, choose_engine, out_of_memory, set_threads
from aegean.training.folder import Folder, Settings, command, here, now
from aegean.training.inherit import fitting, give, inherit
from aegean.training.loop import Interrupted, Loop, follow, score_json
from aegean.training.probe import images_for_minutes, parts_that_fit
from aegean.training.schedule import Run
from aegean.training.trainer import Fault, Trainer, check_split
from aegean.training.world import Lost, World

WATCHED = 2_000  # held-out samples of the evaluations while training
COUNTED = 10_000  # of the final one
FEW = 100  # held-out samples, below which scores are mostly chance
EVALUATING = partial(tqdm, desc="evaluating", unit="batch", leave=False, delay=1)


def say(text: str) -> None:
    """A note for a person, to stderr; of several processes the leading one says it."""
    if os.environ.get("RANK", "0") == "0":
        print(text, file=sys.stderr)


def train(
    recipe: str,
    data: str | DataOptions,
    out: str | Path,
    *,
    images: int | str | None = None,
    minutes: float | None = None,
    seed: int = 0,
    batch: int | None = None,
    device: str = "auto",
    source: str | Path | None = None,
    settings: Mapping[str, Any] | None = None,
    evaluations: int = 20,
    overwrite: bool = False,
    precision: str = "auto",
    compile: str = "auto",
    accumulate: int = 1,
) -> Model:
    """Train a recipe on data into the new run folder `out`; the finished model comes back.

    data: a SPEC (see `aegean train --help`) or DataOptions. images: the whole budget, an inherited network's
    images included; a number, or text such as "500k". minutes: another budget, turned into images once; the
    first to end wins. source: a run or model file whose networks the new run begins with. settings: the
    recipe's options. precision: auto, float32 or bfloat16. compile: auto, on or off. accumulate: parts that a
    batch is worked off in, for less memory. Raises UserError for what the user can mend, Fault when a guard
    stopped the run, Interrupted after SIGINT or SIGTERM (the state is saved), Lost when another process is gone.
    """
    folder = Folder(out)
    options = settled(DataOptions(data) if isinstance(data, str) else data)
    chosen = dict(settings or {})
    if batch is not None:
        chosen["batch"] = batch
    budget = None if images is None else parse_images(images)
    if minutes is not None and not (math.isfinite(minutes) and minutes > 0):
        raise UserError(f"--minutes {minutes}: expected a number above 0.")
    if not 1 <= evaluations <= 1000:
        raise UserError(f"evaluations={evaluations}: expected 1 to 1000.")
    where, world = begin(device)
    chosen = parse_all(recipe, chosen)
    if world.leads:
        free_place(folder.path, overwrite)
    for given in (source, options.spec, options.test):
        if given and Path(given).resolve().is_relative_to(folder.path.resolve()):
            raise UserError(f"{given} lies in {out}, which would be overwritten; choose another --out.")
    dataset = world.first(lambda: open_data(options))
    model, inherited = inherit(source, dataset.info)
    run = configure(recipe, dataset.info, chosen, model.specs if model else None).replace(seed=seed)
    if model:
        inherited["nets"] = sorted(fitting(run, model, dataset.info))
    run = with_budget(run, budget, int(inherited.get("images", 0)))
    engine = choose_engine(run, where, precision, compile, accumulate)
    evaluator = make_evaluator(dataset, WATCHED, world)
    feed = make_feed(dataset, where, seed, world)
    if minutes is not None:
        make = partial(make_trainer, run, feed, engine.replace(backend=""), world)
        probe = images_for_minutes(minutes, run, make, evaluator, evaluations)
        run = run.with_images(min(probe, run.images) if budget else probe)
        say(f"{minutes:g} minutes are about {run.images:,} images on this machine")
        engine = choose_engine(run, where, precision, compile, accumulate)  # by the length that it has now
    plan = Settings(
        recipe=recipe,
        settings=chosen,
        data=options,
        info=dataset.info,
        run=run,
        engine=engine,
        inherited=inherited,
        minutes=minutes or 0.0,
        evaluations=evaluations,
        machine=here(where, world.size),
        command=command(),
        started=now(),
    )
    trainer = make_trainer(run, feed, engine, world)  # its networks may not fit: before anything is written
    if world.leads:
        folder.create(plan, overwrite)
    say(engine.words(where))
    return continue_run(folder, plan, dataset, evaluator, trainer)


def resume(
    path: str | Path,
    images: int | str | None = None,
    device: str = "auto",
    accumulate: int | None = None,
) -> Model:
    """Go on with a run, bit for bit as if it had never stopped; `images` raises its total budget.

    With another number of processes, or of parts to `accumulate`, it goes on the same but for rounding. Raises as
    `train`; UserError, too, for a budget below the run's own, and for data that are gone or have changed.
    """
    folder = Folder(path)
    plan = folder.read()
    where, world = begin(plan.machine.get("device", "auto") if device == "auto" else device)
    dataset = world.first(lambda: own_data(path, plan))
    if plan.machine.get("threads") and where.type == "cpu" and world.size == 1:
        torch.set_num_threads(int(plan.machine["threads"]))
    for name, value in here(where, world.size).items():
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
    return continue_run(folder, plan, dataset, make_evaluator(dataset, WATCHED, world), trainer)


def begin(device: str) -> tuple[torch.device, World]:
    """The device of this process, and the processes that it works with."""
    where = pick_device(device)
    if where.type == "cuda":
        torch.cuda.set_device(where)
    set_threads()
    return where, World.join(where)


def own_data(path: str | Path, plan: Settings) -> Dataset:
    """The data that a run was trained on. UserError: they are gone, or have changed: what was trained on may be held
    out now."""
    try:
        dataset = open_data(plan.data)
    except UserError as error:
        raise UserError(f"The data of {path}: {error}") from None
    if dataset.info.fingerprint != plan.info.fingerprint:
        raise UserError(f"The data {plan.data.spec!r} have changed since {path} was started; train a new run.")
    return dataset


def raised(folder: Folder, plan: Settings, images: int) -> Settings:
    """The plan with a larger total: finished phases stay, the present and later ones share the rest."""
    if images < plan.images:
        raise UserError(f"--images {images:,} is below the run's {plan.images:,}; a budget can only be raised.")
    finished = folder.clock().get("phase", 0)
    run = plan.run.with_images(images - int(plan.inherited.get("images", 0)), finished)
    return plan.replace(run=run)


def continue_run(folder: Folder, plan: Settings, dataset: Dataset, evaluator: Evaluator, trainer: Trainer) -> Model:
    """From a run's present state to its end, and its final evaluation."""
    world = trainer.world
    if plan.inherited and not world.share(folder.state.exists()):
        give(trainer, plan)
    try:
        if world.leads:
            Loop(folder, plan, trainer, evaluator).run()
        else:
            follow(plan, trainer, evaluator)
        world.any(False)  # the model is written
        model = load(folder.path, trainer.device)
        if plan.prior and model.about.get("prior") != plan.prior:  # the latents have moved since it was fitted
            say(f"fitting the {plan.prior} prior anew")
            model = (fitted(folder, plan, dataset) if world.leads else model).to(trainer.device)
            world.any(False)
            model = load(folder.path, trainer.device)
        if world.share(not folder.scores.exists() or json.loads(folder.scores.read_text())["images"] != plan.images):
            write_scores(folder, Evaluator(dataset, evaluator.features, COUNTED, world=world), model, plan.images)
        return model
    except (UserError, Fault, Interrupted, Lost, KeyboardInterrupt):
        raise
    except Exception as error:
        if isinstance(error, OSError) and error.errno in FULL:
            raise UserError(f"No space left to write {folder.path}; free some and resume.") from None
        if not out_of_memory(error):
            with contextlib.suppress(UserError, OSError):
                write_atomically(folder.path / "error.txt", traceback.format_exc())
            raise
    raise UserError(too_large(folder, plan, dataset, trainer))  # out here, where the error's own tensors are gone


def too_large(folder: Folder, plan: Settings, dataset: Dataset, trainer: Trainer) -> str:
    """A batch did not fit into memory: what would, in words."""
    engine, device, world = trainer.engine, trainer.device, trainer.world
    del trainer.nets, trainer.averages, trainer.players, trainer.programs

    def make(parts: int) -> Trainer:
        check_split(plan.run, world.size, parts)
        feed = Feed(dataset.info, dataset.train, dataset.train_labels, device, plan.run.seed)
        return make_trainer(plan.run, feed, engine.replace(backend="", accumulate=parts), say=quiet)

    parts = parts_that_fit(plan.run, make, engine.accumulate * world.size)
    what = f"A batch of {plan.run.batch:,} does not fit into the memory of this {device.type}"
    if parts is None:
        return f"{what}, nor does a single image of it: use smaller networks (--set width=...)."
    again = f"aegean train --resume {shlex.quote(str(folder.path))} --accumulate {parts // world.size}"
    return f"{what}, in {parts} parts it does, with the same result: {again}"


def fitted(folder: Folder, plan: Settings, dataset: Dataset, count: int = 20_000) -> Model:
    """The run's model with the prior that its plan asks for, fitted and saved."""
    model = load(folder.path)
    classes = len(plan.info.classes) if model.conditional else 0
    spec = net(PRIORS[plan.prior], latent=model.latent, classes=classes)
    cpu = torch.device("cpu")
    feed = Feed(dataset.info, dataset.train, dataset.train_labels, cpu, plan.run.seed)
    trainer = make_trainer(plan.run, feed, say=quiet)
    for part, network in model.nets.items():
        if plan.run.nets.get(part) == model.specs[part]:
            trainer.nets[part].load_state_dict(network.state_dict())
    prior: Any = spec.build()
    prior.fit(*trainer.latents(count))
    if isinstance(prior, WhiteningPrior):
        if foldable(model.nets["bottleneck"]) and hasattr(model.nets["G"], "stem"):
            fold(prior, model.nets["bottleneck"], model.nets["G"])
            spec = net(NormalPrior, latent=prior.latent, classes=prior.classes)
            prior = spec.build()
        else:
            say(
                "note: the whitening stays in the prior: noise of the posterior that is independent in every dimension "
                "of z would not be so in whitened ones"
            )
    nets, specs = {**model.nets, "prior": prior}, {**model.specs, "prior": spec}
    model = Model(specs, nets, model.info, model.bound, {**model.about, "prior": plan.prior}, model.wiring_name)
    model.save(folder.model)
    folder.scores.unlink(missing_ok=True)
    return model


def load(path: str | Path, device: str | torch.device = "cpu") -> Model:
    """The model of a run folder, of a model file, or of a folder of diffusers, on `device`. UserError: it is none of
    these, is damaged, or has no model yet."""
    if diffusers.is_folder(path):
        return diffusers.read(path).to(device)
    folder = Folder(path)
    if folder.path.is_dir() and not folder.model.exists():
        folder.read()
        raise UserError(f"{path} has no model yet; train it first: aegean train --resume {path}")
    return Model.load(path, device)


def make_feed(dataset: Dataset, where: torch.device, seed: int, world: World) -> Feed:
    part = world.rank, world.size
    feed = Feed(dataset.info, dataset.train, dataset.train_labels, where, seed, part=part)
    say(f"{dataset.info.name}: {feed.residence}")
    return feed


def make_trainer(
    run: Run, feed: Feed, engine: Engine | None = None, world: World | None = None, say: Say = say
) -> Trainer:
    return Trainer(run, feed.info, feed, feed.device, engine, world, say)


def quiet(text: str) -> None:
    """Say nothing."""


def make_evaluator(dataset: Dataset, count: int, world: World | None = None, probes: bool = False) -> Evaluator:
    if dataset.info.test_count < FEW:
        say(f"note: only {dataset.info.test_count} held-out samples: small differences between scores are chance")
    world = world or World()
    features = world.first(lambda: feature_network(dataset))
    return Evaluator(dataset, features, count, world=world, probes=probes)


def write_scores(folder: Folder, evaluator: Evaluator, model: Model, images: int) -> dict[str, Score]:
    """The final evaluation of a run, kept as evaluation.json."""
    if evaluator.world.leads:
        model.progress = EVALUATING
    scores = evaluator(model)
    if not evaluator.world.leads:
        return scores
    content = {"images": images, "scores": {key: score_json(score) for key, score in scores.items()}}
    write_atomically(folder.scores, json.dumps(content, indent=1))
    return scores
