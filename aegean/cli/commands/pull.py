"""pull: a model from the Hugging Face Hub."""

from __future__ import annotations

import argparse
import shlex

from aegean.cli.options import out, overwrite
from aegean.cli.outputs import target, tell
from aegean.cli.parser import Parser


def options(p: Parser) -> None:
    p.examples("aegean pull ada/digits-vae --out model.safetensors")
    p.add_argument("name", metavar="NAME", help="OWNER/NAME on the Hub")
    out(p, "model.safetensors")
    overwrite(p)


def run(args: argparse.Namespace) -> None:
    path, _ = target(args.out, (".safetensors",), args.overwrite)
    from aegean.integrations import hub

    model = hub.pull(args.name, path)
    tell(f"{path}: a {model.about.get('recipe')}; it can {', '.join(model.can())}")
    tell(f"next: aegean info {shlex.quote(str(path))}")
