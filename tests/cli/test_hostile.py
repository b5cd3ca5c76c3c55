"""What bad input gets: one clear sentence and status 2, no traceback, nothing written, nothing lost."""

import contextlib
import errno
import io
import json
import os
import shutil
import subprocess
import sys
import zipfile

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

import aegean
from aegean import files
from aegean.cli import main, parse
from aegean.cli.commands.train import parse_settings
from aegean.config import UserError
from aegean.data import DataInfo
from aegean.recipes import RECIPES, configure
from aegean.session.options import parse_images
from aegean.testing import with_sides
from aegean.training.guard import Fault
from aegean.training.loop import Interrupted

RNG = np.random.default_rng(0)
DIGITS = DataInfo("digits", (1, 8, 8), (127.5,), (127.5,), classes=("0", "1"), class_counts=(10, 10), count=20)


def png(side=8):
    out = io.BytesIO()
    Image.fromarray(RNG.integers(0, 256, (side, side), np.uint8)).save(out, "png")
    return out.getvalue()


def pictures(folder, count=30):
    folder.mkdir()
    for i in range(count):
        (folder / f"{i:02d}.png").write_bytes(png())
    return folder


def empty(tmp_path):
    (tmp_path / "in").mkdir()
    return tmp_path / "in"


def few(tmp_path):
    return pictures(tmp_path / "in", 19)


def truncated(tmp_path):
    (pictures(tmp_path / "in") / "cut.png").write_bytes(png()[:40])
    return tmp_path / "in"


def cut_at_the_end(tmp_path):
    (pictures(tmp_path / "in") / "cut.png").write_bytes(png(64)[:-500])
    return tmp_path / "in"


def no_picture(tmp_path):
    (pictures(tmp_path / "in") / "notes.png").write_text("not an image")
    return tmp_path / "in"


def bomb(tmp_path):
    out = io.BytesIO()
    Image.new("1", (20_000, 20_000)).save(out, "png")
    (pictures(tmp_path / "in") / "bomb.png").write_bytes(out.getvalue())
    return tmp_path / "in"


def leaving_zip(tmp_path):
    with zipfile.ZipFile(tmp_path / "in.zip", "w") as archive:
        archive.writestr("../../evil.png", png())
    return tmp_path / "in.zip"


def broken_zip(tmp_path):
    (tmp_path / "in.zip").write_bytes(b"PK\3\4" + bytes(50))
    return tmp_path / "in.zip"


def npz(tmp_path, **arrays):
    np.savez(tmp_path / "in.npz", **arrays)
    return tmp_path / "in.npz"


def npy(tmp_path, values):
    np.save(tmp_path / "in.npy", values, allow_pickle=values.dtype == object)
    return tmp_path / "in.npy"


def nan_array(tmp_path):
    values = RNG.random((40, 8, 8)).astype(np.float32)
    values[7, 3, 3] = np.nan
    return npy(tmp_path, values)


def ragged(tmp_path):
    (tmp_path / "in.csv").write_text("a,b\n" + "1,2\n2,3\n" * 30 + "1,hello,3\n")
    return tmp_path / "in.csv"


BAD_DATA = {
    "missing": (lambda tmp_path: tmp_path / "nowhere", "nowhere"),
    "empty folder": (empty, "is empty"),
    "too few": (few, "19 samples"),
    "truncated": (truncated, "cut.png"),
    "truncated at the end": (cut_at_the_end, "cut.png"),
    "not an image": (no_picture, "notes.png"),
    "bomb": (bomb, "bomb.png"),
    "zip that leaves": (leaving_zip, "evil.png"),
    "broken zip": (broken_zip, "in.zip"),
    "NaN": (nan_array, "NaN"),
    "rank": (lambda tmp_path: npy(tmp_path, np.zeros(40, np.uint8)), "dimensions"),
    "objects": (lambda tmp_path: npy(tmp_path, np.array([{}] * 40, object)), "objects"),
    "labels": (lambda tmp_path: npz(tmp_path, x=np.zeros((40, 8, 8), np.uint8), y=np.zeros(3, int)), "labels"),
    "no x": (lambda tmp_path: npz(tmp_path, images=np.zeros((40, 8, 8), np.uint8)), "'x'"),
    "ragged csv": (ragged, "row 62 has 3 cells, expected 2"),
}


@pytest.mark.parametrize("make, words", BAD_DATA.values(), ids=BAD_DATA)
def test_bad_data(make, words, refused, tmp_path):
    path = make(tmp_path)
    before = sorted(tmp_path.rglob("*"))
    assert words in refused("train", "vae", "--data", path, "--out", tmp_path / "new" / "run", "--images", 200)
    assert [p for p in sorted(tmp_path.rglob("*")) if p not in before and p.name != "new"] == []


