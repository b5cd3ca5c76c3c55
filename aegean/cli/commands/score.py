"""score: how odd inputs are, and where."""

from __future__ import annotations

import argparse
import csv
import io

from aegean.cli.options import a_class, a_run, out, overwrite, skip_bad
from aegean.cli.outputs import FOLDER, plain, target, tell, whole_folder, write
from aegean.cli.parser import Parser
from aegean.surface import plural

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

    from aegean.cli.models import inputs, with_bar
    from aegean.config import UserError
    from aegean.data.io.odd import draw_odd
    from aegean.data.kinds import kind_of
    from aegean.data.read.files import distinct
    from aegean.machine import pick_device
    from aegean.session.anomalies import scorer

    model = with_bar(scorer(args.run, args.data, pick_device("auto")), "score")
    kind = kind_of(model.info)
    if maps and kind.tiles is None:
        raise UserError(f"--map: {kind.samples} are no pictures; the column `odd` of {path} says where they are odd.")
    names, raw, labels = inputs(args, model)
    text, errors, odd = io.StringIO(), [], 0
    lines = csv.writer(text, lineterminator="\n")
    lines.writerow(["name", "bits", "p_value", "odd"])
    for start in range(0, len(raw), STEP):
        part = slice(start, start + STEP)
        found = model.anomalies(model.info.normalise(raw[part]), None if labels is None else labels[part])
        where = found.errors.cpu().numpy()
        for name, bits, p, one in zip(names[part], found.bits.tolist(), found.p.tolist(), where):
            lines.writerow([name, f"{bits:.2f}", f"{p:.3g}", kind.odd(one, model.info)])
        odd += int((found.p <= 0.05).sum())
        errors += [where] if maps else []
    write(path, text.getvalue())
    if maps and kind.tiles:
        with whole_folder(maps) as folder:
            folder.mkdir(parents=True)
            draw_odd(raw, np.concatenate(errors), distinct(map(plain, names), "-"), folder, model.info, kind.tiles)
    tell(f"{path}: {plural(len(raw), 'score')}; {odd:,} have p <= 0.05, of usual ones {0.05 * len(raw):,.0f} would")
