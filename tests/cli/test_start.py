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


def imported(*words):
    """The modules that a command line has imported when it is done."""
    code = (
        "import json, sys; from aegean.cli import main; status = main(sys.argv[1:]); "
        "print(json.dumps(sorted(sys.modules)), file=sys.stderr); sys.exit(status)"
    )
    command = [sys.executable, "-c", code, *map(str, words)]
    shown = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert shown.returncode == 0, shown.stderr
    return set(json.loads(shown.stderr.splitlines()[-1]))


@pytest.mark.parametrize("words", [["recipes"], ["recipes", "ae_to_gan"], ["recipes", "--json"], ["recipes", "--help"]])
def test_recipes_need_no_torch(words):
    assert not imported(*words) & HEAVY


@pytest.mark.parametrize("name", ["vae", "cgan/model.safetensors", "rows"])
def test_info_needs_no_torch(name, tiny_runs):
    assert not imported("info", tiny_runs / name) & HEAVY


def test_samples_and_latents_need_torch_alone(tiny_runs, tmp_path):
    for words in (["sample", tiny_runs / "vae", "--out", tmp_path / "s.png"],
                  ["encode", tiny_runs / "vae", "digits", "--out", tmp_path / "z.npz"]):  # fmt: skip
        found = imported(*words)
        assert "torch" in found and not found & (REST | COMPILER)


def test_a_command_imports_no_other(tmp_path):
    found = {name for name in imported("recipes") if name.startswith("aegean.cli.commands.")}
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
