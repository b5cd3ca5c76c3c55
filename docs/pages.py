"""Pages that are made when the site is built: the home pages from the READMEs, the cards from the recipes' docstrings,
the commands from their parsers.

A hook of mkdocs (mkdocs.yml); `make docs` builds the site.
"""

import inspect
import re
from pathlib import Path

from aegean.cli.parser import make_parser
from aegean.recipes import RECIPES, options

ROOT = Path(__file__).parent.parent
COPIED = {"README.md": "index.md", "README.zh.md": "index.zh.md", "CONTRIBUTING.md": "contributing.md"}


def on_files(files, config):
    from mkdocs.structure.files import File

    made = {page: copied(name) for name, page in COPIED.items()} | {"recipes.md": cards(), "commands.md": commands()}
    for name, text in made.items():
        files.append(File.generated(config, name, content=text))
    return files


def on_page_markdown(markdown, page, config, files):
    """The name of a page that the site has, `docs/NAME.md`, becomes a link."""

    def link(match):
        return f"[{match[1]}]({match[1]})" if files.get_file_from_path(match[1]) else match[0]

    return re.sub(r"`docs/([\w.]+\.md)`", link, markdown)


def copied(name):
    """A file of the root as a page: what it links to lies in docs/ for the one, beside the page for the other."""
    text = (ROOT / name).read_text(encoding="utf-8").replace("](docs/", "](")
    for other, page in COPIED.items():
        text = text.replace(f"]({other})", f"]({page})")
    return text


def cards():
    """One page: what every recipe is, its papers, its expected numbers, its options."""
    about = (
        "What `aegean recipes NAME` says, recipe by recipe. Expected numbers are those of seed 0 on processor cores, "
        "the options at their defaults, unless they say more. Floors are what real data reach."
    )
    return "\n\n".join(["# Recipes", about, *map(card, RECIPES)]) + "\n"


def card(name):
    text = inspect.getdoc(RECIPES[name])
    text = re.sub(r"\b(Papers?|Expected):", r"\n\n**\1:**", text)
    rows = [f"| `{o.name}` | `{_shown(o.default)}` | {_words(o.words)} |" for o in options(name).values()]
    table = "\n".join(["| `--set` | default | what may be given |", "|---|---|---|", *rows])
    return f"## {name}\n\n{text}\n\n    aegean train {name} --data SPEC --out runs/{name}\n\n{table}"


def commands():
    """One page: what may be written on the command line, command by command."""
    about = "What `aegean COMMAND --help` says. Errors are one sentence, and exit status 2 is something you can mend."
    return "\n\n".join(["# Commands", about, *map(command, make_parser()[1].values())]) + "\n"


def command(parser):
    name = parser.prog.removeprefix("aegean ")
    example = parser.epilog.replace("example:\n", "").replace("\n  ", "\n    ").strip()
    rows = [f"| `{_written(action)}` | {_words(action.help)} |" for action in parser._actions if action.dest != "help"]
    table = "\n".join(["| option | what it is |", "|---|---|", *rows])
    return f"## {name}\n\n{parser.description}\n\n    {example}\n\n{table}"


def _written(action):
    """An argument as it is written: --out RUN."""
    value = action.metavar or "|".join(action.choices or ()) or action.dest.upper()
    value = " ".join(value) if isinstance(value, tuple) else value
    return _words(f"{', '.join(action.option_strings)}{'' if action.nargs == 0 else f' {value}'}".strip())


def _shown(default):
    if isinstance(default, tuple):
        return ",".join(map(str, default)) or "none"
    return str(default).lower() if isinstance(default, bool) else str(default)


def _words(words):
    return words.replace("|", ", ")
