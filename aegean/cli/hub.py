"""push and pull: models to and from the Hugging Face Hub."""

from __future__ import annotations

import argparse
import shlex
from pathlib import Path

from aegean.cli.outputs import FOLDER, target, whole_folder
from aegean.config import UserError
from aegean.integrations import hub
from aegean.integrations.card import read_source

UNNAMED = "OWNER/NAME"  # of a card in a folder


def push(args: argparse.Namespace) -> None:
    if args.name.endswith("/"):
        _to_folder(args)
        return
    place = hub.push(args.run, args.name, args.licence, args.private)
    print(f"{place}: pushed; get it back with `aegean pull {args.name} --out model.safetensors`")


def _to_folder(args: argparse.Namespace) -> None:
    """What a push would put on the Hub, to be looked at first."""
    path, _ = target(args.name, (FOLDER,), True)
    if path.exists() and any(path.iterdir()):
        raise UserError(f"{args.name} is there already and not empty; give a new folder.")
    files = hub.contents(read_source(args.run), UNNAMED, args.licence)
    with whole_folder(path) as folder:
        folder.mkdir()
        for name, value in files.items():
            (folder / name).write_bytes(value.read_bytes() if isinstance(value, Path) else value)
    print(f"{path}: {', '.join(files)}; nothing was sent")


def pull(args: argparse.Namespace) -> None:
    path, _ = target(args.out, (".safetensors",), args.overwrite)
    model = hub.pull(args.name, path)
    print(f"{path}: a {model.about.get('recipe')}; it can {', '.join(model.can())}")
    print(f"next: aegean info {shlex.quote(str(path))}")
