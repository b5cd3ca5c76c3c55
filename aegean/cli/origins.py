"""What commands put into the files of samples that they write: where these come from."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from aegean.cli.parser import Parser
from aegean.surface import say

if TYPE_CHECKING:
    from aegean.data.io.origin import Origin
    from aegean.model import Model


def mark(p: Parser) -> None:
    p.add_argument(
        "--no-mark", action="store_true", default=False, help="leave out of the files that a model has made them"
    )


def origin(args: argparse.Namespace, model: Model, seed: int | None = None, given: bool = False) -> Origin | None:
    """What the files say; None where the user wants them to say nothing.

    seed: that samples are drawn with. given: they begin with samples of the user's.
    """
    from aegean.data.io.origin import COMPOSITE, GENERATED, Origin

    if args.no_mark:
        say("note: the files do not say that a model has made them; the law may ask for it (Art. 50 of the EU AI Act)")
        return None
    return Origin(COMPOSITE if given else GENERATED, model.fingerprint, seed)
