"""evaluate: the scores of a model."""

from __future__ import annotations

import argparse

from aegean.cli.options import a_run, json_answer, whole
from aegean.cli.outputs import answer
from aegean.cli.parser import Parser


def options(p: Parser) -> None:
    p.examples("aegean evaluate runs/vae --count 10000")
    a_run(p)
    p.add_argument("--data", metavar="SPEC", help="measure on other data than it was trained on")
    p.add_argument("--count", type=whole(2), default=10_000, help="compare so many samples at most (default: 10000)")
    p.add_argument("--features", metavar="RUN", help="measure in the features of this run's encoder")
    json_answer(p)


def run(args: argparse.Namespace) -> None:
    import aegean
    from aegean.cli.describe import score_table
    from aegean.training.folder import score_json

    scores = aegean.evaluate(args.run, args.data, args.count, args.features)
    found = {key: score_json(score) for key, score in scores.items()}
    answer(score_table(found), {"run": args.run, "data": args.data, "scores": found}, args.json)
