"""play: the playground in the browser."""

from __future__ import annotations

import argparse

from aegean.cli.options import whole
from aegean.cli.parser import Parser


def options(p: Parser) -> None:
    p.examples("aegean play runs/vae runs/codec")
    p.add_argument("runs", metavar="RUN", nargs="+", help="run folders or model files; several are shown side by side")
    p.add_argument("--host", default="127.0.0.1", help="listen on this address (default: 127.0.0.1, this machine)")
    p.add_argument("--port", type=whole(0, 65535), default=7860, help="0 for any free one (default: 7860)")


def run(args: argparse.Namespace) -> None:
    from aegean.web.server import serve

    serve(args.runs, args.host, args.port)
