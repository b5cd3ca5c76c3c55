"""The commands that are not a model's verbs: recipes, train, fit, evaluate, compare, info."""

from __future__ import annotations

import argparse
import inspect
import os
import shlex
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

import aegean
from aegean.cli import compress, hub, play, traverse, verbs
from aegean.cli import export as exports
from aegean.cli.describe import described, description, score_table
from aegean.cli.outputs import FOLDER, answer, target
from aegean.config import UserError
from aegean.data import DataOptions
from aegean.machine import leads, out_of_memory
from aegean.recipes.registry import RECIPES, describe, find, options
from aegean.session.options import parse_images
from aegean.session.runs import scores as scores_of
from aegean.surface import say
from aegean.training.folder import Folder
from aegean.training.loop import Interrupted, score_json
from aegean.training.trainer import Fault
from aegean.training.world import Lost

STOPPED, INTERRUPTED = 3, 130


def run(args: argparse.Namespace) -> int:
    """Carry out a parsed command line; the exit status. UserError and other exceptions are left to the caller."""
    if args.command != "train" and int(os.environ.get("WORLD_SIZE", "1")) > 1:
        raise UserError(f"`aegean {args.command}` works in one process; torchrun is for `aegean train`.")
    try:
        COMMANDS[args.command](args)
        return 0
    except Fault as fault:
        if not leads():
            return STOPPED
        print(f"aegean: stopped by a guard: {str(fault).rstrip('.')}{_kept(args)}", file=sys.stderr)
        return STOPPED
    except Lost as error:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)  # torchrun sends it to whom the loss has ended already
        if leads():
            print(f"aegean: {error}{_again(args)}", file=sys.stderr, flush=True)
        if torch.cuda.is_available():  # an exit in order would wait for a sum that never comes
            os._exit(STOPPED)
        return STOPPED
    except Interrupted:
        if not leads():
            return INTERRUPTED
        again = f"`aegean train --resume {_place(args)}`" if args.command == "train" else "the same command"
        print(f"aegean: interrupted; the state is saved: go on with {again}", file=sys.stderr)
        return INTERRUPTED
    except RuntimeError as error:
        if out_of_memory(error):
            raise MemoryError from None
        raise


def _again(args: argparse.Namespace) -> str:
    """How to go on from the last state that was saved, if there is one."""
    if not Folder(_path(args)).state.exists():
        return ""
    return f"; go on from the last saved state with `aegean train --resume {_place(args)}`, in any number of processes"


def _kept(args: argparse.Namespace) -> str:
    """What is left of a stopped run, and how to go on."""
    place = _place(args)
    return (
        f". The last good state is kept in {place} and can be sampled and evaluated; go on with a new run at a lower "
        f"rate: aegean train RECIPE --from {place} --set lr=... --data ... --out ..."
    )


def _place(args: argparse.Namespace) -> str:
    """The run that `aegean train` was about, as a shell takes it."""
    return shlex.quote(_path(args))


def _path(args: argparse.Namespace) -> str:
    return str(getattr(args, "resume", None) or getattr(args, "out", "RUN"))


def recipes(args: argparse.Namespace) -> None:
    if args.name:
        answer(describe(args.name), {"recipe": args.name, **_recipe(args.name)}, args.json)
        return
    width = max(map(len, RECIPES))
    lines = [f"{name:<{width}}  {_summary(name)}" for name in RECIPES]
    more = "\n\nOptions, papers and numbers of one: aegean recipes NAME"
    answer("\n".join(lines) + more, {"recipes": {name: _recipe(name) for name in RECIPES}}, args.json)


def _summary(name: str) -> str:
    return (inspect.getdoc(find(name)) or "").split("\n\n")[0].replace("\n", " ")


def _recipe(name: str) -> dict[str, Any]:
    found = {o.name: {"default": o.default, "expects": o.words} for o in options(name).values()}
    return {"summary": _summary(name), "documentation": inspect.getdoc(find(name)), "options": found}


def train(args: argparse.Namespace) -> None:
    given = {key: value for key, value in vars(args).items() if key != "command" and value is not False}
    if "resume" in given:
        out = given.pop("resume")
        if odd := sorted(set(given) - {"images", "device", "accumulate"}):
            names = ", ".join("RECIPE" if name == "recipe" else option_name(name) for name in odd)
            raise UserError(f"--resume goes on with the run's own settings: leave out {names}.")
        model = aegean.resume(out, given.get("images"), given.get("device", "auto"), given.get("accumulate"))
    else:
        missing = [text for key, text in NEEDED.items() if not given.get(key)]
        if missing:
            raise UserError(f"`aegean train` needs {' and '.join(missing)} too (see `aegean train --help`).")
        out, data = given.pop("out"), data_options(given)
        settings = parse_settings(given.pop("settings", []))
        for name in ("batch", "images"):
            if name in given and name in settings:
                raise UserError(f"--{name} and --set {name}=... are the same; give one of them.")
        model = aegean.train(given.pop("recipe"), data, out, settings=settings, **given)
    if not leads():
        return
    print(f"{out}: trained; its scores:\n{score_table(scores_of(out))}")
    print(f"next: aegean {_next(model.can(), shlex.quote(out))}")


