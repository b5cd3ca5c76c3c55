"""What the documentation's pages tell a reader to type, and how it is run at smoke size."""

import re
import shlex
from pathlib import Path

import numpy as np
from PIL import Image

from aegean.cli import main
from aegean.recipes import options

ROOT = Path(__file__).parent.parent
PAGES = sorted([ROOT / "README.md", ROOT / "README.zh.md", *(ROOT / "docs").glob("*.md")])
SMALL = ["width=8", "latent=4", "batch=16"]
STEPS = 30  # 250 thousand images of a page become so many batches of 16


def named(name):
    """The text of a page."""
    return (ROOT / name).read_text(encoding="utf-8")


def blocks(text, language=None):
    """The fenced blocks of a page: of one language, or (language, block) of all."""
    found = re.findall(r"^```(\w*)\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)
    return found if language is None else [block for name, block in found if name == language]


def lines(text):
    """Every line of a page that is code: in a fence, whatever its language, or indented after an empty line."""
    found, fenced, code = [], False, False
    for before, line in zip(["", *text.splitlines()], text.splitlines()):
        if line.startswith("```"):
            fenced = not fenced
        elif fenced:
            found.append(line)
        else:
            code = line.startswith("    ") and (code or not before.strip())
            found += [line[4:]] if code else []
    return found


def shrunk(text):
    """Budgets at smoke size, in the same order; at least 10 batches."""
    return re.sub(r"\b(\d+)(k|_000)\b", lambda m: str(16 * max(STEPS * int(m[1]) // 250, 10)), text)


def commands(text):
    """The lines of a page's `sh` blocks, without budgets and comments."""
    found = "".join(blocks(text, "sh")).splitlines()
    return [re.sub(r" --images \S+", "", re.sub(r"\s+#.*", "", line)) for line in found]


def words_of(line):
    """A line of shell in words, without its comment."""
    return shlex.split(line, comments=True)


def run_page(text, known=frozenset()):
    """Carry out the `sh` and `python` blocks of a page in the current folder, in order; but no block of shell whose
    commands are all known to work."""
    for language, block in blocks(text):
        if language == "sh" and not known.issuperset(commands(f"```sh\n{block}```\n")):
            run_shell(block)
        elif language == "python":
            exec(shrunk(block), {"__name__": "page"})


def run_shell(text):
    """Carry out lines of shell, trainings narrow and short; the files that they name as outputs must then be there."""
    outputs = []
    for line in text.splitlines():
        words = words_of(shrunk(line))
        assert words[0] == "aegean", line
        if "--out" in words:
            outputs.append(words[words.index("--out") + 1])
        if words[1] == "train" and "--resume" not in words:
            known = [word for word in SMALL if word.split("=")[0] in options(words[2]) and not given(word, words)]
            images = "800" if "--from" in words else "160"  # what was inherited is part of a budget
            words += ["--set", *known] + ([] if "--images" in words else ["--images", images])
        if "--recipes" in words:
            words[words.index("--recipes") + 1] = "vae"  # the default widths are slow; compare has its own tests
        assert main(words[1:]) == 0, line
    assert [name for name in outputs if not Path(name).exists()] == []


def given(setting, words):
    """Whether a setting of SMALL is on the line already, as name=value or as --name."""
    name = setting.split("=")[0]
    return f"--{name}" in words or any(word.startswith(f"{name}=") for word in words)


def make_photos(folder, count=40):
    """A folder of pictures of noise, 16x16."""
    folder.mkdir()
    noise = np.random.default_rng(0)
    for i in range(count):
        Image.fromarray(noise.integers(0, 255, (16, 16, 3), np.uint8)).save(folder / f"{i}.png")


def make_autoencoder(folder):
    """A small AutoencoderKL of diffusers, random values, for pictures of 16x16."""
    import torch
    from diffusers import AutoencoderKL

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(3)
        AutoencoderKL(
            block_out_channels=(8, 16),
            down_block_types=("DownEncoderBlock2D",) * 2,
            up_block_types=("UpDecoderBlock2D",) * 2,
            norm_num_groups=4,
            sample_size=16,
        ).save_pretrained(folder)
