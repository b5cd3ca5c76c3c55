"""fit: a prior to the latents of a run."""

from __future__ import annotations

import argparse
import shlex

from aegean.cli.outputs import tell
from aegean.cli.parser import Parser


def options(p: Parser) -> None:
    p.examples("aegean fit runs/ae --prior mixture")
    p.add_argument("run", metavar="RUN", help="a run folder")
    p.add_argument("--prior", metavar="NAME", required=True, help="fit mixture, mapping, whitening or gaussian")


def run(args: argparse.Namespace) -> None:
    import aegean
    from aegean.integrations.kinds import words_of

    model = aegean.fit_prior(args.run, args.prior)
    place, samples = shlex.quote(args.run), f"samples{words_of(model.info).written}"
    tell(f"{args.run}: a {args.prior} prior is fitted to its latents; now: aegean sample {place} --out {samples}")
