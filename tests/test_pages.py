"""The documentation: its commands and its Python run as written, at smoke size; what is too long must parse."""

import re
import shutil
import tomllib

import pytest
from blocks import PAGES, ROOT, blocks, lines, make_photos, named, run_python, run_shell, words_of

from aegean.cli.parser import parse
from aegean.recipes import RECIPES, options

RUN = ["README.md", "docs/tour.md", "docs/migration.md", "docs/features.md", "docs/export.md", "docs/hub.md"]
NEEDS = {"docs/export.md": ["onnx", "onnxscript", "onnxruntime"], "docs/hub.md": ["huggingface_hub"]}
GIVEN = {"docs/export.md": ["vae"], "docs/hub.md": ["vae"]}  # runs that a page takes for granted
TRANSLATED = [("README.md", "README.zh.md"), ("docs/tour.md", "docs/tour.zh.md")]


@pytest.mark.slow
@pytest.mark.parametrize("page", RUN)
def test_what_a_page_tells_to_type_works(page, tiny_runs, tmp_path, monkeypatch, capsys):
    for library in NEEDS.get(page, []):
        pytest.importorskip(library, reason=f"{library} is not installed")
    monkeypatch.chdir(tmp_path)
    make_photos(tmp_path / "photos")
    for name in GIVEN.get(page, []):
        shutil.copytree(tiny_runs / name, tmp_path / "runs" / name)
    text = named(page)
    run_shell(text)
    run_python(text)
    if page == "README.md":
        assert "fd@digits-classifier:397" in capsys.readouterr().out


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_command_of_a_page_is_one(page):
    for line in lines(page.read_text(encoding="utf-8")):
        line = re.sub(r"^torchrun .*-m aegean ", "aegean ", line)
        if line.startswith("aegean "):
            check_command(words_of(line)[1:])
        elif line.startswith("python benchmarks/"):
            check_benchmark(words_of(line)[1:])
        elif line.startswith("make "):
            assert re.search(rf"^{words_of(line)[1]}:", named("Makefile"), re.MULTILINE), line


def check_command(words):
    """The words of a line parse; the recipe and the options that they name exist."""
    args = parse(words)
    if recipe := getattr(args, "recipe", None):
        known = options(recipe)
        for word in getattr(args, "settings", []):
            assert word.split("=")[0] in known, word
    if names := getattr(args, "recipes", None):
        for name, *settings in (entry.split(":") for entry in names.split(",")):
            assert {word.split("=")[0] for word in settings} <= set(options(name)), name


def check_benchmark(words):
    """The script is there, and says each of the options somewhere."""
    text = named(words[0]) + named("benchmarks/common.py")
    for word in words[1:]:
        assert not word.startswith("--") or f'"{word}"' in text, word


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_the_extras_and_pages_that_a_page_names_exist(page):
    text = page.read_text(encoding="utf-8")
    extras = tomllib.loads(named("pyproject.toml"))["project"]["optional-dependencies"]
    for group in re.findall(r"(?:aegean|\.)\[([\w,]+)\]", text):
        assert set(group.split(",")) <= set(extras), group
    for name in re.findall(r"\bdocs/([\w.-]+\.md)\b", text):
        assert (ROOT / "docs" / name).exists(), name


def test_every_recipe_is_in_the_readme():
    assert all(f"`{name}`" in named("README.md") for name in RECIPES)


@pytest.mark.parametrize("original,translation", TRANSLATED, ids=lambda name: name)
def test_a_translation_has_the_same_blocks_headings_pictures_and_tables(original, translation):
    ours, theirs = named(original), named(translation)
    assert [(name, uncommented(block)) for name, block in blocks(ours)] == [
        (name, uncommented(block)) for name, block in blocks(theirs)
    ]
    for pattern in (r"^(#+) ", r"!\[.*\]\((.*)\)", r"^\| (`.*?`) \|"):
        assert re.findall(pattern, ours, re.MULTILINE) == re.findall(pattern, theirs, re.MULTILINE), pattern


def uncommented(block):
    """Code without its comments, which a translation translates."""
    return [re.sub(r"\s+#.*", "", line) for line in block.splitlines()]
