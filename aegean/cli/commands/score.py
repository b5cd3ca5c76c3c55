"""score: how odd inputs are, and where."""

from __future__ import annotations

import argparse
import csv
from collections.abc import Iterator
from typing import TYPE_CHECKING

from aegean.cli.options import a_class, a_run, out, overwrite, skip_bad
from aegean.cli.outputs import FOLDER, plain, target, tell, whole_folder
from aegean.cli.parser import Parser
from aegean.surface import plural

if TYPE_CHECKING:
    import numpy as np

    from aegean.model import Model
    from aegean.model.scoring import Anomalies

STEP = 4096  # samples at a time


def options(p: Parser) -> None:
    p.examples(
        "aegean score runs/ae new.csv --out scores.csv", "aegean score runs/ae photos/ --out scores.csv --map maps/"
    )
    a_run(p)
    p.add_argument("inputs", metavar="INPUT", nargs="+", help="images, folders, arrays, tables, or a built-in set")
    out(p, "scores.csv: of every input its bits beyond the median, its p-value, and where it is odd")
    p.add_argument("--map", metavar="DIR", help="a folder for pictures of the inputs, red where they are odd")
    p.add_argument("--data", metavar="SPEC", help="usual data to compare with; those of the run if left out")
    a_class(p, "the class of every input; a data set with classes brings its own")
    skip_bad(p)
    overwrite(p)


def run(args: argparse.Namespace) -> None:
    path, _ = target(args.out, (".csv",), args.overwrite)
    maps = target(args.map, (FOLDER,), args.overwrite)[0] if args.map else None
    import numpy as np

    from aegean.cli.models import check_size
    from aegean.config import UserError
    from aegean.data.io.odd import draw_odd
    from aegean.data.kinds import kind_of
    from aegean.data.read.files import distinct
    from aegean.files import whole_file
    from aegean.machine import pick_device
    from aegean.session.anomalies import scorer

    model = scorer(args.run, args.data, pick_device("auto"))
    model.progress = iter
    kind, info = kind_of(model.info), model.info
    if maps and kind.tiles is None:
        raise UserError(f"--map: {kind.samples} are no pictures; the column `odd` of {path} says where they are odd.")
    drawn, count, odd = [], 0, 0  # what maps are made of, which are as red as the oddest of all
    with whole_file(path) as temporary, temporary.open("x", encoding="utf-8", newline="") as file:
        lines = csv.writer(file, lineterminator="\n")
        lines.writerow(["name", "bits", "p_value", "odd"])
        for names, raw, found in scored(args, model):
            where = found.errors.cpu().numpy()
            for name, bits, p, one in zip(names, found.bits.tolist(), found.p.tolist(), where):
                lines.writerow([name, f"{bits:.2f}", f"{p:.3g}", kind.odd(one, info)])
            count, odd = count + len(raw), odd + int((found.p <= 0.05).sum())
            if maps:
                check_size(count, info)
                drawn.append((names, raw, where))
    if maps and kind.tiles:
        files = distinct((plain(name) for names, *_ in drawn for name in names), "-")
        raw, where = (np.concatenate([part[i] for part in drawn]) for i in (1, 2))
        with whole_folder(maps) as folder:
            folder.mkdir(parents=True)
            draw_odd(raw, where, files, folder, info, kind.tiles)
    tell(f"{path}: {plural(count, 'score')}; {odd:,} have p <= 0.05, of usual ones {0.05 * count:,.0f} would")


def scored(args: argparse.Namespace, model: Model) -> Iterator[tuple[list[str], np.ndarray, Anomalies]]:
    """The names, raw samples and scores of the inputs, some at a time."""
    import sys

    from tqdm import tqdm

    from aegean.cli.models import labels_of
    from aegean.data.io.inputs import labelled_blocks

    with tqdm(desc="score", unit=" samples", leave=False, delay=0.5, file=sys.stderr) as bar:
        for block in labelled_blocks(args.inputs, model.info, args.skip_bad):
            labels = labels_of(block, args, model)
            for start in range(0, len(block.raw), STEP):
                part = slice(start, start + STEP)
                x = model.info.normalise(block.raw[part])
                found = model.anomalies(x, None if labels is None else labels[part])
                bar.update(len(x))
                yield block.names[part], block.raw[part], found
