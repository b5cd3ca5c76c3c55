"""Comparing runs: those that exist, or recipes trained for it at the same budget."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from aegean.config import UserError, to_json
from aegean.data import DataOptions, Dataset, open_data
from aegean.data.sets.opening import settled
from aegean.files import write_atomically
from aegean.model import Model
from aegean.recipes.registry import parse_all
from aegean.report.page import render
from aegean.report.runs import read_entries, read_plans
from aegean.report.steps import next_steps
from aegean.report.tables import grouped, table
from aegean.report.verdict import verdict, warnings
from aegean.session.options import TrainingOptions, parse_images, planned
from aegean.session.resume import resume
from aegean.session.runs import own_data
from aegean.session.train import train
from aegean.surface import option
from aegean.training.folder import Folder
from aegean.training.guard import Fault
from aegean.training.settings import Settings

OTHER = {"run": "a budget or networks", "minutes": "a budget", "recipe": "a recipe", "inherited": "a source",
         "settings": "options"}  # fmt: skip
OnRun = Callable[[str, int, int], None]  # name of the run folder, its number from 1, how many


def compare_runs(paths: Sequence[str | Path], out: str | Path, faults: Sequence[str] = ()) -> dict[str, Any]:
    """Write the report of some runs to `out` (an .html file) and its numbers to a .json file beside it.

    Runs that were not evaluated in their present state are evaluated first. Runs that differ only in their
    seed share a row. `faults`: sentences to show among the warnings. Returns the numbers. UserError: a path that
    is no run, runs on different data, data that are gone or have changed, an `out` that is no .html file.
    """
    out = Path(out)
    if out.suffix.lower() not in (".html", ".htm"):
        raise UserError(f"{option('out', out)}: the report is one HTML file; give a name that ends in .html.")
    if out.is_dir():
        raise UserError(f"{option('out', out)}: there is a folder of this name; choose another.")
    plans = read_plans(paths)
    dataset = own_data(*next(iter(plans.items())))
    entries = read_entries(plans, dataset)
    groups = list(grouped(entries).values())
    report = table(entries)
    report["verdict"] = verdict(report)
    report["warnings"] = [*faults, *warnings(report, groups)]
    report["next"] = next_steps(report, groups)
    page = render(report, groups, dataset)
    out.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(out.with_suffix(".json"), json.dumps(report, indent=1))
    write_atomically(out, page)
    return report


def compare_recipes(
    recipes: Sequence[str],
    data: str | DataOptions,
    out: str | Path,
    *,
    images: int | str | None = None,
    minutes: float | None = None,
    seeds: int = 1,
    device: str = "auto",
    settings: Mapping[str, Mapping[str, Any]] | None = None,
    on_run: OnRun | None = None,
) -> dict[str, Any]:
    """Train each recipe with the seeds 0 ... seeds - 1 into out/RECIPE-seedK, then write out/report.html.

    A finished run that is already there is used again, a half finished one is resumed, so that an interrupted
    comparison can be called again; one that was asked for something else is refused. A run that a guard stops is
    compared as it stood.

    recipes: names, or names with options of their own, such as "ae_to_gan:discriminator=new:anchor=0".
    data: a SPEC, or DataOptions.
    images, minutes: the budget of every run.
    settings: options of all runs of a recipe, by its name.
    on_run: called before each run.
    Returns the report's numbers. UserError: as `aegean.train`.
    """
    TrainingOptions(images=images, minutes=minutes)  # UserError: out of range
    out, options = Path(out), settled(DataOptions(data) if isinstance(data, str) else data)
    recipes = list(dict.fromkeys(recipes))
    if not recipes or seeds < 1:
        raise UserError(f"{len(recipes)} recipes and {seeds} seeds: give at least one of each.")
    if out.exists() and not out.is_dir():
        raise UserError(f"{out} is a file; give a folder as {option('out')}.")
    dataset = open_data(options)
    wanted = {}
    for seed in range(seeds):
        for text in recipes:
            name, own = split_recipe(text)
            own = {**(settings or {}).get(name, {}), **own}
            wanted[run_folder(out, text, seed)] = _wanted(name, dataset, options, images, minutes, seed, own)
    for path, plan in wanted.items():
        _check_same(path, plan)
    faults = []
    for number, (path, plan) in enumerate(wanted.items(), 1):
        if on_run:
            on_run(path.name, number, len(wanted))
        try:
            _train(path, plan, images, device)
        except Fault as fault:
            faults.append(f"{path.name} was stopped by a guard: {fault}.")
    order = [run_folder(out, text, seed) for text in recipes for seed in range(seeds)]
    return compare_runs(order, out / "report.html", faults)


def split_recipe(text: str) -> tuple[str, dict[str, Any]]:
    """ "NAME:option=value:..." -> the name, and the options as values. UserError: an unknown one, or a bad value."""
    name, *words = text.split(":")
    pairs = [word.partition("=") for word in words]
    if bare := [key for key, sign, _ in pairs if not sign]:
        raise UserError(f"{text!r}: expected NAME:option=value, and {bare[0]!r} has no value.")
    return name, parse_all(name, {key: value for key, _, value in pairs})


def run_folder(out: Path, text: str, seed: int) -> Path:
    """Where a comparison keeps a run of a recipe, its options in the name."""
    return out / f"{text.replace(':', '-')}-seed{seed}"


def _wanted(
    recipe: str,
    dataset: Dataset,
    options: DataOptions,
    images: int | str | None,
    minutes: float | None,
    seed: int,
    settings: Mapping[str, Any],
) -> Settings:
    """What is asked of one run; its number of images only where no minutes are given."""
    budget = None if images is None else parse_images(images)
    run = planned(recipe, dataset.info, settings, budget=budget, seed=seed)
    return Settings(recipe, dict(settings), options, dataset.info, run, minutes=minutes or 0.0)


def _check_same(path: Path, wanted: Settings) -> None:
    """UserError if there is something else under the name of a run."""
    if not path.exists():
        return
    found = Folder(path).read()
    names = ["recipe", "settings", "data", "minutes", "inherited", *([] if wanted.minutes else ["run"])]
    other = [name for name in names if to_json(getattr(found, name)) != to_json(getattr(wanted, name))]
    if found.info.fingerprint != wanted.info.fingerprint:
        other.append("data")
    if other:
        what = sorted({OTHER.get(name, name) for name in other if name != "run" or len(other) == 1})
        raise UserError(
            f"{path} is there already, with {' and '.join(what)} that this comparison does not ask for; choose another "
            f"{option('out')}, or move it away."
        )


def _train(path: Path, wanted: Settings, images: int | str | None, device: str) -> None:
    """A new run, or the rest of one."""
    if not path.exists():
        train(
            wanted.recipe,
            wanted.data,
            path,
            images=images,
            minutes=wanted.minutes or None,
            seed=wanted.run.seed,
            device=device,
            settings=wanted.settings,
        )
    elif not _finished(path):
        resume(path, device=device)


def _finished(path: Path) -> bool:
    folder = Folder(path)
    return folder.model.exists() and int(Model.load(path).about.get("images", 0)) >= folder.read().images
