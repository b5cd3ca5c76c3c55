"""impute: a table whose gaps a model has filled."""

from __future__ import annotations

import argparse
from pathlib import Path

from aegean.cli.options import a_run, out, overwrite
from aegean.cli.origins import mark, origin
from aegean.cli.outputs import target, tell
from aegean.cli.parser import Parser
from aegean.surface import plural


def options(p: Parser) -> None:
    p.examples("aegean impute runs/vae table.csv --out filled.csv")
    a_run(p)
    p.add_argument("file", metavar="FILE", help="a .csv, .tsv or .parquet table with the columns it was trained on")
    out(p, "filled.csv or filled.parquet")
    p.add_argument("--missing", default="", metavar="WORDS", help="cells that hold no value, besides empty, NA, NaN, ?")
    mark(p)
    overwrite(p)


def run(args: argparse.Namespace) -> None:
    from aegean.data.io.rows import ENDINGS

    path, _ = target(args.out, ENDINGS, args.overwrite)
    from aegean.cli.models import opened
    from aegean.data.io.origin import write_beside
    from aegean.session.rows import fill

    model = opened(args.run, "impute")
    model.progress, said = iter, origin(args, model, given=True)
    cells, rows = fill(model, Path(args.file), path, tuple(word for word in args.missing.split(",") if word))
    if said:
        write_beside(path, said)
    tell(f"{path}: {plural(cells, 'cell')} of {plural(rows, 'row')} filled")
