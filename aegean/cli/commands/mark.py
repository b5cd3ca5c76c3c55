"""mark: a model whose pictures carry a mark that only a key can read."""

from __future__ import annotations

import argparse
from typing import Any

from aegean.cli.options import a_run, json_answer, overwrite, whole
from aegean.cli.outputs import FOLDER, answer, facts, table, target
from aegean.cli.parser import Parser


def options(p: Parser) -> None:
    p.examples("aegean mark runs/vae --key my.key --out runs/marked", "aegean detect samples/ --key my.key")
    a_run(p)
    p.add_argument("--key", required=True, metavar="FILE", help="the secret; made where there is none")
    p.add_argument("--out", required=True, help="folder/ or model.safetensors")
    p.add_argument("--seed", type=whole(0), default=0, help="of the pictures that it is tried on (default: 0)")
    overwrite(p)
    json_answer(p)


def run(args: argparse.Namespace) -> None:
    path, _ = target(args.out, (".safetensors", FOLDER), args.overwrite)
    from aegean.trust.marking import mark

    found = mark(args.run, args.key, path, args.seed)
    answer(shown(found), found, args.json)


def shown(found: dict[str, Any]) -> str:
    """What a mark survives, on a terminal."""
    head = ("after", "bits that are right", "p of one picture", "p of 8, the worst group")
    lines = [
        (name, f"{one['bits']:.1%}", f"{one['p']:.1g}", f"{one['pooled']:.1g}")
        for name, one in found["attacks"].items()
    ]
    names = {"without_mark": "pictures without the mark", "held_out": "held-out data", "wrong_keys": "wrong keys"}
    alarms = [
        (words, f"{one['alarms']} alarms in {one['pictures']}; {one['level']:.0%} at most are promised")
        for name, words in names.items()
        if (one := found.get(name))
    ]
    return "\n".join(
        (
            f"{found['out']}: pictures carry {found['bits']} bits, at {found['psnr']:.1f} dB to those without",
            table(head, lines),
            facts(alarms),
            "The key lies in the model, too: whoever holds the model file can read the mark and take it off.",
        )
    )
