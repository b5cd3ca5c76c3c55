"""compare: a report on runs that are there, or on recipes that are trained for it."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from aegean.cli.options import data, data_options, json_answer, overwrite, training, whole
from aegean.cli.outputs import FOLDER, answer, target
from aegean.cli.parser import Parser
from aegean.config import UserError
from aegean.surface import say


def options(p: Parser) -> None:
    p.examples(
        "aegean compare runs/vae runs/gan --out report.html",
        "aegean compare --recipes ae,vae,gan,ae_to_gan --data digits --images 100k --out runs/four",
    )
    p.usage = (
        "aegean compare RUN... --out report.html\n"
        "       aegean compare --recipes a,b --data SPEC [--images N | --minutes M] [--seeds K] --out folder/"
    )
    p.argument_default = argparse.SUPPRESS
    p.add_argument("runs", metavar="RUN", nargs="*", default=[], help="run folders trained on the same data")
    p.add_argument(
        "--recipes",
        metavar="A,B,...",
        help="train these recipes, each at the same budget; with options: gan,ae_to_gan:prior=normal:anchor=0",
    )
    p.add_argument("--out", required=True, help="report.html, or with --recipes a folder")
    training(p, "images", "minutes")
    p.add_argument("--seeds", type=whole(1, 100), help="train so many runs of each recipe (default: 1)")
    training(p, "device")
    data(p)
    overwrite(p)
    json_answer(p)


def run(args: argparse.Namespace) -> None:
    given = {key: value for key, value in vars(args).items() if key not in ("command", "runs", "json", "overwrite")}
    out, names = given.pop("out"), given.pop("recipes", None)
    if (names is None) is (not args.runs):
        raise UserError("`aegean compare` takes either runs that are there, or --recipes a,b --data SPEC to train.")
    if names is None:
        if given:
            odd = ", ".join(sorted("--" + key.replace("_", "-") for key in given))
            raise UserError(f"Runs that are there are compared as they are: leave out {odd}, or give --recipes.")
        report, found = compare_runs(args.runs, out, args.overwrite)
    else:
        from aegean.cli.stops import told

        with told(args):
            report, found = compare_recipes([name for name in names.split(",") if name], out, args.overwrite, given)
    answer(f"{report}: written; open it in a browser", found, args.json)


def compare_runs(runs: list[str], out: str, overwrite: bool) -> tuple[Path, dict[str, Any]]:
    path, _ = target(out, (".html",), overwrite)
    target(str(path.with_suffix(".json")), (".json",), overwrite)  # the report's numbers
    from aegean import report

    return path, report.compare_runs(runs, path)


def compare_recipes(names: list[str], out: str, overwrite: bool, given: dict[str, Any]) -> tuple[Path, dict[str, Any]]:
    """A folder that holds runs of these recipes already is resumed: the report looks whether they fit."""
    from aegean.recipes.registry import find
    from aegean.report import compare

    for name in names:
        find(name.split(":")[0])
    if not names or "data" not in given:
        raise UserError("`aegean compare --recipes` needs names, such as ae,vae,gan, and --data SPEC.")
    begun = any((compare.run_folder(Path(out), name, 0) / "config.json").exists() for name in names)
    path, _ = target(out, (FOLDER,), overwrite or begun)

    def on_run(name: str, number: int, count: int) -> None:
        say(f"run {number} of {count}: {name}")

    found = compare.compare_recipes(names, data_options(given), path, on_run=on_run, **given)
    return path / "report.html", found
