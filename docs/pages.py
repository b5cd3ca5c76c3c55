"""Pages generated when the site is built: home pages from the READMEs, recipe cards from docstrings, commands from
their parsers.

A hook of mkdocs (mkdocs.yml); `make docs` builds the site.
"""

import re
from pathlib import Path

from aegean.cli import COMMANDS, parser_of
from aegean.recipes import RECIPES, options
from aegean.recipes.registry import documentation, find

ROOT = Path(__file__).parent.parent
COPIED = {"README.md": "index.md", "README.zh.md": "index.zh.md", "CONTRIBUTING.md": "contributing.md"}


def on_files(files, config):
    from mkdocs.structure.files import File

    made = {page: copied(name) for name, page in COPIED.items()} | {"recipes.md": cards(), "commands.md": commands()}
    for name, text in made.items():
        files.append(File.generated(config, name, content=text))
    return files


def on_page_markdown(markdown, page, config, files):
    """Turn `docs/NAME.md` into a link if the site has that page."""

    def link(match):
        return f"[{match[1]}]({match[1]})" if files.get_file_from_path(match[1]) else match[0]

    return re.sub(r"`docs/([\w.]+\.md)`", link, markdown)


def copied(name):
    """A file of the repository's root as a page, with its links to docs/ made relative to the page."""
    text = (ROOT / name).read_text(encoding="utf-8").replace("](docs/", "](")
    for other, page in COPIED.items():
        text = text.replace(f"]({other})", f"]({page})")
    return text


def cards():
    """One page with the card of every recipe: summary, papers, expected results, settings."""
    about = (
        "The output of `aegean recipes NAME` for every recipe. Unless stated otherwise, expected results are those of "
        "seed 0 with default settings on CPUs. A floor is the score of real data."
    )
    return "\n\n".join(["# Recipes", about, *map(card, RECIPES)]) + "\n"


def card(name):
    text = re.sub(r"\b(Papers?|Expected):", r"\n\n**\1:**", documentation(find(name))[0])
    rows = [f"| `{o.name}` | `{o.text or 'none'}` | {o.help} | {_words(o.words)} |" for o in options(name).values()]
    table = "\n".join(["| `--set` | default | description | values |", "|---|---|---|---|", *rows])
    return f"## {name}\n\n{text}\n\n    aegean train {name} --data SPEC --out runs/{name}\n\n{table}"


def commands():
    """One page with all commands and their options."""
    about = (
        "The output of `aegean COMMAND --help` for every command. Exit status 2 means an error that you can fix; "
        "the message says how."
    )
    return "\n\n".join(["# Commands", about, *map(command, map(parser_of, COMMANDS))]) + "\n"


def command(parser):
    name = parser.prog.removeprefix("aegean ")
    example = parser.epilog.replace("example:\n", "").replace("\n  ", "\n    ").strip()
    rows = [f"| `{_written(action)}` | {_words(action.help)} |" for action in parser._actions if action.dest != "help"]
    table = "\n".join(["| option | description |", "|---|---|", *rows])
    return f"## {name}\n\n{parser.description}\n\n    {example}\n\n{table}"


def _written(action):
    """An argument as a user types it: --out RUN."""
    value = action.metavar or "|".join(action.choices or ()) or action.dest.upper()
    value = " ".join(value) if isinstance(value, tuple) else value
    return _words(f"{', '.join(action.option_strings)}{'' if action.nargs == 0 else f' {value}'}".strip())


def _words(words):
    return words.replace("|", ", ")
