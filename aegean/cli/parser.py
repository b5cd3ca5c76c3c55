"""argparse in the manner of this command line; nothing here waits for torch."""

from __future__ import annotations

import argparse
import re
from collections.abc import Callable, Mapping
from typing import Any, NoReturn

from aegean import __version__
from aegean.cli.outputs import written
from aegean.config import UserError, nearest

EXAMPLE = """\
example, about a minute on two cores:
  aegean train vae --data digits --out runs/vae
  aegean sample runs/vae --out samples.png
  aegean evaluate runs/vae

exit status: 0 done, 1 a fault of aegean, 2 something you can mend, 3 stopped by a guard, 130 interrupted"""
SETTINGS = {"train": "--set {}", "compare": "--recipes NAME:{}"}  # how these write a recipe's own options


class Parser(argparse.ArgumentParser):
    """argparse that raises UserError, takes no abbreviations, and keeps examples as they are written."""

    def __init__(self, **kwargs: Any):
        super().__init__(allow_abbrev=False, formatter_class=argparse.RawDescriptionHelpFormatter, **kwargs)
        self._negative_number_matcher = re.compile(r"-(\d|\.\d|inf|nan)")  # values, not options: -1e-3 too

    def error(self, message: str) -> NoReturn:
        raise UserError(f"{message.removeprefix('argument ')} (see `{self.prog} --help`).")

    def _print_message(self, message: str, file: Any = None) -> None:
        if message and file:
            with written():  # argparse itself hides what could not be written
                print(message, end="", file=file, flush=True)

    def examples(self, *lines: str) -> None:
        """Show these below the help."""
        self.epilog = "\n  ".join(("example:", *lines))

    def known(self) -> list[str]:
        """Its options, by their long names."""
        return [name for action in self._actions for name in action.option_strings if name.startswith("--")]

    def spelling(self) -> dict[str, str]:
        """What its parameters are called on the command line: {"source": "--from", ...}."""
        return {
            a.dest: next(s for s in a.option_strings if s in self.known()) for a in self._actions if a.option_strings
        }

    def read(self, argv: list[str], args: argparse.Namespace) -> argparse.Namespace:
        """Words -> their values, in `args`. UserError and SystemExit as `aegean.cli.parse`."""
        for word in argv[: argv.index("--")] if "--" in argv else argv:
            option = word.partition("=")[0]
            if option.startswith("--") and option not in self.known():
                raise UserError(f"`{self.prog}` has no option {option}.{nearest(option, self.known())}")
        _, rest = self.parse_known_args(argv, args)
        if rest:
            raise UserError(f"{rest[0]!r} was not expected here (see `{self.prog} --help`).")
        return args


def command_line(commands: Mapping[str, str]) -> Parser:
    """The parser of a line that names no command: its help lists them, by name and summary."""
    parser = Parser(prog="aegean", description="Autoencoders and GANs that help each other.", epilog=EXAMPLE)
    parser.add_argument("--version", action="version", version=f"aegean {__version__}")
    subparsers = parser.add_subparsers(dest="command", metavar="COMMAND", required=True, title="commands")
    for name, summary in commands.items():
        subparsers.add_parser(name, help=summary)
    return parser


def wording(command: str, parser_of: Callable[[str], Parser]) -> Callable[[str, str], str]:
    """How a parameter of the library is written on the line of a command (`Surface.option`): as the command's option,
    as an option of a recipe, or as an option of `train`."""
    own = parser_of(command).spelling()

    def option(name: str, value: str) -> str:
        if name not in own and command in SETTINGS:
            return SETTINGS[command].format(f"{name}={value}" if value else f"{name}=...")
        known = own if name in own else parser_of("train").spelling()
        if name not in known:
            return SETTINGS["train"].format(f"{name}={value}" if value else f"{name}=...")
        value = re.sub(r"[(),]", "", value) if name == "range" else value
        return known[name] if value in ("", "True") else f"{known[name]} {value}"

    return option
