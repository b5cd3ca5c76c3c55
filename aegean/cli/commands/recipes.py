"""recipes: what can be trained."""

from __future__ import annotations

import argparse
import inspect
from typing import Any

from aegean.cli.options import json_answer
from aegean.cli.outputs import answer
from aegean.cli.parser import Parser


def options(p: Parser) -> None:
    p.examples("aegean recipes vae")
    p.add_argument("name", metavar="NAME", nargs="?", help="the recipe to show")
    json_answer(p)


def run(args: argparse.Namespace) -> None:
    from aegean.recipes.registry import RECIPES, describe

    if args.name:
        answer(describe(args.name), {"recipe": args.name, **described(args.name)}, args.json)
        return
    width = max(map(len, RECIPES))
    lines = [f"{name:<{width}}  {summary(name)}" for name in RECIPES]
    more = "\n\nOptions, papers and numbers of one: aegean recipes NAME"
    answer("\n".join(lines) + more, {"recipes": {name: described(name) for name in RECIPES}}, args.json)


def summary(name: str) -> str:
    from aegean.recipes.registry import find

    return (inspect.getdoc(find(name)) or "").split("\n\n")[0].replace("\n", " ")


def described(name: str) -> dict[str, Any]:
    from aegean.recipes.registry import find, options

    found = {o.name: {"default": o.default, "expects": o.words, "help": o.help} for o in options(name).values()}
    return {"summary": summary(name), "documentation": inspect.getdoc(find(name)), "options": found}
