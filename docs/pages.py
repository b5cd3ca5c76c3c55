"""Pages that are made when the site is built: the home pages from the READMEs, the cards from the recipes' docstrings.

A hook of mkdocs (mkdocs.yml); `make docs` builds the site.
"""

import inspect
import re
from pathlib import Path

from aegean.recipes import RECIPES, options

ROOT = Path(__file__).parent.parent


def on_files(files, config):
    from mkdocs.structure.files import File

    made = {"index.md": home("README.md"), "index.zh.md": home("README.zh.md"), "recipes.md": cards()}
    for name, text in made.items():
        files.append(File.generated(config, name, content=text))
    return files


def on_page_markdown(markdown, page, config, files):
    """The name of a page that the site has, `docs/NAME.md`, becomes a link."""

    def link(match):
        return f"[{match[1]}]({match[1]})" if files.get_file_from_path(match[1]) else match[0]

    return re.sub(r"`docs/([\w.]+\.md)`", link, markdown)


def home(readme):
    """A README as a page of the site: what it links to lies in docs/ for one, beside the page for the other."""
    text = (ROOT / readme).read_text(encoding="utf-8")
    text = re.sub(r"\]\(docs/", "](", text)
    for name, page in (("README.md", "index.md"), ("README.zh.md", "index.zh.md")):
        text = text.replace(f"]({name})", f"]({page})")
    return text


def cards():
    """One page: what every recipe is, its papers, its expected numbers, its options."""
    about = "What `aegean recipes NAME` says, recipe by recipe. Numbers are those of one seed on a processor."
    return "\n\n".join(["# Recipes", about, *map(card, RECIPES)]) + "\n"


def card(name):
    text = inspect.getdoc(RECIPES[name])
    text = re.sub(r"\b(Papers?|Expected):", r"\n\n**\1:**", text)
    rows = [f"| `{o.name}` | `{_shown(o.default)}` | {_words(o.words)} |" for o in options(name).values()]
    table = "\n".join(["| `--set` | default | what may be given |", "|---|---|---|", *rows])
    return f"## {name}\n\n{text}\n\n    aegean train {name} --data SPEC --out runs/{name}\n\n{table}"


def _shown(default):
    if isinstance(default, tuple):
        return ",".join(map(str, default)) or "none"
    return str(default).lower() if isinstance(default, bool) else str(default)


def _words(words):
    return words.replace("|", ", ")
