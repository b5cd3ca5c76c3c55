"""detect: whether pictures carry the mark of a key."""

from __future__ import annotations

import argparse

from aegean.cli.options import json_answer
from aegean.cli.outputs import answer, table
from aegean.cli.parser import Parser


def options(p: Parser) -> None:
    p.examples("aegean detect a.png b.jpg --key my.key")
    p.add_argument("files", metavar="FILE", nargs="+", help="pictures, folders or zips of them")
    p.add_argument("--key", required=True, metavar="FILE", help="the key that the model was marked with")
    json_answer(p)


def run(args: argparse.Namespace) -> None:
    from aegean.trust.marking import detect

    found = detect(args.files, args.key)
    lines = [
        (one["file"], one["bits"], f"{one['agreeing']} of {found['bits']}", f"{one['p']:.2g}") for one in found["files"]
    ]
    text = "\n".join(
        (
            table(("picture", "bits", "that agree", "p"), lines),
            f"all together: p = {found['pooled']:.2g}",
            "p: the chance that a picture without the mark agrees as well, at most. A large p is no proof that a "
            "picture was made otherwise.",
        )
    )
    answer(text, found, args.json)
