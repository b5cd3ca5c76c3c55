"""attack: how easily an autoencoder is misled by a change of its input that nobody sees."""

from __future__ import annotations

import argparse
from typing import Any

from aegean.cli.options import a_run, above_zero, json_answer, training, whole
from aegean.cli.outputs import answer, table
from aegean.cli.parser import Parser

UNIT = (
    "kappa: the median move, in units of the median distance between two records; 1 turns one record into another, and "
    "an encoder that stretches nothing has that of the input. noise: the same for random changes of equal size."
)


def options(p: Parser) -> None:
    p.examples("aegean attack runs/vae --eps 0.03")
    a_run(p)
    p.add_argument(
        "--eps",
        type=above_zero,
        default=8 / 255,
        metavar="E",
        help="move each value so far at most: a share of the range, of rows deviations (default: 8/255)",
    )
    p.add_argument("--data", metavar="SPEC", help="attack other records than the held-out ones of the run")
    p.add_argument("--count", type=whole(2, 256), default=64, help="attack so many records (default: 64)")
    p.add_argument("--seed", type=whole(0), default=0, help="of the choice of records and of every draw (default: 0)")
    training(p, "device")
    p.set_defaults(device="auto")
    json_answer(p)


def run(args: argparse.Namespace) -> None:
    from aegean.trust.robustness import attack

    found = attack(args.run, args.eps, args.data, args.count, args.seed, args.device)
    answer(shown(found), found, args.json)


def shown(found: dict[str, Any]) -> str:
    """What an attack reached, on a terminal."""
    rows = {
        "input": found["input"],
        "latent": found["encoder"],
        "reconstruction": found["reconstruction"],
        "latent, planted weak encoder (control)": found["planted"],
        "latent, smoothed (attacker knows)": found["defences"]["smoothing"],
        "latent, refined (attacker does not know)": found["defences"]["refinement"],
    }
    lines = []
    for name, row in rows.items():
        price = f"{row['psnr'] - row['psnr_without']:+.2f} dB" if "psnr" in row else ""
        lines.append((name, f"{row['kappa']:.3f}", f"{row['noise']:.3f}", price))
    check, cosine = found["check"], found["planted"]["cosine"]
    return "\n".join(
        (
            f"each value of {found['records']} records moved by up to {found['eps']:.4f}",
            table(("what is moved", "kappa", "noise", "price"), lines),
            UNIT,
            f"check: the Jacobian stretches by {check['jacobian']:.3g} (power iteration), a tiny attack by "
            f"{check['attack']:.3g}; they must agree",
            f"control: the planted direction is found with a cosine of {cosine:.2f} (1: exactly)",
            "This attack is one of many: a small kappa says that it found nothing, not that there is nothing.",
        )
    )
