"""The documentation: its commands and its Python run as written, at smoke size; what is too long must parse."""

import inspect
import re
import shutil
import tomllib

import numpy as np
import pytest
from blocks import (
    PAGES,
    ROOT,
    blocks,
    commands,
    lines,
    make_autoencoder,
    make_photos,
    named,
    run_page,
    words_of,
)
from scipy.io import wavfile

from aegean.cli import parse
from aegean.recipes import RECIPES, options

TRANSLATED = [("README.md", "README.zh.md"), ("docs/tour.md", "docs/tour.zh.md")]
RUN = [
    name
    for name in (str(page.relative_to(ROOT)) for page in PAGES)
    if name not in dict(TRANSLATED).values() and (blocks(named(name), "sh") or blocks(named(name), "python"))
]
NEEDS = {"docs/tables.md": "data", "docs/export.md": "onnx", "docs/hub.md": "hub", "docs/diffusers.md": "diffusers"}
LIBRARIES = {
    "data": ["pandas"],
    "onnx": ["onnx", "onnxscript", "onnxruntime"],
    "hub": ["huggingface_hub"],
    "diffusers": ["diffusers"],
}
GIVEN = {  # runs that a page takes for granted
    "docs/export.md": ["vae"],
    "docs/hub.md": ["vae"],
    "docs/interpretation.md": ["tc_vae"],
}
ELSEWHERE = {  # what a page says outside of the blocks that run, and where it is tried
    r"make ": "`make test` is what CI runs; `make docs` tests/test_site.py; `make bench` and `make demo` are long",
    r"pip install ": "an installation; tests/test_core_alone.py hides what it would bring",
    r"python benchmarks/|tensorboard --logdir": "tests/test_benchmarks.py, each with --quick; a server of its own",
    r"torchrun |aegean train .*(runs/four|runs/long)": "tests/test_processes.py, tests/training/test_engine.py",
    r"aegean play ": "tests/web, in a browser",
    r"aegean (push|pull) |aegean sample model.safetensors": "tests/integrations/test_push_pull.py",
    r"aegean (train (decoder_finetune|codec) --from sd-vae/|export runs/tuned|(de)?compress .*runs/files)": (
        "tests/integrations/test_diffusers_training.py"
    ),
    r"aegean (train beta_vae --data sprites|traverse runs/beta )": "tests/metrics/test_factors.py: sprites take long",
    r"aegean train vae --data digits --images 40k --out runs/digits": "docs/vae.md, whose blocks run",
    r"aegean train restore .*adversary=true": "tests/training/test_reach.py",
    r"aegean (train (restore|translate|unit) |translate ).*runs/(masked|both)": "tests/cli/test_translate.py",
    r"aegean (mark |detect |sample runs/marked )": "tests/trust/test_mark.py: a run of photographs takes long",
    r"aegean compare --recipes .*--data (MNIST-FOLDER|photos/ .*runs/edges)": "many runs; tests/cli has two",
}


def make_recordings(folder):
    """24 tones of half a second."""
    folder.mkdir()
    time = np.arange(8000) / 16000
    for i in range(24):
        wavfile.write(folder / f"{i}.wav", 16000, (8000 * np.sin(2 * np.pi * (200 + 20 * i) * time)).astype(np.int16))


def make_lines(file):
    """180 short sentences."""
    subjects, verbs = ("cat", "dog", "boy", "man", "bird", "hen"), ("saw", "met", "led")
    lines = [f"The {a} {b} {c}." for a in subjects for b in verbs for c in ("the house", "a fish")] * 5
    file.write_text("\n".join(lines))


def make_rows(file):
    """200 rows of two numbers and a category that go together."""
    values = np.random.default_rng(0).normal(size=200)
    lines = [f"{x:.2f},{x * x:.2f},{'up' if x > 0 else 'down'}" for x in values]
    file.write_text("\n".join(["place,square,side", *lines]))


