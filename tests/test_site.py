"""The documentation as a site: it builds without a warning, asks nothing of the internet, has a card a recipe."""

import os
import re
import subprocess
import sys

import pytest
from blocks import ROOT
from needs import needs

import aegean
from aegean import sklearn
from aegean.cli import COMMANDS, parser_of
from aegean.recipes import RECIPES, options

pytestmark = [pytest.mark.slow, needs("mkdocs", "material", "mkdocstrings")]


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """The folder of the built site."""
    folder = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(folder)]
    done = subprocess.run(
        command, cwd=ROOT, env={**os.environ, "NO_MKDOCS_2_WARNING": "1"}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return folder


def test_no_page_fetches_anything_from_elsewhere(site):
    for page in site.rglob("*.html"):
        tags = re.findall(r"<(?:script|link|img|iframe|source|use)\b[^>]*>", page.read_text(encoding="utf-8"))
        assert tags
        assert [tag for tag in tags if re.search(r"""\b(?:src|href)=["']?(?:https?:)?//""", tag)] == [], page.name
    for sheet in site.rglob("*.css"):
        text = sheet.read_text(encoding="utf-8")
        assert not re.search(r"@import|url\(['\"]?(?:https?:)?//", text), sheet.name


def test_every_recipe_has_its_card_with_all_its_options(site):
    page = (site / "recipes.html").read_text(encoding="utf-8")
    for name in RECIPES:
        card = page.split(f'<h2 id="{name}">')[1].split("<h2 ")[0]
        assert "<table>" in card and f"train {name} " in re.sub(r"<[^>]*>", "", card)
        assert all(f"<code>{option}</code>" in card for option in options(name)), name


def test_the_home_page_shows_its_pictures_and_links_to_pages_of_the_site(site):
    for home in ("index.html", "index.zh.html"):
        page = (site / home).read_text(encoding="utf-8")
        assert 'src="pictures/playground.png"' in page
        assert 'href="codec.html"' in page and "docs/codec.md" not in page and 'href="contributing.html"' in page


def test_every_command_is_told_with_its_options(site):
    page = (site / "commands.html").read_text(encoding="utf-8")
    for name, parser in ((name, parser_of(name)) for name in COMMANDS):
        part = page.split(f'<h2 id="{name}">')[1].split("<h2 ")[0]
        told = re.sub("</?code>", " ", part)
        assert [option for option in parser.known() if f" {option}" not in told] == ["--help"], name


def test_the_reference_has_the_whole_public_api(site):
    page = (site / "reference.html").read_text(encoding="utf-8")
    names = [f"aegean.{name}" for name in aegean.__all__] + [f"aegean.sklearn.{name}" for name in sklearn.__all__]
    for name in names:
        assert re.search(rf'id="[\w.]*\.?{name.rpartition(".")[2]}"', page), name
    for verb in ("encode", "decode", "reconstruct", "sample", "score", "levels", "redraw", "compress", "decompress"):
        assert f'id="aegean.model.model.Model.{verb}"' in page, verb


def test_the_reference_says_what_functions_are_for(site):
    text = re.sub(r"<[^>]*>", "", (site / "reference.html").read_text(encoding="utf-8"))
    for words in ("Train a recipe on data into the new run folder", "Scores of a run", "AutoencoderTransformer"):
        assert words in re.sub(r"\s+", " ", text), words
