"""What Python users call: train, resume, load, evaluate, fit. The command line is thin over these."""

from __future__ import annotations

import contextlib
import json
import math
import re
import shutil
import sys
import traceback
from collections.abc import Callable, Mapping
from fractions import Fraction
from functools import partial
from pathlib import Path
from typing import Any

import torch
from tqdm import tqdm

from aegean.config import UserError, nearest, net, parse_json
from aegean.data import DataOptions, Dataset, open_data
from aegean.data.loader import Feed
from aegean.data.sources import settled
from aegean.files import FULL, write_atomically
from aegean.latent import PRIORS, MixturePrior
from aegean.metrics.features import FeatureNetwork, feature_network, feature_network_from
from aegean.metrics.protocol import Evaluator, Score, check_fits
from aegean.model import Model
from aegean.recipes import configure
from aegean.recipes.registry import parse_all
from aegean.training.folder import Folder, Settings, command, here, now
from aegean.training.inherit import fitting, give, inherit
from aegean.training.loop import Interrupted, Loop, images_for_minutes, score_json
from aegean.training.schedule import Run
from aegean.training.trainer import Fault, Trainer

WATCHED = 2_000  # held-out samples of the evaluations while training
COUNTED = 10_000  # of the final one
FEW = 100  # held-out samples, below which scores are mostly chance
EVALUATING = partial(tqdm, desc="evaluating", unit="batch", leave=False, delay=1)

__all__ = ["Fault", "Interrupted", "evaluate", "fit_prior", "load", "resume", "train"]


def say(text: str) -> None:
    """A note for a person, to stderr."""
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
) -> Model:
    """Train a recipe on data into the new run folder `out`; the finished model comes back.

    data: a SPEC (see `aegean train --help`) or DataOptions. images: the whole budget, an inherited network's
    images included; a number, or text such as "500k". minutes: another budget, turned into images once; the
    first to end wins. source: a run or model file whose networks the new run begins with. settings: the
    recipe's options. Raises UserError for what the user can mend, Fault when a guard stopped the run,
    Interrupted after SIGINT or SIGTERM (the state is saved).
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
    where = pick_device(device)
    chosen = parse_all(recipe, chosen)
    free_place(folder.path, overwrite)
    for given in (source, options.spec, options.test):
        if given and Path(given).resolve().is_relative_to(folder.path.resolve()):
            raise UserError(f"{given} lies in {out}, which would be overwritten; choose another --out.")
    dataset = open_data(options, say)
    model, inherited = inherit(source)
    run = configure(recipe, dataset.info, chosen, model.specs if model else None).replace(seed=seed)
    if model:
        inherited["nets"] = sorted(fitting(run, model, dataset.info))
    run = with_budget(run, budget, int(inherited.get("images", 0)))
    evaluator = make_evaluator(dataset, WATCHED)
    if minutes is not None:
        probe = images_for_minutes(minutes, run, lambda: make_trainer(run, dataset, where), evaluator, evaluations)
        run = run.with_images(min(probe, run.images) if budget else probe)
        say(f"{minutes:g} minutes are about {run.images:,} images on this machine")
    plan = Settings(
        recipe=recipe,
        settings=chosen,
        data=options,
        info=dataset.info,
        run=run,
        inherited=inherited,
        minutes=minutes or 0.0,
        evaluations=evaluations,
        machine=here(where),
        command=command(),
        started=now(),
    )
    trainer = make_trainer(run, dataset, where)  # before anything is written: the networks may not fit into memory
    if overwrite and folder.path.exists():
        shutil.rmtree(folder.path)
    folder.create(plan)
    return continue_run(folder, plan, dataset, evaluator, trainer)


def resume(path: str | Path, images: int | str | None = None, device: str = "auto") -> Model:
    """Go on with a run, bit for bit as if it had never stopped; `images` raises its total budget."""
    folder = Folder(path)
    plan = folder.read()
    where = pick_device(plan.machine.get("device", "auto") if device == "auto" else device)
    dataset = own_data(path, plan)
    if plan.machine.get("threads") and where.type == "cpu":
        torch.set_num_threads(int(plan.machine["threads"]))
    for name, value in here(where).items():
        if plan.machine.get(name) != value:
            say(f"note: {name} was {plan.machine.get(name)!r} and is {value!r}: results will not agree bit for bit")
    if images is not None:
        plan = raised(folder, plan, parse_images(images))
    trainer = make_trainer(plan.run, dataset, where)
    return continue_run(folder, plan, dataset, make_evaluator(dataset, WATCHED), trainer)


def own_data(path: str | Path, plan: Settings) -> Dataset:
    """The data that a run was trained on. UserError: they are gone, or have changed: what was trained on may be held
    out now."""
    try:
        dataset = open_data(plan.data, say)
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
    plan = plan.replace(run=run)
    folder.write_settings(plan)
    return plan


def continue_run(folder: Folder, plan: Settings, dataset: Dataset, evaluator: Evaluator, trainer: Trainer) -> Model:
    """From a run's present state to its end, and its final evaluation."""
    if plan.inherited and not folder.state.exists():
        give(trainer, plan)
    loop = Loop(folder, plan, trainer, evaluator)
    try:
        loop.run()
        model = load(folder.path, trainer.device)
        if plan.prior and model.about.get("prior") != plan.prior:  # the latents have moved since it was fitted
            say(f"fitting the {plan.prior} prior anew")
            model = fitted(folder, plan, dataset).to(trainer.device)
        if not folder.scores.exists() or json.loads(folder.scores.read_text())["images"] != plan.images:
            write_scores(folder, Evaluator(dataset, evaluator.features, COUNTED), model, plan.images)
        return model
    except (UserError, Fault, Interrupted, KeyboardInterrupt):
        raise
    except Exception as error:
        if isinstance(error, OSError) and error.errno in FULL:
            raise UserError(f"No space left to write {folder.path}; free some and resume.") from None
        with contextlib.suppress(UserError, OSError):
            write_atomically(folder.path / "error.txt", traceback.format_exc())
        raise


