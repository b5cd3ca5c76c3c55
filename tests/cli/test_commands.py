"""The command line, each command on tiny trained runs: answers, files, exit statuses."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from aegean.cli import COMMANDS

TINY = ["--set", "width=8", "latent=4", "batch=16"]


def pixels(path):
    with Image.open(path) as picture:
        return np.asarray(picture)


def start(*words, **more):
    """The command line as a process of its own."""
    environment = dict(os.environ)
    command = [sys.executable, "-m", "aegean", *map(str, words)]
    return subprocess.Popen(command, env=environment, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE, **more)


# help


HELP = [["--help"], *([name, "--help"] for name in COMMANDS), ["--version"], ["help", "train"], []]


def test_help_answers_without_torch():
    code = (
        "import contextlib, io, json, sys; from aegean.cli import main\n"
        "def answer(words):\n"
        "    with contextlib.redirect_stdout(io.StringIO()) as out: return main(words), out.getvalue()\n"
        f"print(json.dumps([answer(words) for words in {HELP!r}]))\n"
        "heavy = [m for m in ('torch', 'numpy', 'scipy', 'PIL') if m in sys.modules]; assert not heavy, heavy"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stderr) == (0, "")
    for words, (status, shown) in zip(HELP, json.loads(done.stdout), strict=True):
        assert status == 0 and "aegean" in shown
        assert words == ["--version"] or "example" in shown, words
        if words in ([], ["--help"]):
            assert all(f"\n    {name}" in shown for name in COMMANDS)


def test_recipes(done):
    listed = done("recipes")
    assert all(f"\n{name} " in f"\n{listed}" for name in ("ae", "denoising_ae", "vae", "gan", "vae_gan", "ae_to_gan"))
    shown = done("recipes", "gan")
    assert "gamma=1.0" in shown and "Goodfellow" in shown
    assert json.loads(done("recipes", "--json"))["recipes"]["vae"]["options"]["latent"]["default"] == 0
    assert json.loads(done("recipes", "vae", "--json"))["recipe"] == "vae"


# a model's verbs


def test_sample_in_every_form(tiny_runs, done, tmp_path):
    out = tmp_path / "new" / "s.png"
    assert str(out) in done("sample", tiny_runs / "vae", "--out", out)
    assert pixels(out).shape[1] > 100
    done("sample", tiny_runs / "vae", "--count", 5, "--out", tmp_path / "many")
    assert sorted(p.name for p in (tmp_path / "many").iterdir())[0] == "sample-000000.png"
    done("sample", tiny_runs / "vae", "--count", 5, "--out", tmp_path / "s.npz")
    with np.load(tmp_path / "s.npz", allow_pickle=False) as found:
        assert found["x"].shape == (5, 1, 8, 8) and found["x"].dtype == np.uint8 and "labels" not in found
        assert json.loads(str(found["info"]))["name"] == "digits"
        assert (pixels(tmp_path / "many" / "sample-000000.png") == found["x"][0, 0]).all()
    done("sample", tiny_runs / "vae", "--count", 5, "--seed", 1, "--out", tmp_path / "other.npz")
    with np.load(tmp_path / "other.npz") as other, np.load(tmp_path / "s.npz") as found:
        assert (other["x"] != found["x"]).any()
    done("sample", tiny_runs / "vae" / "best.safetensors", "--count", 2, "--out", tmp_path / "best.png")
    assert not list(tmp_path.rglob("*.tmp"))


def test_sample_a_class(tiny_runs, done, tmp_path):
    done("sample", tiny_runs / "cgan", "--count", 3, "--class", "7", "--out", tmp_path / "s.npz")
    with np.load(tmp_path / "s.npz") as found:
        assert found["labels"].tolist() == [7, 7, 7]
    done("sample", tiny_runs / "cgan", "--count", 3, "--class", "7", "--out", f"{tmp_path}/v.1/")
    assert sorted(p.name for p in (tmp_path / "v.1").iterdir())[0] == "sample-000000-7.png"


def test_rows_in_every_form(tiny_runs, done, tmp_path):
    done("sample", tiny_runs / "rows", "--count", 30, "--out", tmp_path / "s.csv")
    lines = (tmp_path / "s.csv").read_text().splitlines()
    assert lines[0] == "x,y" and len(lines) == 31
    done("sample", tiny_runs / "rows", "--out", tmp_path / "s.png")
    done("sample", tiny_runs / "rows", "--count", 3, "--out", tmp_path / "folder")
    assert sorted(p.name for p in (tmp_path / "folder").iterdir()) == ["samples.csv", "samples.csv.json"]
    done("reconstruct", tiny_runs / "rows", tmp_path / "s.csv", "--out", tmp_path / "r")
    assert sorted(p.relative_to(tmp_path).as_posix() for p in (tmp_path / "r").rglob("*.csv")) == [
        "r/inputs/samples.csv",
        "r/samples.csv",
    ]
    assert (tmp_path / "r/inputs/samples.csv").read_text().splitlines()[1] == lines[1]
    done("reconstruct", tiny_runs / "rows", tmp_path / "s.csv", "--out", tmp_path / "r.png")


def test_pictures_to_latents_and_back(tiny_runs, done, tmp_path):
    done("sample", tiny_runs / "vae", "--count", 3, "--out", tmp_path / "s")
    done("encode", tiny_runs / "vae", tmp_path / "s", "--out", tmp_path / "z.npz")
    with np.load(tmp_path / "z.npz", allow_pickle=False) as found:
        assert found["z"].shape == (3, 4) and found["names"].tolist() == [f"sample-00000{i}" for i in range(3)]
    done("decode", tiny_runs / "vae", tmp_path / "z.npz", "--out", tmp_path / "d")
    done("reconstruct", tiny_runs / "vae", *sorted((tmp_path / "s").iterdir()), "--out", tmp_path / "r")
    names = sorted(p.name for p in (tmp_path / "s").iterdir())
    assert sorted(p.name for p in (tmp_path / "r/inputs").iterdir()) == names
    for name in names:
        given, back = (pixels(tmp_path / place / name) for place in ("s", "r/inputs"))
        assert (given == back).all()
        decoded, made = (pixels(tmp_path / place / name) for place in ("d", "r"))
        assert abs(decoded.astype(int) - made).max() <= 1
    done("decode", tiny_runs / "vae", tmp_path / "z.npz", "--out", tmp_path / "d.png")
    done("reconstruct", tiny_runs / "vae", "digits", "--out", tmp_path / "r.png")


def test_labels_come_from_the_data_or_the_option(tiny_runs, done, refused, tmp_path):
    ae = tiny_runs / "ae"
    done("encode", ae, "digits", "--out", tmp_path / "z.npz")
    with np.load(tmp_path / "z.npz") as found:
        labels = found["labels"]
    assert len(labels) == 1797 and set(labels.tolist()) == set(range(10))
    done("decode", ae, tmp_path / "z.npz", "--out", tmp_path / "d.png")
    for i in range(2):
        (tmp_path / f"of/{i}").mkdir(parents=True)
        Image.fromarray(np.full((8, 8), i, np.uint8)).save(tmp_path / f"of/{i}/a.png")
    done("encode", ae, tmp_path / "of", "--out", tmp_path / "two.npz")
    with np.load(tmp_path / "two.npz") as found:
        assert found["labels"].tolist() == [0, 1]
    one = tmp_path / "of/0/a.png"
    assert "--class" in refused("reconstruct", ae, one, "--out", tmp_path / "r.png")
    done("reconstruct", ae, one, "--class", "5", "--out", tmp_path / "r.png")
    np.savez(tmp_path / "bare.npz", z=np.zeros((2, 4)))
    assert "--class" in refused("decode", ae, tmp_path / "bare.npz", "--out", tmp_path / "b.png")
    done("decode", ae, tmp_path / "bare.npz", "--class", "5", "--out", tmp_path / "b.png")


def test_overwriting_a_folder_keeps_what_is_not_ours(tiny_runs, done, refused, tmp_path):
    (tmp_path / "s").mkdir()
    (tmp_path / "s/mine.txt").write_text("mine")
    assert "not empty" in refused("sample", tiny_runs / "vae", "--count", 2, "--out", tmp_path / "s")
    done("sample", tiny_runs / "vae", "--count", 2, "--out", tmp_path / "s", "--overwrite")
    assert len(list((tmp_path / "s").iterdir())) == 3 and (tmp_path / "s/mine.txt").read_text() == "mine"


# runs


def test_fit_lets_an_autoencoder_sample(tiny_runs, done, refused, tmp_path):
    ae = shutil.copytree(tiny_runs / "ae", tmp_path / "ae")
    assert f"aegean fit {ae} --prior mixture" in refused("sample", ae, "--out", tmp_path / "s.png")
    assert not (tmp_path / "s.png").exists()
    for prior in ("mixture", "mixture", "gaussian"):
        done("fit", ae, "--prior", prior)
    done("sample", ae, "--class", "3", "--out", tmp_path / "s.png")
    assert "sample" in json.loads(done("info", ae, "--json"))["can"]


def test_evaluate(tiny_runs, call, done):
    status, out, err = call("evaluate", tiny_runs / "vae", "--count", 50, "--json")
    scores = json.loads(out)["scores"]
    assert status == 0 and "fd@digits-classifier:50" in scores and "right on" in err
    assert scores["fd@digits-classifier:50"].keys() >= {"value", "floor", "better"}
    shown = done("evaluate", tiny_runs / "vae", "--count", 50).splitlines()
    assert shown[0].split() == ["metric", "value", "floor", "line", "blurred", "better"] and "line:" in shown[-2]
    assert "fd@vae-encoder:50" in done("evaluate", tiny_runs / "cgan", "--count", 50, "--features", tiny_runs / "vae")
    best = tiny_runs / "vae" / "best.safetensors"
    assert done("evaluate", best, "--count", 50) == done("evaluate", best, "--count", 50, "--data", "digits")


def test_info(tiny_runs, done, refused, tmp_path):
    found = json.loads(done("info", tiny_runs / "vae", "--json"))
    assert found["recipe"] == "vae" and found["images"] == {"done": 640, "asked": 640} and found["complete"]
    assert found["latent"] == 4 and found["networks"]["E"]["parameters"] > 0 and found["best"]["value"] > 0
    assert "torch" in found["machine"] and set(found["cannot"]) == {
        "compress",
        "compress_lossless",
        "impute",
        "restore",
        "translate",
    }
    shown = done("info", tiny_runs / "cgan")
    assert "no encoder" in shown and "640" not in shown and "320 of 320" in shown
    shutil.copy(tiny_runs / "vae/best.safetensors", tmp_path / "m.safetensors")
    assert json.loads(done("info", tmp_path / "m.safetensors", "--json"))["recipe"] == "vae"
    assert "--data" in refused("evaluate", tmp_path / "m.safetensors")
    begun = shutil.copytree(tiny_runs / "vae", tmp_path / "begun")
    (begun / "model.safetensors").unlink()
    assert "none saved yet" in done("info", begun)
    assert "--resume" in refused("sample", begun, "--out", tmp_path / "s.png")


def test_train_from_another_run_and_go_on(tiny_runs, done, refused, tmp_path):
    out = tmp_path / "new/run"
    done("train", "vae", "--data", "digits", "--out", out, "--images", 960, "--from", tiny_runs / "vae", *TINY)
    found = json.loads(done("info", out, "--json"))
    assert found["images"] == {"done": 960, "asked": 960} and found["inherited"]["images"] == 640
    (handed,) = found["handed_over"]
    assert handed["images"] == 640 and "E goes on from what it was" in handed["what"]
    assert "handed over" in done("info", out)
    assert "--seed" in refused("train", "--resume", out, "--images", 2000, "--seed", 1)
    done("train", "--resume", out, "--images", "1k")
    assert json.loads(done("info", out, "--json"))["images"]["done"] == 992
    assert "exists" in refused("train", "vae", "--data", "digits", "--out", out)


def test_compare_writes_a_report(tiny_runs, call, done, refused, tmp_path):
    out = tmp_path / "report.html"
    status, text, _ = call("compare", tiny_runs / "vae", tiny_runs / "cgan", "--out", out, "--json")
    assert status == 0 and json.loads(text) and "<html" in out.read_text()
    assert "exists" in refused("compare", tiny_runs / "vae", "--out", out)
    assert "different data" in refused("compare", tiny_runs / "vae", tiny_runs / "rows", "--out", tmp_path / "b.html")


@pytest.mark.slow
def test_compare_recipes_and_go_on(done, tmp_path):
    words = [
        "compare",
        "--recipes",
        "ae:width=8,vae:width=8",
        "--data",
        "digits",
        "--images",
        "200",
        "--out",
        tmp_path / "two",
    ]
    done(*words)
    before = (tmp_path / "two/vae-width=8-seed0/model.safetensors").stat().st_mtime_ns
    done(*words)  # everything is there already
    assert (tmp_path / "two/report.html").exists()
    assert (tmp_path / "two/vae-width=8-seed0/model.safetensors").stat().st_mtime_ns == before


# a process of its own


def test_a_closed_pipe_is_quiet():
    with start("recipes", "--json") as process:
        process.stdout.close()
        assert process.stderr.read() == ""
    assert process.wait() == 0


@pytest.mark.slow
def test_an_interrupted_run_is_gone_on_with(done, tmp_path):
    run = tmp_path / "run"
    words = ["train", "vae", "--data", "digits", "--out", run, "--images", 2400, *TINY]
    with start(*words) as process:
        log = run / "metrics.jsonl"
        deadline = time.monotonic() + 120
        while not (log.exists() and log.read_text().count("\n") > 2) and time.monotonic() < deadline:
            time.sleep(0.05)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=120)
    assert process.returncode == 130, err
    assert out == "" and "Traceback" not in err
    assert f"aegean train --resume {run}" in err.strip().splitlines()[-1]
    assert not json.loads(done("info", run, "--json"))["complete"]
    done("train", "--resume", run)
    assert json.loads(done("info", run, "--json"))["complete"]


def test_it_can_be_run_as_a_module_and_a_program():
    assert Path(sys.executable).with_name("aegean").exists()
    with start("--version") as process:
        assert process.communicate(timeout=60)[0].startswith("aegean 0")
