"""The README's commands and its Python run as written, at smoke size."""

import pathlib
import re
import shlex

import numpy as np
import pytest
from PIL import Image

from aegean.cli import main
from aegean.recipes import options

README = (pathlib.Path(__file__).parent.parent / "README.md").read_text()
SMALL = ["width=8", "latent=4", "batch=16"]
STEPS = 60  # the README's thousands of images become so many batches of 16, at most


def blocks(language):
    return re.findall(rf"```{language}\n(.*?)```", README, re.DOTALL)


def shrunk(text):
    """A budget of the README at smoke size, in the same order."""
    return re.sub(r"\b(\d+)k\b", lambda m: str(16 * STEPS * int(m[1]) // 250), text)


@pytest.mark.slow
def test_the_commands_of_the_readme(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "photos").mkdir()
    noise = np.random.default_rng(0)
    for i in range(40):
        Image.fromarray(noise.integers(0, 255, (16, 16, 3), np.uint8)).save(tmp_path / "photos" / f"{i}.png")
    for line in "".join(blocks("sh")).splitlines():
        words = shlex.split(shrunk(line))
        assert words[0] == "aegean"
        if words[1] == "train" and "--resume" not in words:
            known = [word for word in SMALL if word.split("=")[0] in options(words[2])]
            words += ["--set", *known] + ([] if "--images" in words else ["--images", "960"])
        if "--recipes" in words:
            words[words.index("--recipes") + 1] = "vae"  # the default widths are slow; compare has its own tests
        assert main(words[1:]) == 0, line
    for name in (
        "samples.png",
        "sevens.png",
        "reconstructions.png",
        "latents.npz",
        "decoded",
        "report.html",
        "redrawn.png",
        "floors.png",
    ):
        assert (tmp_path / name).exists(), name


@pytest.mark.slow
def test_the_python_of_the_readme(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (code,) = blocks("python")
    exec(shrunk(code), {})
    assert "fd@digits-classifier:397" in capsys.readouterr().out


def test_every_recipe_is_in_the_readme():
    from aegean.recipes import RECIPES

    assert all(f"`{name}`" in README for name in RECIPES)