@pytest.mark.parametrize("make", [truncated, no_picture])
def test_bad_pictures_are_left_out_when_asked(make, call, tmp_path, tiny_runs):
    words = ("--data", make(tmp_path), "--skip-bad", "--images", 64, "--set", "width=4", "latent=2", "batch=16")
    status, _, err = call("train", "ae", *words, "--out", tmp_path / "run")
    assert status == 0 and "files left out" in err, err
    status, _, err = call("encode", tiny_runs / "vae", tmp_path / "in", "--skip-bad", "--out", tmp_path / "z.npz")
    assert status == 0 and "files left out" in err, err


BAD_WORDS = [
    ("trian vae", "Did you mean train?"),
    ("train vaee --data digits --out OUT", "Did you mean vae"),
    ("train vae --data digits --out OUT --imges 5", "Did you mean --images"),
    ("train vae --data digits --out OUT --image 5", "Did you mean --images"),
    ("train vae --data digits --out OUT --set wdth=4", "Did you mean width?"),
    ("train vae --data digits --out OUT --set width", "name=value"),
    ("train vae --data digits --out OUT --set width=4 width=5", "twice"),
    ("train vae --data digits --out OUT --set width=wide", "whole number"),
    ("train vae --data digits --out OUT --set batch=-1", "batch"),
    ("train vae --data digits --out OUT --set batch=8 --batch 8", "--batch"),
    ("train vae --data digits --out OUT --set lr=-1", "lr"),
    ("train vae --data digits --out OUT --set lr=inf", "lr"),
    ("train vae --data digits --out OUT --set width=99999999999", "too large"),
    ("train gan --data digits --out OUT --set loss=hing", "Did you mean hinge?"),
    ("train gan --data digits --out OUT --set augment=cutuot", "cutout"),
    ("train vae --data digits --out OUT --images -5", "--images -5"),
    ("train vae --data digits --out OUT --images 0", "--images 0"),
    ("train vae --data digits --out OUT --images 1e5", "--images 1e5"),
    ("train vae --data digits --out OUT --images 0.5", "--images 0.5"),
    ("train vae --data digits --out OUT --images 3", "too small"),
    ("train vae --data digits --out OUT --minutes -1", "--minutes"),
    ("train vae --data digits --out OUT --minutes nan", "--minutes"),
    ("train vae --data digits --out OUT --seed -1", "--seed"),
    ("train vae --data digits --out OUT --batch 1.5", "--batch"),
    ("train vae --data digits --out OUT --device tpu", "--device tpu"),
    ("train vae --data digits --out OUT --range 5 1", "--range"),
    ("train vae --data digits --out OUT --range -1e-3 1", "--range"),
    ("train vae --data digits --out OUT --size 3", "--size 3"),
    ("train vae --data digits --out OUT --axes abc", "--axes abc"),
    ("train vae --data digitss --out OUT", "Did you mean digits"),
    ("train vae --data digits --test nowhere --out OUT", "nowhere"),
    ("train vae --data digits --out OUT --from nowhere", "nowhere"),
    ("train vae --data digits --out OUT --from RUNS/vae", "--set"),
    ("train vae --data digits --out OUT --from RUNS/rows", "shape"),
    ("train vae --data digits", "--out RUN"),
    ("train --out OUT", "RECIPE and --data SPEC"),
    ("train --resume nowhere", "nowhere"),
    ("train --resume RUNS/vae --images 100", "640"),
    ("train --resume RUNS/vae --images many", "many"),
    ("train --resume RUNS/vae --set lr=1 --batch 4", "--batch, --set"),
    ("train vae --resume RUNS/vae", "RECIPE"),
    ("train vae --data digits --out RUNS/vae", "exists"),
    ("train vae --data digits --out RUNS --overwrite", "not a run folder"),
    ("train vae --data digits --out RUNS/vae --from RUNS/vae --overwrite", "lies in"),
    ("train vae --data RUNS/vae/samples --out RUNS/vae --overwrite", "lies in"),
    ("train vae --data digits --out /dev/null/run", "/dev/null"),
    ("sample nowhere --out OUT.png", "nowhere"),
    ("sample RUNS/vae", "--out"),
    ("sample RUNS/vae --out OUT.jpg", ".png, .npz or a folder"),
    ("sample RUNS/vae --out OUT.csv", ".png, .npz or a folder"),
    ("sample RUNS/rows --out OUT.jpg", ".png, .npz, .csv, .parquet or a folder"),
    ("sample RUNS/vae --out OUT.png --count 0", "--count"),
    ("sample RUNS/vae --out OUT.png --count -3", "--count"),
    ("sample RUNS/vae --out OUT.png --count many", "--count"),
    ("sample RUNS/vae --out OUT.png --count 20000", "one picture"),
    ("sample RUNS/vae --out OUT.npz --count 999999999999", "at most"),
    ("sample RUNS/vae --out OUT.png --class 3", "conditional=true"),
    ("sample RUNS/cgan --out OUT.png --class three", "three"),
    ("sample RUNS/ae --out OUT.png", "fit"),
    ("sample RUNS/vae more --out OUT.png", "more"),
    ("sample RUNS/vae --out /dev/null/a.png", "/dev/null"),
    ("encode RUNS/cgan digits --out OUT.npz", "no encoder"),
    ("encode RUNS/vae digits --out OUT.png", ".npz"),
    ("encode RUNS/vae nowhere.png --out OUT.npz", "nowhere.png"),
    ("reconstruct RUNS/vae RUNS/plane.csv --out OUT.png", "rows"),
    ("reconstruct RUNS/cgan digits --out OUT.png", "no encoder"),
    ("decode RUNS/vae nowhere.npz --out OUT/", "nowhere.npz"),
    ("fit RUNS/ae --prior mixtre", "mixture"),
    ("fit RUNS/cgan --prior mixture", "no encoder"),
    ("fit nowhere --prior mixture", "nowhere"),
    ("evaluate nowhere", "nowhere"),
    ("evaluate RUNS/vae --count 1", "--count"),
    ("evaluate RUNS/vae --data RUNS/plane.csv", "shape"),
    ("evaluate RUNS/vae --features RUNS/cgan", "no encoder"),
    ("compare --out OUT.html", "--recipes"),
    ("compare RUNS/vae --out OUT.pdf", ".html"),
    ("compare RUNS/vae --seeds 3 --out OUT.html", "--seeds"),
    ("compare RUNS/vae RUNS/rows --out OUT.html", "different data"),
    ("compare --recipes vae,gann --data digits --out OUT", "Did you mean gan"),
    ("compare --recipes vae --out OUT", "--data"),
    ("compare --recipes vae --data digits --images few --out OUT", "few"),
    ("compare --recipes vae --data digits --out RUNS", "not empty"),
    ("info nowhere", "nowhere"),
    ("info RUNS", "config.json"),
    ("recipes vaee", "Did you mean vae"),
]


