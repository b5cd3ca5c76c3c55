"""play: the playground in the browser."""

from __future__ import annotations

import argparse

from aegean.web.server import serve


def play(args: argparse.Namespace) -> None:
    serve(args.runs, args.host, args.port)