def load(path: str | Path, device: str | torch.device = "cpu") -> Model:
    """The model of a run folder, or of a model file."""
    folder = Folder(path)
    if folder.path.is_dir() and not folder.model.exists():
        folder.read()
        raise UserError(f"{path} has no model yet; train it first: aegean train --resume {path}")
    return Model.load(path, device)


def evaluate(
    path: str | Path,
    data: str | DataOptions | None = None,
    count: int = COUNTED,
    features: Callable[..., Any] | str | Path | None = None,
    device: str = "auto",
) -> dict[str, Score]:
    """Scores of a run's model, each beside its floor. `features`: another run, or a callable, instead of the
    network that is trained on the data."""
    if count < 2:
        raise UserError(f"--count {count}: expected at least 2.")
    model = load(path, pick_device(device))
    dataset = own_data(path, home(path).read()) if data is None else open_data(data, say)
    check_fits(model.info, dataset.info, "The model")
    network = feature_network(dataset, say) if features is None else feature_network_from(features)
    if network.accuracy is not None:
        say(f"measured in {network.key}, which is right on {network.accuracy:.1%} of the held-out samples")
    model.progress = EVALUATING
    return Evaluator(dataset, network, count)(model)


def home(path: str | Path) -> Folder:
    """The run of a run folder, or of a model file that lies in one."""
    path = Path(path)
    if path.is_file() and not (path.parent / "config.json").exists():
        raise UserError(f"{path} lies in no run folder, so its data are not known; give --data SPEC.")
    return Folder(path.parent if path.is_file() else path)


def fit_prior(path: str | Path, name: str, count: int = 20_000) -> Model:
    """Fit a prior to the latents of a run's own training data; the run's model then samples from it.

    "normal" is one Gaussian, "mixture" several. When `resume` raises the run's budget, the prior is fitted anew at
    its end, to the latents as they are then. `count`: training samples.
    """
    if name not in PRIORS:
        raise UserError(f"There is no prior {name!r}.{nearest(name, PRIORS)}")
    folder = Folder(path)
    plan, model = folder.read(), load(path)
    if "encode" not in model.can():
        raise UserError(f"{path} has no encoder, so there are no latents to fit a prior to.")
    plan = plan.replace(prior=name)
    model = fitted(folder, plan, own_data(path, plan), count)
    folder.write_settings(plan)
    return model


def fitted(folder: Folder, plan: Settings, dataset: Dataset, count: int = 20_000) -> Model:
    """The run's model with the prior that its plan asks for, fitted and saved."""
    model = load(folder.path)
    spec = net(
        MixturePrior,
        latent=model.latent,
        classes=len(plan.info.classes) if model.conditional else 0,
        components=1 if plan.prior == "normal" else 10,
    )
    trainer = make_trainer(plan.run, dataset, torch.device("cpu"))
    for part, network in model.nets.items():
        if plan.run.nets.get(part) == model.specs[part]:
            trainer.nets[part].load_state_dict(network.state_dict())
    prior: Any = spec.build()
    prior.fit(*trainer.latents(count))
    nets, specs = {**model.nets, "prior": prior}, {**model.specs, "prior": spec}
    model = Model(specs, nets, model.info, model.bound, {**model.about, "prior": plan.prior})
    model.save(folder.model)
    folder.scores.unlink(missing_ok=True)
    return model


