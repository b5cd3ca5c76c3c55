"""Runs in several processes: the same run as in one, whoever is killed, and resumable in any number."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

import aegean
from aegean.config import UserError
from aegean.session.runs import scores
from aegean.training.folder import Folder

pytestmark = pytest.mark.slow
STEPS = 96
SETTINGS = {"width": 8, "latent": 4, "batch": 16}
WORDS = [
    "--images",
    str(16 * STEPS),
    "--device",
    "cpu",
    "--precision",
    "float32",
    "--set",
    *(f"{k}={v}" for k, v in SETTINGS.items()),
]


@pytest.fixture(scope="module")
def alone(tmp_path_factory):
    """The run in one process, never interrupted."""
    out = tmp_path_factory.mktemp("alone") / "run"
    aegean.train("gan", "digits", out, images=16 * STEPS, settings=SETTINGS, device="cpu", precision="float32")
    return Folder(out)


def together(*words, processes=2):
    """`aegean train` in some processes under torchrun."""
    torchrun = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", str(processes)]
    return subprocess.Popen(
        [*torchrun, Path(__file__).with_name("few_evaluations.py"), "train", *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )


def ended(process, timeout=240):
    out, _ = process.communicate(timeout=timeout)
    return process.returncode, out


def workers(process):
    """Process ids of the ranks, in order."""
    found = {}
    for place in (path for path in Path("/proc").iterdir() if path.name.isdigit()):
        with contextlib.suppress(OSError):  # ended meanwhile
            parent = int((place / "stat").read_text().rsplit(")", 1)[1].split()[1])
            if parent == process.pid:
                variables = (pair.partition("=") for pair in (place / "environ").read_text().split("\0"))
                found |= {int(value): int(place.name) for name, _, value in variables if name == "RANK"}
    return [found[rank] for rank in sorted(found)]


def until_saved(folder, process, images):
    """Wait for a saved state of at least so many images."""
    deadline = time.monotonic() + 120
    while process.poll() is None and time.monotonic() < deadline:
        try:
            if folder.path.exists() and folder.clock().get("images", 0) >= images:
                return
        except UserError:
            pass
        time.sleep(0.02)
    raise AssertionError(f"no state with {images} images: {ended(process, 10)}")


def assert_agree(found, expected):
    """Losses and scores of two runs, equal but for the rounding that many steps have amplified."""
    a, b = ([line for line in folder.lines() if line["kind"] == "train"] for folder in (found, expected))
    assert [line["images"] for line in a] == [line["images"] for line in b]
    for x, y in zip(a[: len(a) // 3], b):
        for label, value in y["values"].items():
            assert x["values"][label] == pytest.approx(value, rel=2e-3, abs=1e-3), (x["images"], label)
    assert json.loads(found.scores.read_text())["images"] == json.loads(expected.scores.read_text())["images"]


def test_two_processes_make_the_run_that_one_makes_though_a_rank_is_killed(alone, tmp_path):
    folder = Folder(tmp_path / "run")
    process = together("gan", "--data", "digits", "--out", folder.path, *WORDS)
    until_saved(folder, process, 16 * STEPS // 4)
    os.kill(workers(process)[0], signal.SIGKILL)
    status, out = ended(process)
    assert status != 0
    assert 16 * STEPS // 4 <= folder.clock()["images"] < 16 * STEPS
    assert folder.read().machine["processes"] == 2
    status, out = ended(together("--resume", folder.path))
    assert status == 0, out
    assert out.count("trained; its scores") == 1  # the leading process alone speaks
    assert_agree(folder, alone)
    key = "fd@digits-classifier:397"
    assert scores(folder.path)[key]["value"] == pytest.approx(scores(alone.path)[key]["value"], rel=0.02)


def test_a_signal_to_all_saves_the_present_step(alone, tmp_path):
    folder = Folder(tmp_path / "run")
    process = together("gan", "--data", "digits", "--out", folder.path, *WORDS)
    until_saved(folder, process, 1)
    for pid in workers(process):
        os.kill(pid, signal.SIGINT)
    status, out = ended(process)
    assert status != 0 and out.count("interrupted; the state is saved") == 1, out
    aegean.resume(folder.path)
    assert_agree(folder, alone)


def test_other_commands_are_for_one_process(refused, tmp_path, monkeypatch):
    monkeypatch.setenv("WORLD_SIZE", "2")
    assert "works in one process" in refused("info", tmp_path)