def _next(able: list[str], place: str) -> str:
    """What a new model is most likely wanted for."""
    if "sample" in able:
        return f"sample {place} --out samples.png"
    for verb in ("compress", "compress_lossless"):
        if verb in able:
            return f"compress {place} pictures/ --out pictures.aeg{' --lossless' * (verb == 'compress_lossless')}"
    return f"fit {place} --prior mixture"


NEEDED = {"recipe": "RECIPE", "data": "--data SPEC", "out": "--out RUN"}


def option_name(key: str) -> str:
    """The option that a parsed value came from."""
    return "--" + {"source": "from", "settings": "set"}.get(key, key).replace("_", "-")


def parse_settings(words: list[str]) -> dict[str, str]:
    """name=value ... -> a dict of texts; the recipe knows their types."""
    found: dict[str, str] = {}
    for word in words:
        name, equals, value = word.partition("=")
        if not (name and equals):
            raise UserError(f"--set {word}: expected name=value, such as latent=8.")
        if name in found:
            raise UserError(f"--set {name} is given twice; give it once.")
        found[name] = value
    return found


def data_options(given: dict[str, Any]) -> DataOptions:
    """Take what concerns the data out of what was given."""
    keys = ("test", "size", "channels", "range", "axes", "skip_bad")
    found = {key: given.pop(key) for key in keys if key in given}
    if "range" in found:
        found["range"] = tuple(found["range"])
    return DataOptions(given.pop("data"), **found)


def fit(args: argparse.Namespace) -> None:
    aegean.fit_prior(args.run, args.prior)
    place = shlex.quote(args.run)
    print(f"{args.run}: a {args.prior} prior is fitted to its latents; now: aegean sample {place} --out samples.png")


def evaluate(args: argparse.Namespace) -> None:
    scores = aegean.evaluate(args.run, args.data, args.count, args.features)
    found = {key: score_json(score) for key, score in scores.items()}
    answer(score_table(found), {"run": args.run, "data": args.data, "scores": found}, args.json)


def compare(args: argparse.Namespace) -> None:
    given = {key: value for key, value in vars(args).items() if key not in ("command", "runs", "json", "overwrite")}
    out, names = given.pop("out"), given.pop("recipes", None)
    if (names is None) is (not args.runs):
        raise UserError("`aegean compare` takes either runs that are there, or --recipes a,b --data SPEC to train.")
    if names is None:
        if given:
            odd = ", ".join(map(option_name, sorted(given)))
            raise UserError(f"Runs that are there are compared as they are: leave out {odd}, or give --recipes.")
        report, found = _compare_runs(args.runs, out, args.overwrite)
    else:
        report, found = _compare_recipes([name for name in names.split(",") if name], out, args.overwrite, given)
    answer(f"{report}: written; open it in a browser", found, args.json)


def _compare_runs(runs: list[str], out: str, overwrite: bool) -> tuple[Path, dict[str, Any]]:
    path, _ = target(out, (".html",), overwrite)
    target(str(path.with_suffix(".json")), (".json",), overwrite)  # the report's numbers
    from aegean.report import compare_runs

    return path, compare_runs(runs, path)


def _compare_recipes(names: list[str], out: str, overwrite: bool, given: dict[str, Any]) -> tuple[Path, dict[str, Any]]:
    """A folder that holds runs of these recipes already is gone on with: the report looks whether they fit."""
    for name in names:
        find(name.split(":")[0])
    if not names or "data" not in given:
        raise UserError("`aegean compare --recipes` needs names, such as ae,vae,gan, and --data SPEC.")
    from aegean.report.compare import compare_recipes, run_folder

    begun = any((run_folder(Path(out), name, 0) / "config.json").exists() for name in names)
    path, _ = target(out, (FOLDER,), overwrite or begun)
    if "images" in given:
        given["images"] = parse_images(given["images"])

    def on_run(name: str, number: int, count: int) -> None:
        say(f"run {number} of {count}: {name}")

    return path / "report.html", compare_recipes(names, data_options(given), path, on_run=on_run, **given)


def info(args: argparse.Namespace) -> None:
    if compress.is_file(args.run):
        told = compress.file_info(args.run)
        answer(compress.file_description(told), told, args.json)
        return
    if exports.is_export(args.run):
        told = exports.file_info(args.run)
        answer(exports.file_description(told), told, args.json)
        return
    found = described(args.run)
    answer(description(found), found, args.json)


COMMANDS: dict[str, Callable[[argparse.Namespace], None]] = {
    "recipes": recipes,
    "train": train,
    "sample": verbs.sample,
    "reconstruct": verbs.reconstruct,
    "levels": verbs.levels,
    "encode": verbs.encode,
    "traverse": traverse.traverse,
    "decode": verbs.decode,
    "compress": compress.compress,
    "decompress": compress.decompress,
    "fit": fit,
    "evaluate": evaluate,
    "compare": compare,
    "play": play.play,
    "info": info,
    "export": exports.export,
    "push": hub.push,
    "pull": hub.pull,
}
