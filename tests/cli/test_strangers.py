"""What strangers' names, pipes, folders and machines do to a command: a sentence, and nothing that a terminal obeys."""

import json
import os
import random
import shutil
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from aegean import files
from aegean.cli import main
from aegean.config import UserError
from aegean.files import check_regular, expanded, read_tensor_header, read_text

ESCAPE = "a\x1b]0;owned\x07\x1b[2J\u202eb"


@pytest.fixture
def run(tiny_runs, tmp_path):
    return shutil.copytree(tiny_runs / "vae", tmp_path / "run")


def rewrite(file, change):
    """A model file again, with another description: what `change` makes of it."""
    data = file.read_bytes()
    length = int.from_bytes(data[:8], "little")
    header = json.loads(data[8 : 8 + length])
    model = change(json.loads(header["__metadata__"]["aegean"]))
    header["__metadata__"]["aegean"] = json.dumps(model)
    text = json.dumps(header).encode()
    file.write_bytes(len(text).to_bytes(8, "little") + text + data[8 + length :])


def rename_class(model):
    model["info"]["classes"][0] = ESCAPE
    return model


# names that command a terminal


def test_names_of_classes_and_recipes_are_written_out(run, done):
    rewrite(run / "model.safetensors", rename_class)
    shown = done("info", run / "model.safetensors")
    assert "\x1b" not in shown and "\u202e" not in shown and "\\x1b[2J" in shown


def test_names_in_a_config_are_written_out(run, done):
    config = json.loads((run / "config.json").read_text())
    (run / "config.json").write_text(json.dumps({**config, "recipe": ESCAPE, "command": ESCAPE}))
    shown = done("info", run)
    assert "\x1b" not in shown and "\\x1b" in shown
    assert json.loads(done("info", run, "--json"))["recipe"] == ESCAPE  # JSON writes it out itself


def test_names_of_files_are_written_out(tiny_runs, call, tmp_path):
    folder = tmp_path / ESCAPE
    folder.mkdir()
    (folder / f"{ESCAPE}.png").write_text("no image")
    status, out, err = call("encode", tiny_runs / "vae", folder, "--out", tmp_path / "z.npz")
    assert status == 2 and "\x1b" not in out + err and "\\x1b" in err
    status, out, err = call("sample", tiny_runs / "vae", "--count", 2, "--out", tmp_path / f"{ESCAPE}.npz")
    assert status == 0 and "\x1b" not in out + err


def test_notes_are_written_out(tiny_runs, call, tmp_path):
    Image.fromarray(np.zeros((8, 8), np.uint8)).save(tmp_path / "good.png")
    (tmp_path / f"bad{ESCAPE}.png").write_text("no image")
    status, _, err = call("encode", tiny_runs / "vae", tmp_path, "--skip-bad", "--out", tmp_path / "z.npz")
    assert status == 0 and "\x1b" not in err and "\\x1b" in err


# pipes and devices


@pytest.mark.parametrize(
    "line",
    ["info PIPE", "sample PIPE --out OUT.png", "encode RUN PIPE --out OUT.npz", "decode RUN PIPE --out OUT/",
     "reconstruct RUN digits PIPE --out OUT.png", "train vae --data PIPE --out OUT", "train --resume PIPE",
     "train vae --data digits --from PIPE --out OUT", "train vae --data digits --test PIPE --out OUT",
     "decompress PIPE --model RUN --out OUT/", "evaluate RUN --features PIPE", "compare RUN PIPE --out OUT.html",
     "traverse RUN --from PIPE --out OUT.png", "info /dev/zero", "encode RUN /dev/zero --out OUT.npz"],
)  # fmt: skip
def test_a_pipe_or_device_is_refused_at_once(line, refused, tiny_runs, tmp_path):
    os.mkfifo(tmp_path / "pipe")
    places = {"PIPE": tmp_path / "pipe", "RUN": tiny_runs / "vae", "OUT": tmp_path / "out"}
    for word, place in places.items():
        line = line.replace(word, str(place))
    assert "pipe or a device" in refused(*line.split())
    assert [path.name for path in tmp_path.iterdir()] == ["pipe"]


