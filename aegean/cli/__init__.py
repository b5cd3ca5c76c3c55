"""The command line: a table of commands, each in a module of its own that is imported when it is called.

Exit status: 0 done, 1 our fault, 2 the user's, 3 stopped by a guard, 130 interrupted. Nothing here imports torch:
`aegean --help` answers at once.
"""

from __future__ import annotations

import argparse
import contextlib
import importlib
import os
import signal
import sys
from collections.abc import Sequence

from aegean.cli import faults
from aegean.cli.parser import Parser, command_line, wording
from aegean.config import UserError, nearest
from aegean.files import check_regular
from aegean.surface import Surface, settle, surface, to_stderr

COMMANDS = {  # name: summary; its parser and its function are `options` and `run` of aegean.cli.commands.NAME
    "recipes": "list the recipes, or show one with its options",
    "train": "train a recipe on data, or resume a run",
    "sample": "draw samples from a model",
    "reconstruct": "reconstruct images, rows or a data set",
    "impute": "fill the gaps of a table",
    "restore": "repair images of any size: noise, blur, low resolution, JPEG, holes",
    "translate": "turn images of one side into those of the other",
    "encode": "turn inputs into latents",
    "levels": "show what each level adds, from the top downwards",
    "traverse": "follow directions in latent space",
    "decode": "turn latents into images or rows",
    "compress": "write images of any size into one small file",
    "decompress": "turn such a file into images again",
    "fit": "fit a prior to a run's latents, so that it samples",
    "score": "tell how odd inputs are: anomalies, their p-values and where they are",
    "evaluate": "score a model against held-out data",
    "audit": "tell what a model gives away of the records it was trained on",
    "mark": "make a model whose pictures carry a mark that a key can read",
    "detect": "tell whether pictures carry the mark of a key",
    "attack": "tell how easily an autoencoder is misled",
    "compare": "write a report that compares runs, or train recipes to compare",
    "play": "play with models in the browser",
    "info": "tell what a run, model file, .aeg file or exported file is",
    "export": "write a part of a model as ONNX or as a torch.export archive, or the whole for diffusers",
    "push": "put a model on the Hugging Face Hub, with a generated card",
    "pull": "fetch a model from the Hugging Face Hub",
}
RUNS = ("run", "runs", "resume", "source", "model", "features")  # parameters that name runs
MADE = ("train", "compare")  # commands that make runs


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command line (default: the program's own) and return its exit status."""
    if isinstance(argv, str):
        raise TypeError("argv is a list of words")
    for stream in (sys.stdout, sys.stderr):  # names of files need not be printable
        with contextlib.suppress(AttributeError, ValueError):
            stream.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]
    if argv is None:
        with contextlib.suppress(ValueError):  # not the main thread
            signal.signal(signal.SIGTERM, signal.default_int_handler)  # wherever it comes, it ends as Ctrl-C does
    args, before = argparse.Namespace(), surface()
    try:
        run(parse(sys.argv[1:] if argv is None else list(argv), args))
        return faults.DONE
    except SystemExit:  # --help and --version
        return faults.DONE
    except BaseException as error:
        return faults.status(error, args)
    finally:
        settle(before)


def run(args: argparse.Namespace) -> None:
    """Carry out a parsed command line. UserError and other exceptions are left to the caller."""
    if args.command != "train" and int(os.environ.get("WORLD_SIZE", "1")) > 1:
        raise UserError(f"`aegean {args.command}` works in one process; torchrun is for `aegean train`.")
    for name, value in vars(args).items():
        for word in value if isinstance(value, list) else [value]:
            if isinstance(word, str):
                check_regular(word)
                check_name(word, name in RUNS or (name == "out" and args.command in MADE))
    settle(Surface(wording(args.command, parser_of), to_stderr, commands=True))
    module(args.command).run(args)


def check_name(word: str, of_run: bool) -> None:
    """UserError: a run's name that is no UTF-8, which the libraries that read and write its files cannot say."""
    try:
        word.encode()
    except UnicodeEncodeError:
        if of_run:
            raise UserError(f"{word}: this name is no UTF-8, as that of a run must be; choose another.") from None


def parse(argv: list[str], args: argparse.Namespace | None = None) -> argparse.Namespace:
    """Words of a command line -> what was given, with `command` the command's name.

    UserError: an unknown command or option (the nearest names are offered), a missing or malformed value.
    SystemExit: --help and --version, after printing.
    """
    args = argparse.Namespace() if args is None else args
    if not argv or argv[0] == "help":
        argv = [*argv[1:], "--help"]
    name = argv[0]
    if name.startswith("-"):
        return command_line(COMMANDS).read(argv, args)
    if name not in COMMANDS:
        raise UserError(f"There is no command {name!r}.{nearest(name, COMMANDS)}")
    args.command = name
    return parser_of(name).read(argv[1:], args)


def parser_of(name: str) -> Parser:
    """The parser of a command."""
    parser = Parser(prog=f"aegean {name}", description=f"{COMMANDS[name][0].upper()}{COMMANDS[name][1:]}.")
    module(name).options(parser)
    return parser


def module(name: str):
    return importlib.import_module(f"aegean.cli.commands.{name}")