@pytest.mark.parametrize("line, words", BAD_WORDS, ids=[line for line, _ in BAD_WORDS])
def test_bad_words(line, words, refused, tiny_runs, tmp_path):
    before = sorted(p for p in tiny_runs.rglob("*"))
    line = line.replace("RUNS", str(tiny_runs)).replace("OUT", str(tmp_path / "out"))
    said = refused(*line.split())
    assert words in said
    assert list(tmp_path.iterdir()) == [] and sorted(p for p in tiny_runs.rglob("*")) == before


# runs and latents that are not whole


@pytest.fixture
def run(tiny_runs, tmp_path):
    return shutil.copytree(tiny_runs / "vae", tmp_path / "run")


@pytest.mark.parametrize("text", ["", "{", '"text"', "[]", "{}", '{"format": 1}', '{"format": 1, "type": "Settings"}'])
def test_a_half_written_config(text, refused, run, tmp_path):
    (run / "config.json").write_text(text)
    for words in (["train", "--resume", run], ["info", run], ["evaluate", run], ["fit", run, "--prior", "mixture"]):
        assert "config.json" in refused(*words) or "Settings" in refused(*words)


def test_another_format_number(refused, run, tmp_path):
    config = json.loads((run / "config.json").read_text())
    (run / "config.json").write_text(json.dumps({**config, "format": 99}))
    assert "format 99" in refused("train", "--resume", run)
    assert "format 99" in refused("info", run)


@pytest.mark.parametrize("keep", [0, 5, 100, -10])
def test_a_truncated_model_or_state(keep, refused, run, tmp_path):
    for name in ("model.safetensors", "state/last.safetensors"):
        data = (run / name).read_bytes()
        (run / name).write_bytes(data[:keep])
    assert "model.safetensors" in refused("sample", run, "--out", tmp_path / "s.png")
    assert "last.safetensors" in refused("train", "--resume", run, "--images", 2000)
    assert not (tmp_path / "s.png").exists()


