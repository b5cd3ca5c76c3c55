"""score: how odd inputs are."""

from __future__ import annotations

import argparse
import csv
import io

from aegean.cli.options import a_class, a_run, out, overwrite, skip_bad
from aegean.cli.outputs import target, tell, write
from aegean.cli.parser import Parser
from aegean.surface import plural


def options(p: Parser) -> None:
    p.examples("aegean score runs/ae new.csv --out scores.csv", "aegean score runs/ae photos/ --out scores.csv")
    a_run(p)
    p.add_argument("inputs", metavar="INPUT", nargs="+", help="images, folders, arrays, tables, or a built-in set")
    out(p, "scores.csv: of every input its bits and its p-value")
    p.add_argument("--data", metavar="SPEC", help="data that are usual; those of the run if left out")
    a_class(p, "the class of every input; a data set with classes brings its own")
    skip_bad(p)
    overwrite(p)


def run(args: argparse.Namespace) -> None:
    path, _ = target(args.out, (".csv",), args.overwrite)
    from aegean.cli.models import inputs, with_bar
    from aegean.machine import pick_device
    from aegean.session.anomalies import scorer

    model = with_bar(scorer(args.run, args.data, pick_device("auto")), "score")
    names, raw, labels = inputs(args, model)
    found = model.anomalies(model.info.normalise(raw), labels)
    text = io.StringIO()
    lines = csv.writer(text, lineterminator="\n")
    lines.writerow(["name", "bits", "p_value"])
    lines.writerows(
        [name, f"{bits:.2f}", f"{p:.3g}"] for name, bits, p in zip(names, found.bits.tolist(), found.p.tolist())
    )
    write(path, text.getvalue())
    odd = int((found.p <= 0.05).sum())
    tell(f"{path}: {plural(len(raw), 'score')}; {odd} with p <= 0.05, where {0.05 * len(raw):.0f} would be usual")