@pytest.mark.parametrize("name", ["config.json", "model.safetensors"])
def test_a_pipe_inside_a_run_is_refused(name, run, refused, tmp_path):
    (run / name).unlink()
    os.mkfifo(run / name)
    for words in (["info", run], ["sample", run, "--out", tmp_path / "s.png"]):
        if name != "config.json" or words[0] == "info":
            assert name in refused(*words)


# places


def test_a_name_that_is_no_utf8(tiny_runs, tmp_path):
    out = os.fsencode(tmp_path) + b"/s\xff.npz"
    command = [sys.executable, "-m", "aegean", "sample", str(tiny_runs / "vae"), "--count", "2", "--out", out]
    shown = subprocess.run(command, capture_output=True, check=False)
    assert shown.returncode == 0 and b"\\udcff" in shown.stdout and os.path.exists(out)  # noqa: PTH110
    shown = subprocess.run(command, capture_output=True, check=False)
    assert shown.returncode == 2 and b"Traceback" not in shown.stderr and b"exists" in shown.stderr


@pytest.mark.parametrize("line", ["train vae --data digits --out RUN", "info RUN", "sample RUN --out x.png",
                                  "compare --recipes ae --data digits --out RUN"])  # fmt: skip
def test_a_run_whose_name_is_no_utf8(line, refused, tmp_path):
    name = os.fsdecode(os.fsencode(tmp_path) + b"/r\xff")
    said = refused(*line.replace("RUN", name).split())
    assert "UTF-8" in said and "\\udcff" in said and list(tmp_path.iterdir()) == []


def test_no_home(monkeypatch):
    monkeypatch.setattr("os.path.expanduser", lambda path: path)  # nobody knows this user
    with pytest.raises(UserError, match="HOME"):
        expanded("~")
    with pytest.raises(UserError, match="whole path"):
        expanded("~nobody/x")
    assert expanded("x/y").parts == ("x", "y")


@pytest.mark.parametrize(
    "out, words",
    [("FILE/s.png", "is a file"), ("FILE/deeper/s.png", "is a file"), (".png", "before it"), ("x/.npz", "before it")],
)
def test_places_where_nothing_can_be_written(out, words, refused, tiny_runs, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "FILE").write_text("mine")
    assert words in refused("sample", tiny_runs / "vae", "--out", out)
    assert [path.name for path in tmp_path.iterdir()] == ["FILE"] and (tmp_path / "FILE").read_text() == "mine"


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs /dev/full")  # noqa: PTH110
@pytest.mark.parametrize("words", [["--help"], ["sample", "--help"], ["recipes", "--json"]])
def test_an_answer_that_cannot_be_written_is_named(words):
    with open("/dev/full", "w") as full:  # noqa: PTH123
        command = [sys.executable, "-m", "aegean", *words]
        shown = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True, timeout=60)
    assert shown.returncode == 2 and "standard output: No space left" in shown.stderr, shown.stderr


def test_an_answer_that_nobody_wants(tiny_runs):
    command = f"exec {sys.executable} -m aegean info {tiny_runs / 'vae'} >&- 2>&-"
    assert subprocess.run(["sh", "-c", command], check=False).returncode == 0


def test_an_error_without_a_file_is_not_blamed_on_the_answer(call, monkeypatch, tmp_path):
    def fail(*_, **__):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("aegean.train", fail, raising=False)
    status, _, err = call("train", "vae", "--data", "digits", "--out", tmp_path / "run")
    assert status == 2 and "standard output" not in err and "No space left" in err


def test_no_thread_to_be_had(tiny_runs, refused, monkeypatch, tmp_path):
    def fail(*_):
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", fail)
    monkeypatch.setattr("aegean.train", lambda *_, **__: threading.Thread().start(), raising=False)
    assert "threads" in refused("train", "vae", "--data", "digits", "--out", tmp_path / "run")


# reading commands write nothing


