"""push: a model to the Hugging Face Hub, or what would be put there to a folder."""

from __future__ import annotations

import argparse
from pathlib import Path

from aegean.cli.options import a_run
from aegean.cli.outputs import FOLDER, target, tell, whole_folder
from aegean.cli.parser import Parser
from aegean.config import UserError

UNNAMED = "OWNER/NAME"  # of a card in a folder


def options(p: Parser) -> None:
    p.examples(
        "aegean push runs/vae ada/digits-vae --licence apache-2.0",
        "aegean push runs/vae look-first/ --licence apache-2.0",
    )
    a_run(p)
    p.add_argument("name", metavar="NAME", help="OWNER/NAME on the Hub; or folder/, where nothing is sent")
    p.add_argument(
        "--licence",
        "--license",
        metavar="ID",
        required=True,
        help="what others may do with the weights: apache-2.0, mit, cc-by-4.0, cc-by-nc-4.0, ... (yours to decide)",
    )
    p.add_argument("--private", action="store_true", default=False, help="show a new model to its owner alone")


def run(args: argparse.Namespace) -> None:
    if args.name.endswith("/"):
        to_folder(args)
        return
    from aegean.integrations import hub

    place = hub.push(args.run, args.name, args.licence, args.private)
    tell(f"{place}: pushed; get it back with `aegean pull {args.name} --out model.safetensors`")


def to_folder(args: argparse.Namespace) -> None:
    """What a push would put on the Hub, to be looked at first."""
    path, _ = target(args.name, (FOLDER,), True)
    if path.exists() and any(path.iterdir()):
        raise UserError(f"{args.name} is there already and not empty; give a new folder.")
    from aegean.integrations import hub
    from aegean.integrations.card import read_source

    files = hub.contents(read_source(args.run), UNNAMED, args.licence)
    with whole_folder(path) as folder:
        folder.mkdir()
        for name, value in files.items():
            (folder / name).write_bytes(value.read_bytes() if isinstance(value, Path) else value)
    tell(f"{path}: {', '.join(files)}; nothing was sent")