def make_table(file):
    """300 rows of mixed columns."""
    draw = np.random.default_rng(0)
    rows = zip(draw.integers(18, 90, 300), draw.integers(0, 3, 300), draw.integers(1, 29, 300))
    lines = [
        f"{n},{'' if n % 20 == 0 else age},{('France', 'Italy', 'Spain')[where]},2010-05-{day:02},EUR"
        for n, (age, where, day) in enumerate(rows)
    ]
    file.write_text("\n".join(["id,age,country,born,currency", *lines]) + "\n")


@pytest.mark.slow
@pytest.mark.parametrize("page", RUN)
def test_what_a_page_tells_to_type_works(page, tiny_runs, tmp_path, monkeypatch, capsys):
    extra = NEEDS.get(page, "")
    for library in LIBRARIES.get(extra, []):
        pytest.importorskip(library, reason=f"{library} is not installed: pip install 'aegean[{extra}]'")
    monkeypatch.chdir(tmp_path)
    make_photos(tmp_path / "photos")
    for side in ("outlines", "drawings"):
        make_photos(tmp_path / side)
    make_recordings(tmp_path / "recordings")
    make_lines(tmp_path / "lines.txt")
    for name in ("usual", "new"):
        make_rows(tmp_path / f"{name}.csv")
    make_table(tmp_path / "table.csv")
    for name in ("one", "two"):
        shutil.copy(tmp_path / "recordings" / "0.wav", tmp_path / f"{name}.wav")
    if extra == "diffusers":
        make_autoencoder(tmp_path / "sd-vae")
    for name in GIVEN.get(page, []):
        shutil.copytree(tiny_runs / "vae", tmp_path / "runs" / name)
    others = (named(name) for name in RUN if name != page)
    known = {line for text in others for line in commands(text)} if page == "README.md" else set()
    run_page(named(page), known)
    if page == "README.md":
        assert "fd@digits-classifier:397" in capsys.readouterr().out


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_what_no_block_runs_is_tried_elsewhere(page):
    text = page.read_text(encoding="utf-8")
    inside = {line for name, block in blocks(text) if name in ("sh", "python") for line in block.splitlines()}
    for line in lines(text):
        if line not in inside and re.match(r"(aegean|make|pip|python|torchrun|tensorboard) ", line):
            assert any(re.match(known, line) for known in ELSEWHERE), line


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
        known = {*options(recipe), "canaries"}
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


@pytest.mark.parametrize("name", RECIPES)
def test_a_card_says_its_papers_and_what_to_expect_of_which_data_and_budget(name):
    text = " ".join(inspect.getdoc(RECIPES[name]).split())
    assert re.search(r"Papers?: .*\d{4}", text)
    expected = text.partition("Expected: ")[2]
    assert re.match(r"(digits|spoken digits|sprites|CIFAR-10|MNIST)\b", expected), expected
    assert re.search(r"[\d,]+ images", expected)
    assert re.search(r"(@\S+|bytes a picture|dB)", expected)


@pytest.mark.parametrize("original,translation", TRANSLATED, ids=lambda name: name)
def test_a_translation_has_the_same_blocks_headings_pictures_tables_links_and_numbers(original, translation):
    ours, theirs = named(original), named(translation)
    assert [(name, uncommented(block)) for name, block in blocks(ours)] == [
        (name, uncommented(block)) for name, block in blocks(theirs)
    ]
    for pattern in (r"^(#+) ", r"!\[.*\]\((.*)\)", r"^\| (`.*?`) \|"):
        assert re.findall(pattern, ours, re.MULTILINE) == re.findall(pattern, theirs, re.MULTILINE), pattern
    links, numbers = r"(?<!!)\[[^\]]*\]\(([^)]+)\)", r"\d+(?:[.,]\d+)*"
    targets = [sorted(link.replace(".zh", "") for link in re.findall(links, text)) for text in (ours, theirs)]
    assert targets[0] == targets[1]
    assert sorted(re.findall(numbers, ours)) == sorted(re.findall(numbers, theirs))


def uncommented(block):
    """Code without its comments, which a translation translates."""
    return [re.sub(r"\s+#.*", "", line) for line in block.splitlines()]
