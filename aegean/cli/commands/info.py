"""info: what a run or a file is."""

from __future__ import annotations

import argparse
import importlib
from pathlib import Path

from aegean.cli.options import json_answer
from aegean.cli.outputs import answer
from aegean.cli.parser import Parser

FILES = {".aeg": "packed", ".onnx": "exports", ".pt2": "exports"}  # ending: what tells of such a file


def options(p: Parser) -> None:
    p.examples("aegean info runs/vae")
    p.add_argument("run", metavar="RUN", help="a run folder, a model file, an .aeg file, an exported .onnx or .pt2")
    json_answer(p)


def run(args: argparse.Namespace) -> None:
    path = Path(args.run)
    ending = "" if path.is_dir() else path.suffix.lower()
    reader = importlib.import_module(f"aegean.cli.{FILES.get(ending, 'describe')}")
    found = reader.described(args.run)
    answer(reader.description(found), found, args.json)