# pieces


def parse_images(text: int | str) -> int:
    """A budget: 500000, "500k", "2M", "1.5M"."""
    match = re.fullmatch(r"(\d+(?:\.\d+)?)([kM]?)", str(text).strip())
    images = Fraction(match[1]) * {"": 1, "k": 1000, "M": 1000_000}[match[2]] if match else Fraction(0)
    if isinstance(text, bool) or images.denominator != 1 or not 1 <= images <= 10**15:
        raise UserError(f"--images {text}: expected a whole number of images above 0, such as 50000, 500k or 1.5M.")
    return int(images)


def pick_device(name: str) -> torch.device:
    """auto is cuda, then mps, then cpu."""
    there: dict[str, Callable[[], bool]] = {
        "cuda": torch.cuda.is_available,
        "mps": torch.backends.mps.is_available,
        "cpu": lambda: True,
    }
    if name == "auto":
        name = next(kind for kind, available in there.items() if available())
    kind = name.partition(":")[0]
    if kind not in there:
        raise UserError(f"--device {name}: expected auto, cuda, mps or cpu.")
    if not there[kind]():
        raise UserError(f"--device {name}: this machine (or this build of torch) has no {kind}; use --device cpu.")
    try:
        return torch.device(name)
    except RuntimeError:
        raise UserError(f"--device {name}: expected {kind}, or {kind}:0 for the first of several.") from None


def free_place(path: Path, overwrite: bool) -> None:
    """Refuse an existing output unless it may be overwritten; never overwrite what is not ours."""
    if not path.exists():
        if not path.parent.exists():
            path.parent.mkdir(parents=True)
        return
    if not overwrite:
        raise UserError(f"{path} exists; choose another --out, resume it with --resume, or give --overwrite.")
    if path.is_dir() and any(path.iterdir()) and not is_run(path):
        raise UserError(f"{path} is not a run folder, so it is not overwritten; choose another --out.")
    if path.is_file():
        raise UserError(f"{path} is a file; choose a folder for --out.")


def is_run(path: Path) -> bool:
    """Whether a folder is a run, of this version or another; other programs keep a config.json too."""
    try:
        config = parse_json((path / "config.json").read_text(encoding="utf-8"), str(path))
    except (UserError, OSError, UnicodeDecodeError):
        return False
    return isinstance(config, dict) and config.get("type") == Settings.__name__


def with_budget(run: Run, budget: int | None, inherited: int) -> Run:
    """The recipe's own budget or the one asked for; an inherited network's images are part of it."""
    total = run.images + inherited if budget is None else budget
    if total - inherited < run.batch * len(run.schedule):
        count, part = len(run.schedule), f", {inherited:,} of them inherited," if inherited else ""
        phases = "its one phase needs" if count == 1 else f"each of the {count} phases needs"
        raise UserError(
            f"A budget of {total:,} images{part} is too small: {phases} a batch of {run.batch:,} at "
            f"least, {inherited + run.batch * count:,} images in all."
        )
    return run.with_images(total - inherited)


def make_trainer(run: Run, dataset: Dataset, where: torch.device) -> Trainer:
    feed = Feed(dataset.info, dataset.train, dataset.train_labels, where, run.seed)
    return Trainer(run, dataset.info, feed, where)


def make_evaluator(dataset: Dataset, count: int) -> Evaluator:
    if dataset.info.test_count < FEW:
        say(f"note: only {dataset.info.test_count} held-out samples: small differences between scores are chance")
    return Evaluator(dataset, _features(dataset), count)


def _features(dataset: Dataset) -> FeatureNetwork:
    return feature_network(dataset, say)


def scores(path: str | Path) -> dict[str, dict[str, Any]]:
    """The scores of a run's final evaluation, {value, floor, better} by key; empty before it."""
    file = Folder(path).scores
    return json.loads(file.read_text(encoding="utf-8"))["scores"] if file.exists() else {}


def write_scores(folder: Folder, evaluator: Evaluator, model: Model, images: int) -> dict[str, Score]:
    """The final evaluation of a run, kept as evaluation.json."""
    model.progress = EVALUATING
    scores = evaluator(model)
    content = {"images": images, "scores": {key: score_json(score) for key, score in scores.items()}}
    write_atomically(folder.scores, json.dumps(content, indent=1))
    return scores