def latents(tmp_path, **arrays):
    np.savez(tmp_path / "z.npz", **arrays)


BAD_LATENTS = {
    "shape": ({"z": np.zeros((3, 5))}, "(n, 4)"),
    "rank": ({"z": np.zeros(4)}, "(n, 4)"),
    "none": ({"z": np.zeros((0, 4))}, "(n, 4)"),
    "text": ({"z": np.array([["a"] * 4])}, "(n, 4)"),
    "complex": ({"z": np.zeros((2, 4), complex)}, "(n, 4)"),
    "NaN": ({"z": np.full((2, 4), np.nan)}, "NaN"),
    "huge": ({"z": np.full((2, 4), 1e300)}, "NaN"),
    "no z": ({"x": np.zeros((2, 4))}, "'z'"),
}


@pytest.mark.parametrize("arrays, words", BAD_LATENTS.values(), ids=BAD_LATENTS)
def test_bad_latents(arrays, words, refused, tiny_runs, tmp_path):
    latents(tmp_path, **arrays)
    said = refused("decode", tiny_runs / "vae", tmp_path / "z.npz", "--out", tmp_path / "d")
    assert words in said and "z.npz" in said and not (tmp_path / "d").exists()


def test_latents_that_are_no_latents(refused, tiny_runs, tmp_path):
    path, out = tmp_path / "z.npz", tmp_path / "d"
    np.savez(path, z=np.array([{}], object))
    assert "object" in refused("decode", tiny_runs / "vae", path, "--out", out).lower()
    for data in (b"", b"PK\3\4garbage", np.random.default_rng(0).bytes(500)):
        path.write_bytes(data)
        assert "z.npz" in refused("decode", tiny_runs / "vae", path, "--out", out)
    path.unlink()
    path.mkdir()
    assert "z.npz" in refused("decode", tiny_runs / "vae", path, "--out", out)
    with zipfile.ZipFile(tmp_path / "lie.npz", "w") as archive:
        header = io.BytesIO()
        shape = {"descr": "<f4", "fortran_order": False, "shape": (10**13, 4)}
        np.lib.format.write_array_header_1_0(header, shape)
        archive.writestr("z.npy", header.getvalue() + bytes(64))
    assert "lie.npz" in refused("decode", tiny_runs / "vae", tmp_path / "lie.npz", "--out", out)


def test_labels_that_do_not_fit(refused, tiny_runs, tmp_path):
    for labels in ([0], [0, 10], [0, -1], [0.5, 1.0]):
        latents(tmp_path, z=np.zeros((2, 4)), labels=np.array(labels))
        said = refused("decode", tiny_runs / "cgan", tmp_path / "z.npz", "--out", tmp_path / "d")
        assert "2 whole numbers from 0 to 9" in said


@pytest.mark.parametrize("names", [["../../evil", "/etc/passwd"], ["a", "a"], ["..", "."], ["a"], "x", [1, 2]])
def test_names_of_latents_do_not_leave_the_folder(names, done, tiny_runs, tmp_path):
    latents(tmp_path, z=np.zeros((2, 4)), names=np.array(names))
    done("decode", tiny_runs / "vae", tmp_path / "z.npz", "--out", tmp_path / "d")
    assert len(list((tmp_path / "d").iterdir())) == 2 and len(list(tmp_path.rglob("*.png"))) == 2


# machines that cannot


def test_names_of_pictures_that_a_file_system_does_not_take(done, tiny_runs, tmp_path):
    folder = pictures(tmp_path / "in", 0)
    for name in ("a;.png", "a#.png", "\u00e9" * 120 + ".png"):  # two are the same when made plain, one has 244 bytes
        (folder / name).write_bytes(png())
    done("reconstruct", tiny_runs / "vae", folder, "--out", tmp_path / "out/")
    assert sorted(len(p.name.encode()) for p in (tmp_path / "out").glob("*.png")) == [6, 8, 204]


def test_no_space_left(refused, tiny_runs, tmp_path, monkeypatch):
    def full(_):
        raise OSError(errno.ENOSPC, "No space left on device")

    out = tmp_path / "s.png"
    out.write_bytes(b"before")
    monkeypatch.setattr(files.os, "fsync", full)
    assert "s.png" in refused("sample", tiny_runs / "vae", "--out", out, "--overwrite")
    assert out.read_bytes() == b"before" and [p.name for p in tmp_path.iterdir()] == ["s.png"]
    assert "space" in refused("train", "ae", "--data", "digits", "--images", 200, "--out", tmp_path / "run")
    assert not (tmp_path / "run").exists()


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs /dev/full")  # noqa: PTH110
def test_an_answer_that_cannot_be_written():
    with open("/dev/full", "w") as full:  # noqa: PTH123
        command = [sys.executable, "-m", "aegean", "recipes"]
        shown = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True, timeout=60)
    assert shown.returncode == 2 and shown.stderr == (
        "aegean: error: standard output: No space left on device; mend that and try again.\n"
    )