def test_a_fault_while_reading_writes_nothing_into_the_run(run, call, monkeypatch, tmp_path):
    target = tmp_path / "precious"
    target.write_text("mine")
    (run / "error.txt").symlink_to(target)

    def fail(*_):
        raise ZeroDivisionError("ours")

    monkeypatch.setattr("aegean.cli.describe.described", fail)
    before = sorted(run.rglob("*"))
    status, _, err = call("info", run)
    assert status == 1 and "ZeroDivisionError" in err and target.read_text() == "mine"
    assert sorted(run.rglob("*")) == before
    monkeypatch.setattr("aegean.resume", fail, raising=False)
    assert call("train", "--resume", run)[0] == 1  # this one keeps its traceback, in the place of the link
    assert target.read_text() == "mine" and "ZeroDivisionError" in (run / "error.txt").read_text()


# runs that others have written

ODD = [None, True, 0, -1, 1e308, 10**30, "x", "", [], {}, [1], {"a": 1}, ESCAPE, float("nan"), {"type": "Net"}]


def mutated(value, rng):
    """A JSON value with one place inside replaced, removed or added to."""
    places = [(None, None)]

    def walk(inside):
        for key in inside if isinstance(inside, dict) else range(len(inside)) if isinstance(inside, list) else ():
            places.append((inside, key))
            walk(inside[key])

    walk(value)
    inside, key = rng.choice(places)
    if inside is None:
        return rng.choice(ODD)
    if rng.random() < 0.2:
        del inside[key]
    else:
        inside[key] = rng.choice(ODD)
    return value


@pytest.mark.parametrize("name", ["config.json", "evaluation.json", "metrics.jsonl", "model.safetensors"])
def test_info_tells_or_refuses_whatever_a_run_holds(name, call, tmp_path):
    rng = random.Random(name)
    golden = Path(__file__).parent.parent / "golden/transfer"
    run = shutil.copytree(golden, tmp_path / "run")
    for _ in range(25):
        if name == "model.safetensors":
            model = run / name
            model.write_bytes((golden / name).read_bytes())
            rewrite(model, lambda value: mutated(value, rng))
        elif name == "metrics.jsonl":
            first, *rest = (golden / name).read_text().splitlines()
            (run / name).write_text("\n".join([json.dumps(mutated(json.loads(first), rng)), *rest, ""]))
        else:
            (run / name).write_text(json.dumps(mutated(json.loads((golden / name).read_text()), rng)))
        status, out, err = call("info", run)
        assert status in (0, 2) and "\x1b" not in out + err, err


# headers and texts


@pytest.mark.parametrize(
    "data",
    [b"", b"1234567", bytes(8), (2**63).to_bytes(8, "little"), (10).to_bytes(8, "little") + b"{}",
     (2).to_bytes(8, "little") + b"[]", (2).to_bytes(8, "little") + b"{}x", (4).to_bytes(8, "little") + b"null",
     (100).to_bytes(8, "little") + b'{"a":{"dtype":"F32","shape":[1000000000000],"data_offsets":[0,4]}}'.ljust(100)],
)  # fmt: skip
def test_headers_that_do_not_fit_are_refused(data, tmp_path):
    file = tmp_path / "m.safetensors"
    file.write_bytes(data)
    with pytest.raises(UserError, match=r"m\.safetensors"):
        read_tensor_header(file)


def test_a_header_says_what_safetensors_says(tiny_runs):
    import safetensors

    file = tiny_runs / "vae/model.safetensors"
    metadata, shapes = read_tensor_header(file)
    with safetensors.safe_open(str(file), framework="numpy") as opened:
        assert metadata == opened.metadata() and set(shapes) == set(opened.keys())
        assert all(shapes[key] == tuple(opened.get_slice(key).get_shape()) for key in opened.keys())


def test_texts_have_an_end(tmp_path):
    (tmp_path / "long").write_text("a" * 100)
    assert read_text(tmp_path / "long", 100) == "a" * 100
    with pytest.raises(UserError, match="more than 99"):
        read_text(tmp_path / "long", 99)
    with pytest.raises(UserError, match="pipe or a device"):
        check_regular("/dev/zero")
    assert files.check_regular(tmp_path / "missing") is None


def test_no_command_at_all_shows_the_help(capsys):
    assert main([]) == 0 and "usage: aegean" in capsys.readouterr().out
