"""With no optional library to be found, the core imports and works, and each missing extra says its one line."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
HIDDEN = ["gradio", "diffusers", "huggingface_hub", "onnx", "onnxruntime", "onnxscript", "datasets", "pandas",
          "playwright", "c2pa", "mkdocs", "mkdocstrings", "material", "soundfile"]  # fmt: skip
# modules that are imported only once their library is known to be there
BEHIND = {f"aegean.web.{name}": "gradio" for name in ("app", "before_after", "panels", "tabs")}
ALONE = f"""
import sys
from importlib.machinery import PathFinder

class Without:
    def find_spec(name, path=None, target=None):
        return None if name.partition(".")[0] in {HIDDEN} else PathFinder.find_spec(name, path, target)

sys.meta_path = [Without if finder is PathFinder else finder for finder in sys.meta_path]
"""
IMPORT_ALL = """
import importlib, json, pkgutil
import aegean

names = [module.name for module in pkgutil.walk_packages(aegean.__path__, "aegean.", onerror=lambda name: None)]
failed = {}
for name in names:
    if name == "aegean.__main__":
        continue
    try:
        importlib.import_module(name)
    except ImportError as error:
        failed[name] = error.name
print(json.dumps([len(names), failed]))
"""
COMMANDS = """
import contextlib, io, json, sys
import numpy as np
from aegean.cli import main
from aegean.sklearn import AutoencoderTransformer

x = np.random.default_rng(0).normal(size=(50, 4))
assert AutoencoderTransformer(n_components=2, images=320, random_state=0).fit(x).transform(x).shape == (50, 2)
answers = []
for words in json.loads(sys.argv[1]):
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        status = main(words)
    answers.append([status, out.getvalue(), err.getvalue()])
print(json.dumps(answers))
"""

HINTS = {
    "gradio: pip install 'aegean[web]'": ["play", "runs/vae", "--port", "0"],
    "c2pa-python: pip install 'aegean[c2pa]'": [
        "sample",
        "runs/vae",
        "--out",
        "s.png",
        "--sign",
        "cert.pem",
        "key.pem",
    ],
    "onnx: pip install 'aegean[onnx]'": ["export", "runs/vae", "--part", "encoder", "--out", "encoder.onnx"],
    "huggingface_hub: pip install 'aegean[hub]'": ["push", "runs/vae", "ada/digits", "--licence", "mit"],
    "The Hub needs the library huggingface_hub": ["pull", "ada/digits", "--out", "model.safetensors"],
    "diffusers need the library: pip install 'aegean[diffusers]'": [
        "train",
        "decoder_finetune",
        "--from",
        "folder",
        "--data",
        "digits",
        "--out",
        "runs/other",
    ],
    "datasets: pip install 'aegean[data]'": ["train", "vae", "--data", "hub:ada/digits", "--out", "runs/other"],
}
WORKS = [
    ["train", "vae", "--data", "digits", "--out", "runs/new", "--images", "64", "--set", "width=4", "batch=16"],
    ["sample", "runs/vae", "--out", "samples.png"],
    ["reconstruct", "runs/vae", "digits", "--out", "reconstructions.png"],
    ["traverse", "runs/vae", "--out", "directions.png"],
    ["evaluate", "runs/vae", "--count", "100"],
    ["export", "runs/vae", "--part", "generator", "--out", "generator.pt2"],
    ["compare", "runs/vae", "--out", "report.html"],
]


def alone(code, *words, cwd):
    """Run Python without the optional libraries: (status, stdout, stderr)."""
    known = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])}
    command = [sys.executable, "-c", ALONE + code, *words]
    done = subprocess.run(command, cwd=cwd, env=known, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout, done.stderr


@pytest.fixture
def folder(tiny_runs, tmp_path):
    """A folder with runs/vae in it, and a folder of diffusers without its weights."""
    (tmp_path / "runs").mkdir()
    (tmp_path / "runs" / "vae").symlink_to(tiny_runs / "vae")
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "config.json").write_text('{"_class_name": "AutoencoderKL"}')
    return tmp_path


@pytest.mark.slow
def test_every_module_of_the_core_imports(tmp_path):
    status, out, err = alone(IMPORT_ALL, cwd=tmp_path)
    assert status == 0, err
    count, failed = json.loads(out.splitlines()[-1])
    assert count > 100
    assert failed == BEHIND


@pytest.mark.slow
def test_the_core_works_and_a_missing_extra_says_its_one_line(folder):
    """Estimators and commands, one after the other in one process."""
    status, out, err = alone(COMMANDS, json.dumps([*WORKS, *HINTS.values()]), cwd=folder)
    assert status == 0, err
    answers = json.loads(out.splitlines()[-1])
    for words, (status, _, err) in zip(WORKS, answers):
        assert status == 0, (words, err)
    for hint, (status, out, err) in zip(HINTS, answers[len(WORKS) :]):
        assert (status, out) == (2, "") and "Traceback" not in err, err
        last = err.strip().splitlines()[-1]
        assert last.startswith("aegean: error: ") and hint in last, err
