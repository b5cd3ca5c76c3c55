"""info: what a run or a file is."""

from __future__ import annotations

import argparse

from aegean.cli.options import json_answer
from aegean.cli.outputs import answer
from aegean.cli.parser import Parser


def options(p: Parser) -> None:
    p.examples("aegean info runs/vae")
    p.add_argument("run", metavar="RUN", help="a run folder, a model file, an .aeg file, an exported .onnx or .pt2")
    json_answer(p)


def run(args: argparse.Namespace) -> None:
    from pathlib import Path

    if not Path(args.run).is_dir():
        if args.run.lower().endswith(".aeg"):
            from aegean.cli import packed

            found = packed.file_info(args.run)
            answer(packed.file_description(found), found, args.json)
            return
        if args.run.lower().endswith((".onnx", ".pt2")):
            from aegean.cli import exports

            found = exports.file_info(args.run)
            answer(exports.file_description(found), found, args.json)
            return
    from aegean.cli.describe import described, description

    found = described(args.run)
    answer(description(found), found, args.json)