@pytest.mark.parametrize(
    "error, status, words",
    [
        (Fault("KL in turn 'AE' at image 5: loss nan"), 3, ["stopped by a guard: KL", "last good state"]),
        (Interrupted(), 130, ["aegean train --resume"]),
        (KeyboardInterrupt(), 130, ["interrupted"]),
        (RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried"), 2, ["--batch"]),
        (MemoryError(), 2, ["--batch"]),
        (PermissionError(errno.EACCES, "Permission denied", "/x/y"), 2, ["/x/y: Permission denied"]),
        (BrokenPipeError(), 0, []),
        (ZeroDivisionError("ours"), 1, ["a fault of aegean", "ZeroDivisionError", "traceback above"]),
        (OSError(errno.EBADF, "Bad file descriptor"), 1, ["a fault of aegean"]),
        (OSError(errno.EIO, "Input/output error"), 2, ["error: Input/output error"]),
        (OSError(errno.ENOSPC, "No space left", "a\x1b[2J.png"), 2, ["a\\x1b[2J.png: No space left"]),
        (RuntimeError("can't start new thread"), 2, ["no more threads"]),
    ],
)
def test_exit_statuses(error, status, words, call, monkeypatch, tmp_path):
    def fail(*_, **__):
        raise error

    monkeypatch.setattr(aegean, "train", fail)
    got, out, err = call("train", "vae", "--data", "digits", "--out", tmp_path / "run")
    assert got == status and out == "" and all(word in err for word in words)
    assert ("Traceback" in err) is (status == 1)


def test_our_fault_leaves_its_traceback_in_the_run(call, run, monkeypatch):
    def fail(*_, **__):
        raise ZeroDivisionError("ours")

    monkeypatch.setattr(aegean, "resume", fail)
    status, out, err = call("train", "--resume", run)
    assert (status, out) == (1, "") and len(err.splitlines()) == 1 and str(run / "error.txt") in err
    assert "ZeroDivisionError: ours" in (run / "error.txt").read_text()


@pytest.mark.slow
def test_a_diverging_run_is_stopped_and_kept(call, done, tmp_path):
    run = tmp_path / "run"
    tiny = ["--images", 2000, "--set", "width=8", "latent=4", "batch=16"]
    status, _, err = call("train", "vae", "--data", "digits", "--out", run, *tiny, "lr=1e20")
    assert status == 3 and "GaussianBits" in err and "Traceback" not in err
    done("sample", run, "--count", 2, "--out", tmp_path / "s.png")


# parsers, on anything


@given(st.one_of(st.text(max_size=12), st.from_regex(r"-?\d{1,18}(\.\d{0,3})?[kM]?", fullmatch=True)))
def test_any_budget_is_a_number_or_refused(text):
    try:
        images = parse_images(text)
    except UserError as error:
        assert "images" in str(error)
    else:
        assert isinstance(images, int) and 1 <= images <= 10**15


VALUES = st.one_of(st.text(max_size=8), st.integers(-10, 10**20).map(str), st.floats().map(str), st.just("true"))


@given(st.data())
def test_any_setting_is_taken_or_refused(data):
    from aegean.recipes.registry import options, parse_all

    recipe = data.draw(st.sampled_from(sorted(RECIPES)))
    name = data.draw(st.sampled_from(sorted(options(recipe))))
    value = data.draw(VALUES)
    try:
        parsed = parse_all(recipe, parse_settings([f"{name}={value}"]))
    except UserError as error:
        assert name in str(error)
    else:
        assert set(parsed) == {name}


@given(st.lists(st.text(max_size=8), max_size=4))
def test_any_words_are_parsed_or_refused(words):
    with contextlib.suppress(UserError, SystemExit):
        parse(["sample", *words])


@given(st.integers(0, 3), st.sampled_from(sorted(RECIPES)), st.sampled_from(["width", "latent", "batch", "pack"]))
def test_small_settings_make_a_run_or_are_refused(value, recipe, name):
    try:
        configure(recipe, with_sides(recipe, DIGITS), {name: str(value)})
    except UserError as error:
        assert name in str(error)


def test_main_takes_words_not_a_line():
    with pytest.raises(TypeError):
        main("train vae")
