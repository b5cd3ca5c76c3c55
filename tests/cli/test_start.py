"""What a command imports before it answers: exact where a time is not."""

import json
import os
import subprocess
import sys

import pytest

pytestmark = pytest.mark.slow

HEAVY = {"torch", "scipy", "sklearn", "pandas", "matplotlib", "tensorboard", "datasets", "torchmetrics", "gradio"}
COMPILER = {"torch._dynamo", "torch._inductor", "sympy"}
REST = HEAVY - {"torch"}
RUNS = "vae", "cgan/model.safetensors", "rows"


def imported(*lines, then=""):
    """The modules that a process has imported once it has carried out some command lines, and this code."""
    code = (
        "import json, sys; from aegean.cli import main\n"
        "for words in json.loads(sys.argv[1]): assert main(words) == 0, words\n"
        f"{then}\n"
        "print(json.dumps(sorted(sys.modules)), file=sys.stderr)"
    )
    lines = json.dumps([[str(word) for word in words] for words in lines])
    command = [sys.executable, "-c", code, lines]
    shown = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert shown.returncode == 0, shown.stderr
    return set(json.loads(shown.stderr.splitlines()[-1]))


def test_recipes_and_info_need_no_torch(tiny_runs):
    recipes = [["recipes"], ["recipes", "ae_to_gan"], ["recipes", "--json"], ["recipes", "--help"]]
    assert not imported(*recipes, *(["info", tiny_runs / name] for name in RUNS)) & HEAVY


OUTLINES = """
from aegean.data.info import DataInfo
from aegean.recipes import RECIPES, smoke
from aegean.testing import with_sides
pictures = DataInfo("some", (3, 12, 12), (127.5,), (127.5,))
sounds = DataInfo("some", (1, 1024), (0.0,), (1.0,), kind="audio", dtype="float32", rate=8000)
for name in RECIPES:
    smoke(name, with_sides(name, sounds if name.startswith("sound") else pictures))
"""


def test_samples_latents_and_the_outline_of_every_recipe_need_torch_alone(tiny_runs, tmp_path):
    found = imported(
        ["sample", tiny_runs / "vae", "--out", tmp_path / "s.png"],
        ["encode", tiny_runs / "vae", "digits", "--out", tmp_path / "z.npz"],
        then=OUTLINES,
    )
    assert "torch" in found and not found & (REST | COMPILER)


def test_a_command_imports_no_other():
    found = {name for name in imported(["recipes"]) if name.startswith("aegean.cli.commands.")}
    assert found == {"aegean.cli.commands.recipes"}


def environment(**more):
    known = {k: v for k, v in os.environ.items() if k not in ("OMP_WAIT_POLICY", "KMP_BLOCKTIME", "GOMP_SPINCOUNT")}
    return {**known, **more}


@pytest.mark.parametrize(
    "given, policy", [({}, "PASSIVE"), ({"OMP_WAIT_POLICY": "ACTIVE"}, "ACTIVE"), ({"KMP_BLOCKTIME": "200"}, "None")]
)
def test_threads_sleep_while_they_wait_unless_told_otherwise(given, policy):
    code = "import aegean, os, sys; print(os.environ.get('OMP_WAIT_POLICY'), 'torch' in sys.modules)"
    shown = subprocess.run([sys.executable, "-c", code], env=environment(**given), capture_output=True, text=True)
    assert shown.stdout.split() == [policy, "False"]


@pytest.mark.parametrize("given, timeout", [({}, "4"), ({"OPENBLAS_THREAD_TIMEOUT": "26"}, "26")])
def test_threads_of_numpy_sleep_too(given, timeout):
    known = {k: v for k, v in os.environ.items() if k != "OPENBLAS_THREAD_TIMEOUT"}
    code = "import aegean, os, sys; print('numpy' in sys.modules, os.environ['OPENBLAS_THREAD_TIMEOUT'])"
    shown = subprocess.run([sys.executable, "-c", code], env={**known, **given}, capture_output=True, text=True)
    assert shown.stdout.split() == ["False", timeout]
