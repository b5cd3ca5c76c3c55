"""What commands put into the files of samples that they write: where these come from."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from aegean.cli.parser import Parser
from aegean.config import UserError
from aegean.surface import say

if TYPE_CHECKING:
    from aegean.data.io.origin import Origin
    from aegean.model import Model


SIGNED = ("", ".png", ".jpg", ".jpeg", ".wav")  # "": a folder, of files that may have such endings


def mark(p: Parser) -> None:
    p.add_argument(
        "--sign",
        nargs=2,
        metavar=("CERTIFICATE", "KEY"),
        help="sign PNG, JPEG and WAV files (C2PA) with your certificate and its private key, both PEM, offline",
    )
    p.add_argument(
        "--no-mark", action="store_true", default=False, help="leave out of the files that a model has made them"
    )


def origin(args: argparse.Namespace, model: Model, seed: int | None = None, given: bool = False) -> Origin | None:
    """What the files say; None where the user wants them to say nothing.

    seed: that samples are drawn with. given: they begin with samples of the user's. UserError: they cannot be signed.
    """
    from aegean.data.io.origin import COMPOSITE, GENERATED, Origin

    if args.no_mark and args.sign:
        raise UserError("--sign signs what a file says of its origin, so leave --no-mark out.")
    if args.sign and Path(args.out).suffix not in SIGNED:
        raise UserError(f"--sign: {args.out} cannot be signed; PNG, JPEG and WAV files can.")
    if args.no_mark:
        say("note: the files do not say that a model has made them; the law may ask for it (Art. 50 of the EU AI Act)")
        return None
    sign = None
    if args.sign:
        from aegean.data.io.signed import signing

        sign = signing(*args.sign)
    return Origin(COMPOSITE if given else GENERATED, model.fingerprint, seed, sign)
