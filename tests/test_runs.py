"""Runs as folders: whatever interrupts them, they end as if nothing had happened."""

import json
import multiprocessing
import os
import random
import shutil
import signal
import time
from pathlib import Path

import numpy as np
import pytest
import safetensors.torch
import torch

import aegean
from aegean.config import UserError
from aegean.machine import cache_folder
from aegean.metrics.samples import chosen
from aegean.model import Model
from aegean.recipes import configure, options
from aegean.report.compare import compare_runs
from aegean.session.options import parse_images
from aegean.session.runs import scores
from aegean.training import mapping
from aegean.training.engine import Engine
from aegean.training.folder import Folder
from aegean.training.guard import Fault
from aegean.training.history import handed_over
from aegean.training.loop import Interrupted
from aegean.training.trainer import Trainer
from aegean.training.watchers import Saving

pytestmark = pytest.mark.slow

SMALL = {"width": 8, "latent": 4, "batch": 16}
STEPS = 40
KILLS = 5


def train(recipe, out, **kwargs):
    small = {name: value for name, value in SMALL.items() if name in options(recipe)}
    small |= {"teacher": 0.75} if recipe == "ae_to_gan" else {}
    kwargs = {"data": "digits", "images": 16 * STEPS, "evaluations": 2, "settings": small, "device": "cpu", **kwargs}
    return aegean.train(recipe, out=out, **kwargs)


@pytest.fixture(scope="module")
def straight(tmp_path_factory):
    """An uninterrupted transfer."""
    out = tmp_path_factory.mktemp("runs") / "straight"
    train("ae_to_gan", out)
    return Folder(out)


def content(folder):
    """Everything of a run that must not depend on interruptions: log lines without seconds, state, models."""
    lines = [{k: v for k, v in line.items() if k != "seconds"} for line in folder.lines()]
    state = safetensors.torch.load_file(folder.state)
    model = safetensors.torch.load_file(folder.model)
    best = safetensors.torch.load_file(folder.best) if folder.best.exists() else {}  # lossless has no distance
    return lines, {**state, **{f"model {k}": v for k, v in model.items()}, **{f"best {k}": v for k, v in best.items()}}


def assert_same(a, b):
    (lines_a, tensors_a), (lines_b, tensors_b) = content(a), content(b)
    assert lines_a == lines_b
    assert tensors_a.keys() == tensors_b.keys()
    assert all(torch.equal(tensors_a[k], tensors_b[k]) for k in tensors_a)


def test_a_run_is_a_folder_of_known_files(straight):
    names = {p.name for p in straight.path.iterdir()}
    assert names == {
        "config.json", "model.safetensors", "best.safetensors", "metrics.jsonl", "evaluation.json",
        "samples", "tensorboard", "state",
    }  # fmt: skip
    config = json.loads(straight.config.read_text())
    assert config["format"] == 2 and config["machine"]["torch"] == torch.__version__ and config["command"]
    lines = straight.lines()
    assert {line["kind"] for line in lines} >= {"train", "eval"}
    keys = [key for line in lines if line["kind"] == "eval" for key in line["scores"]]
    assert any(key == "fd@digits-classifier:397" for key in keys)
    assert [line["images"] for line in lines] == sorted(line["images"] for line in lines)
    assert any(p.name.startswith("samples-") for p in straight.samples.iterdir())
    assert any(straight.tensorboard.iterdir())


class Stop(Exception):
    pass


def crash_after(monkeypatch, steps):
    """The loop fails after so many steps, until `monkeypatch.undo`."""
    monkeypatch.undo()
    count, step = 0, Trainer.step

    def failing(self):
        nonlocal count
        count += 1
        if count > steps:
            raise Stop
        step(self)

    monkeypatch.setattr(Trainer, "step", failing)


def test_what_is_handed_over_is_evaluated_once_before_it_moves(straight):
    """With its fitted prior, at the start of the warm-up, during which no sample changes."""
    evaluations = [line for line in straight.lines() if line["kind"] == "eval"]
    assert [line["images"] // 16 for line in evaluations if line.get("hand_over")] == [30]
    assert [(line["images"] // 16, line["phase"]) for line in evaluations] == [
        (20, "autoencoder"), (30, "autoencoder"), (30, "warm-up"), (40, "adversarial"),
    ]  # fmt: skip
    before, after = (line["scores"] for line in evaluations[1:3])
    assert before["psnr@test:397"] == after["psnr@test:397"]
    assert before["fd@digits-classifier:397"]["value"] != after["fd@digits-classifier:397"]["value"]
    assert before["fd@digits-classifier:397"]["line"] == after["fd@digits-classifier:397"]["line"]
    names = {path.name for path in straight.samples.iterdir()}
    assert {"samples-0000000480.png", "samples-0000000480-hand-over.png"} <= names


def test_a_run_killed_while_it_evaluates_the_hand_over_does_so_again(straight, tmp_path, monkeypatch):
    def killed(watcher, model, scores):
        if not watcher.record.trainer.seen:
            raise Stop
        told(watcher, model, scores)

    told = Saving.evaluation
    monkeypatch.setattr(Saving, "evaluation", killed)  # the last to be told: all has been logged
    with pytest.raises(Stop):
        train("ae_to_gan", tmp_path / "run")
    monkeypatch.undo()
    assert Folder(tmp_path / "run").lines()[-1]["hand_over"]
    aegean.resume(tmp_path / "run")
    assert_same(straight, Folder(tmp_path / "run"))


def test_an_inherited_network_is_evaluated_before_it_moves(straight, tmp_path, monkeypatch):
    settings = {"images": 16 * (STEPS + 6), "evaluations": 1, "source": straight.path}
    train("ae_to_gan", tmp_path / "straight", **settings)
    first, *rest = (line for line in Folder(tmp_path / "straight").lines() if line["kind"] == "eval")
    assert first["hand_over"] and first["images"] == 16 * STEPS and not any(line.get("hand_over") for line in rest)
    last = [line["scores"] for line in straight.lines() if line["kind"] == "eval"][-1]
    assert first["scores"]["psnr@test:397"] == last["psnr@test:397"]
    crash_after(monkeypatch, 0)
    with pytest.raises(Stop):
        train("ae_to_gan", tmp_path / "run", **settings)
    monkeypatch.undo()
    aegean.resume(tmp_path / "run")
    assert_same(Folder(tmp_path / "straight"), Folder(tmp_path / "run"))


@pytest.mark.parametrize("stop", [11, 31])
def test_resuming_equals_never_stopping(straight, tmp_path, monkeypatch, stop):
    """A crash after any step: in a phase, at its end, just after an evaluation."""
    crash_after(monkeypatch, stop)
    with pytest.raises(Stop):
        train("ae_to_gan", tmp_path / "run")
    monkeypatch.undo()
    aegean.resume(tmp_path / "run")
    assert_same(straight, Folder(tmp_path / "run"))


def test_a_recorded_run_resumes_bit_for_bit(tmp_path, monkeypatch):
    """Recording takes the first step for a try and takes it back, so it leaves no trace wherever it happens."""
    monkeypatch.setattr(torch, "compile", lambda recording, **words: recording)
    monkeypatch.setattr("aegean.session.train.choose_engine", lambda *asked, **words: Engine(backend="eager"))
    train("ae", tmp_path / "straight", images=16 * 20)
    with pytest.MonkeyPatch.context() as patch:
        crash_after(patch, 12)
        with pytest.raises(Stop):
            train("ae", tmp_path / "run", images=16 * 20)
    monkeypatch.setattr("aegean.session.train.choose_engine", None)  # the run's own engine is taken again
    aegean.resume(tmp_path / "run")
    assert Folder(tmp_path / "run").read().engine.backend == "eager"
    assert_same(Folder(tmp_path / "straight"), Folder(tmp_path / "run"))


def test_a_run_that_is_being_trained_is_not_overwritten(tmp_path):
    train("ae", tmp_path / "run", images=16 * 10)
    folder = Folder(tmp_path / "run")
    before = folder.model.read_bytes()
    with folder.locked(), pytest.raises(UserError, match="being trained by another process"):
        train("ae", tmp_path / "run", images=16 * 10, overwrite=True)
    assert folder.model.read_bytes() == before
    train("vae", tmp_path / "run", images=16 * 10, overwrite=True)
    assert folder.read().recipe == "vae" and [path.name for path in tmp_path.iterdir()] == ["run"]


@pytest.fixture(scope="module")
def start():
    """start(function, *args, **kwargs) -> a process that carries it out, forked from one that has imported all."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["aegean.session.train", "tensorboard.summary.writer.record_writer"])

    def start(function, *args, **kwargs):
        process = context.Process(target=function, args=args, kwargs=kwargs, daemon=True)
        process.start()
        return process

    return start


def test_kill_nine_at_random_moments(start, tmp_path):
    out = tmp_path / "killed"
    settings, kills = {"images": 16 * 100, "evaluations": 5}, 0
    train("ae_to_gan", tmp_path / "straight", **settings)
    chance = random.Random(0)
    while True:
        process = start(aegean.resume, out) if out.exists() else start(train, "ae_to_gan", out, **settings)
        while not out.exists() and process.is_alive():
            time.sleep(0.02)
        process.join(0.2 + 1.3 * chance.random() if kills < KILLS else 300)
        if process.is_alive():
            process.kill()
            process.join()
            kills += 1
            assert kills <= KILLS, "the run does not end"
            continue
        assert process.exitcode == 0
        assert_same(Folder(tmp_path / "straight"), Folder(out))
        if kills == KILLS:
            break
        shutil.rmtree(out)  # a fast machine was through: once more


def test_raising_the_budget_goes_on_from_where_it_was(tmp_path):
    train("ae_to_gan", tmp_path / "run", images=16 * 40)
    aegean.resume(tmp_path / "run", images=16 * 70)
    folder = Folder(tmp_path / "run")
    plan = folder.read()
    assert plan.images == 16 * 70 and folder.clock()["images"] == 16 * 70
    assert [p.images for p in plan.run.schedule[:2]] == [16 * 30, 16]
    with pytest.raises(UserError, match="below"):
        aegean.resume(tmp_path / "run", images=100)


def test_a_raised_run_resumes_too(tmp_path, monkeypatch, steps=31):
    """The budget is raised in the second phase; then a crash; then on: as without the crash."""
    for name in ("straight", "crashed"):
        crash_after(monkeypatch, steps)
        with pytest.raises(Stop):
            train("ae_to_gan", tmp_path / name, images=16 * 40)
        if name == "crashed":
            crash_after(monkeypatch, 7)
            with pytest.raises(Stop):
                aegean.resume(tmp_path / name, images=16 * 60)
        monkeypatch.undo()
        aegean.resume(tmp_path / name, images=16 * 60)
    assert_same(Folder(tmp_path / "straight"), Folder(tmp_path / "crashed"))


def test_tensorboard_has_no_point_twice_and_none_missing(tmp_path, straight, monkeypatch):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
    from tensorboard.summary.writer import event_file_writer

    # Files of one second and one process are read in the order of their numbers as words: 10 would come before 9.
    event_file_writer._global_uid = event_file_writer.AtomicCounter(0)
    crash_after(monkeypatch, 20)
    with pytest.raises(Stop):
        train("ae_to_gan", tmp_path / "run")
    crash_after(monkeypatch, 12)
    with pytest.raises(Stop):
        aegean.resume(tmp_path / "run")
    monkeypatch.undo()
    aegean.resume(tmp_path / "run")
    aegean.resume(tmp_path / "run")  # nothing is left to do

    def points(folder):
        events = EventAccumulator(str(folder.tensorboard), size_guidance={"scalars": 0}).Reload()
        return {tag: [(e.step, e.value) for e in events.Scalars(tag)] for tag in events.Tags()["scalars"]}

    assert points(Folder(tmp_path / "run")) == points(straight)


def test_a_signal_saves_the_state_at_the_present_step(straight, tmp_path, monkeypatch):
    step = Trainer.step

    def signalled(self):
        if self.images == 16 * 25:
            os.kill(os.getpid(), signal.SIGTERM)
        step(self)

    monkeypatch.setattr(Trainer, "step", signalled)
    with pytest.raises(Interrupted):
        train("ae_to_gan", tmp_path / "run")
    monkeypatch.undo()
    assert Folder(tmp_path / "run").clock()["images"] == 16 * 26
    aegean.resume(tmp_path / "run")
    assert_same(straight, Folder(tmp_path / "run"))


def test_inheriting_counts_the_teachers_images_and_hands_over_its_values(tmp_path):
    train("vae", tmp_path / "vae", images=16 * 30)
    train("ae_to_gan", tmp_path / "gan", images=16 * 60, source=tmp_path / "vae")
    plan = Folder(tmp_path / "gan").read()
    assert [p.name for p in plan.run.schedule] == ["warm-up", "adversarial"]
    assert plan.images == 16 * 60 and plan.inherited["images"] == 16 * 30
    assert plan.inherited["nets"] == ("E", "G", "bottleneck")
    lines = Folder(tmp_path / "gan").lines()
    assert lines[0]["images"] >= 16 * 30 and lines[-1]["images"] == 16 * 60
    vae, gan = (aegean.load(tmp_path / name) for name in ("vae", "gan"))
    assert torch.equal(vae.nets["E"].stem.weight, gan.nets["E"].stem.weight)  # nobody trains it any more
    assert gan.about["images"] == 16 * 60


@pytest.mark.parametrize(
    "settings, words",
    [
        ({}, ["prior is fitted to the latents", "E becomes D.backbone"]),
        ({"discriminator": "new", "prior": "normal"}, []),
        ({"discriminator": "project", "pixels": True}, ["prior is fitted to the latents", "D judges what E makes"]),
        (
            {"generator": "new", "distil": 1.0},
            ["prior is", "E becomes D.backbone", "G becomes kept", "G begins"],
        ),
    ],
    ids=str,
)
def test_what_is_handed_over_is_told(settings, words):
    found = dict(handed_over(configure("ae_to_gan", aegean.open_data("digits").info, {**SMALL, **settings})))
    assert len(found.get("warm-up", [])) == len(words)
    assert all(told.startswith(asked) for told, asked in zip(found.get("warm-up", []), words))
    assert ("G goes on from what it was" in found["adversarial"]) == (settings.get("generator") != "new")


def test_what_is_handed_over_stands_in_a_report(straight, tmp_path):
    compare_runs([straight.path], tmp_path / "report.html")
    page = (tmp_path / "report.html").read_text()
    assert "prior is fitted to the latents" in page and "E becomes D.backbone" in page


def test_any_autoencoder_can_be_the_teacher(tmp_path):
    """Of other sizes than the recipe's own, and with a plain bottleneck."""
    train("ae", tmp_path / "ae", images=16 * 20, settings={"width": 4, "latent": 3, "batch": 16})
    with pytest.raises(UserError, match="prior=normal"):
        train("ae_to_gan", tmp_path / "no", source=tmp_path / "ae", settings={"batch": 16, "prior": "normal"})
    model = train("ae_to_gan", tmp_path / "gan", source=tmp_path / "ae", settings={"batch": 16, "pack": 2})
    assert model.latent == 3 and model.sample(2).shape == (2, 1, 8, 8)


def test_what_does_not_fit_is_said(tmp_path):
    train("vae", tmp_path / "vae", images=16 * 10)
    with pytest.raises(UserError, match=r"widths is \(16, 32\) in the recipe and \(8, 16\) in the source"):
        train("vae", tmp_path / "a", source=tmp_path / "vae", settings={**SMALL, "width": 16})
    train("gan", tmp_path / "gan", images=16 * 10)
    with pytest.raises(UserError, match=r"no E, bottleneck; this recipe starts from an autoencoder"):
        train("ae_to_gan", tmp_path / "a", source=tmp_path / "gan")
    with pytest.raises(UserError, match="without classes"):
        train("ae_to_gan", tmp_path / "a", source=tmp_path / "vae", settings={"conditional": True, "batch": 16})
    with pytest.raises(UserError, match="is too small"):
        train("ae_to_gan", tmp_path / "b", source=tmp_path / "vae", images=16 * 10)
    assert not (tmp_path / "a").exists() and not (tmp_path / "b").exists()


def test_one_process_trains_a_run_at_a_time(tmp_path):
    train("ae", tmp_path / "run", images=16 * 10)
    left = tmp_path / "run" / ".model.safetensors.1.tmp"
    left.write_bytes(b"half")
    with Folder(tmp_path / "run").locked():
        assert not left.exists()
        with pytest.raises(UserError, match="another process"):
            aegean.resume(tmp_path / "run", images=16 * 20)
    aegean.resume(tmp_path / "run", images=16 * 20)


def test_minutes_become_images_once(tmp_path, monkeypatch):
    monkeypatch.setattr("aegean.session.train.LEARNING", 1)
    train("ae", tmp_path / "run", images=None, minutes=0.05)
    folder = Folder(tmp_path / "run")
    plan = folder.read()
    assert plan.minutes == 0.05 and plan.images % 16 == 0 and folder.clock()["images"] == plan.images
    assert folder.lines()[-1]["seconds"] < 12
    train("ae", tmp_path / "both", images=32, minutes=5)
    assert Folder(tmp_path / "both").read().images == 32


def test_a_guard_stops_at_the_last_good_state_and_names_the_term(tmp_path, monkeypatch):
    with pytest.raises(Fault, match=r"in turn 'AE' at image"):
        train("ae", tmp_path / "run", settings={**SMALL, "lr": 1e12})
    state = safetensors.torch.load_file(Folder(tmp_path / "run").state)
    assert all(torch.isfinite(v).all() for v in state.values())


def train_until_half_written(file, nth, out):
    """The run of `straight`, killed when half of a file's bytes are there, at its nth writing."""
    written, real = [], os.fsync

    def fsync(descriptor):
        name = Path(f"/proc/self/fd/{descriptor}").readlink().name
        written.append(name)
        if file in name and sum(file in w for w in written) == nth:
            os.ftruncate(descriptor, os.fstat(descriptor).st_size // 2)
            real(descriptor)
            os.kill(os.getpid(), signal.SIGKILL)
        real(descriptor)

    os.fsync = fsync
    train("ae_to_gan", out)


@pytest.mark.parametrize("file", ["last.safetensors", "evaluation.json"])
def test_a_kill_in_the_middle_of_writing_loses_nothing(straight, start, tmp_path, file):
    """SIGKILL when the new file's bytes are half written, at the second writing of what is often written."""
    out, nth = tmp_path / "run", 2 if file == "last.safetensors" else 1
    process = start(train_until_half_written, file, nth, out)
    process.join(300)
    assert process.exitcode == -signal.SIGKILL
    aegean.resume(out)
    assert_same(straight, Folder(out))
    assert not list(out.rglob("*.tmp"))


def test_a_nan_planted_in_the_data_stops_the_run_at_the_last_good_state(tmp_path):
    """Packing refuses what is not finite, so it must come later: a damaged pack."""
    rows = np.tanh(np.random.default_rng(1).normal(size=(300, 3)))
    np.save(tmp_path / "planted.npy", rows)
    settings = {"width": 2, "batch": 20}
    train("ae", tmp_path / "before", images=400, settings=settings, data=str(tmp_path / "planted.npy"))
    pack = np.load(next(cache_folder().glob("packs/planted-*/train.npy")), mmap_mode="r+")
    measured = chosen(len(pack), 30, 1)  # the rows of the floor, which would tell at once
    pack[np.setdiff1d(np.arange(len(pack)), measured)[0]] = np.nan
    pack.flush()
    with pytest.raises(Fault, match=r"SquaredError in turn 'AE' at image \d+: loss nan"):
        train("ae", tmp_path / "run", images=400, settings=settings, data=str(tmp_path / "planted.npy"))
    folder = Folder(tmp_path / "run")
    state, _ = folder.load_state()
    assert all(torch.isfinite(v).all() for v in state.values())
    assert aegean.load(folder.path).can() == ["encode", "decode", "reconstruct", "levels"]


def test_a_full_disk_loses_nothing(tmp_path, monkeypatch):
    train("ae", tmp_path / "run", images=16 * 20)
    folder = Folder(tmp_path / "run")
    before = folder.state.read_bytes(), folder.model.read_bytes()

    def full(descriptor):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises((UserError, OSError), match=r"[Nn]o space left"):
        aegean.resume(tmp_path / "run", images=16 * 40)
    monkeypatch.undo()
    assert (folder.state.read_bytes(), folder.model.read_bytes()) == before
    assert not list(folder.path.rglob("*.tmp"))
    aegean.resume(tmp_path / "run", images=16 * 40)
    assert folder.clock()["images"] == 16 * 40


def test_a_model_file_is_whole_or_refused(straight, tmp_path):
    data = bytearray(straight.model.read_bytes())
    model = Model.load(straight.model)
    assert model.can() == ["encode", "decode", "reconstruct", "sample", "levels"]
    cases = {"empty": b"", "short": data[: len(data) // 2], "text": b"hello" * 100}
    for name, content in cases.items():
        (tmp_path / name).write_bytes(bytes(content))
        with pytest.raises(UserError, match=name):
            Model.load(tmp_path / name)
    plain = tmp_path / "plain.safetensors"
    safetensors.torch.save_file({"a": torch.zeros(1)}, plain)
    with pytest.raises(UserError, match="not written by aegean"):
        Model.load(plain)


def test_a_description_cannot_ask_for_more_memory_than_the_file_holds(straight, tmp_path):
    with safetensors.safe_open(str(straight.model), "pt") as opened:
        header = json.loads(opened.metadata()["aegean"])
    header["nets"]["G"]["args"]["widths"] = [100_000, 100_000]
    file = tmp_path / "huge.safetensors"
    safetensors.torch.save_file(safetensors.torch.load_file(straight.model), file, {"aegean": json.dumps(header)})
    with pytest.raises(UserError, match="do not fit"):
        Model.load(file)


NONSENSE = {
    "no shape": lambda h: h["nets"]["E"]["args"].update(shape=[]),
    "no width": lambda h: h["nets"]["D"]["args"]["backbone"]["args"].update(widths=[0, 0]),
    "an endless width": lambda h: h["nets"]["E"]["args"].update(widths=[10**30, 1]),
    "a billion blocks": lambda h: h["nets"]["E"]["args"].update(blocks=10**9),
    "no components": lambda h: h["nets"]["prior"]["args"].update(components=0),
    "no data": lambda h: h.update(info={}),
    "samples of no shape": lambda h: h["info"].update(shape=["8"]),
    "no range": lambda h: h["info"].update(offset=[], scale=[]),
    "a past of another kind": lambda h: h.update(about=[1]),
    "a past in words": lambda h: h["about"].update(images="many"),
    "a bound of no terms": lambda h: h.update(bound=[1]),
    "classes without names": lambda h: h["nets"]["prior"]["args"].update(classes=1),
    "a list of networks": lambda h: h.update(nets=[]),
}


@pytest.mark.parametrize("what", NONSENSE)
def test_a_description_that_makes_no_sense_is_refused(straight, tmp_path, what):
    with safetensors.safe_open(str(straight.model), "pt") as opened:
        header = json.loads(opened.metadata()["aegean"])
    NONSENSE[what](header)
    file = tmp_path / "odd.safetensors"
    safetensors.torch.save_file(safetensors.torch.load_file(straight.model), file, {"aegean": json.dumps(header)})
    with pytest.raises(UserError, match=r"odd|network|shape"):
        Model.load(file)


def test_verbs_say_what_is_missing(tmp_path, straight):
    model = train("ae", tmp_path / "ae", images=160)
    with pytest.raises(UserError, match="fit_prior"):
        model.sample(4)
    with pytest.raises(UserError, match="evidence bound"):
        model.score(torch.zeros(1, 1, 8, 8))
    with pytest.raises(UserError, match=r"decodes \(n, 4\)"):
        model.decode(torch.zeros(2, 5))
    with pytest.raises(UserError, match=r"takes \(1, 8, 8\)"):
        model.encode(torch.zeros(2, 1, 9, 9))
    fitted = aegean.fit_prior(tmp_path / "ae", "mixture")
    assert fitted.sample(5).shape == (5, 1, 8, 8)
    assert aegean.load(tmp_path / "ae").can() == ["encode", "decode", "reconstruct", "sample", "levels"]


def test_a_fitted_prior_survives_more_training(tmp_path):
    train("ae", tmp_path / "ae", images=160)
    first = aegean.fit_prior(tmp_path / "ae", "gaussian").nets["prior"]
    again = aegean.resume(tmp_path / "ae").nets["prior"]  # nothing left to train: as it was
    assert torch.equal(first.means, again.means)
    model = aegean.resume(tmp_path / "ae", images=320)
    assert "sample" in model.can() and "sample" in aegean.load(tmp_path / "ae").can()
    assert not torch.equal(first.means, model.nets["prior"].means)  # to the latents as they are now
    assert any(key.startswith("fd@") for key in scores(tmp_path / "ae"))


def test_a_gaussian_prior_has_the_moments_of_the_latents(tmp_path):
    model = train("ae", tmp_path / "ae", images=1600)
    dataset = aegean.open_data(aegean.DataOptions("digits"))
    z = model.encode(model.info.normalise(dataset.train))
    drawn = aegean.fit_prior(tmp_path / "ae", "gaussian").nets["prior"](torch.randn(5000, 4), torch.rand(5000, 1))
    torch.testing.assert_close(drawn.mean(0), z.mean(0), atol=0.2, rtol=0.1)
    torch.testing.assert_close(drawn.std(0), z.std(0), atol=0.2, rtol=0.1)


@pytest.mark.parametrize("recipe, conditional", [("ae", True), ("vae", False)])
def test_every_prior_samples_and_leaves_reconstructions_as_they_were(recipe, conditional, tmp_path, monkeypatch):
    """One after the other on one run: each is fitted to what the one before left."""
    monkeypatch.setattr(mapping, "STEPS", 20)
    run = tmp_path / "run"
    before = train(recipe, run, images=320, evaluations=1, settings={**SMALL, "conditional": conditional})
    x = torch.rand(20, 1, 8, 8) * 2 - 1
    labels = torch.arange(20) % 10 if conditional else None
    for name in ("whitening", "mapping", "mixture", "whitening", "gaussian"):
        fitted, loaded = aegean.fit_prior(run, name), aegean.load(run)
        assert loaded.sample(20, labels=labels).isfinite().all()
        assert torch.equal(loaded.sample(20, labels=labels), fitted.sample(20, labels=labels))
        assert loaded.about["prior"] == name
        torch.testing.assert_close(loaded.reconstruct(x, labels), before.reconstruct(x, labels), atol=1e-4, rtol=1e-3)
        torch.testing.assert_close(loaded.decode(loaded.encode(x, labels), labels), loaded.reconstruct(x, labels))


def test_whitening_is_folded_into_an_autoencoder_and_drawn_from_plain_noise(tmp_path):
    old = train("ae", tmp_path / "ae", images=1600)
    kept = aegean.fit_prior(tmp_path / "ae", "gaussian").sample(64, seed=3)
    white = aegean.fit_prior(tmp_path / "ae", "whitening")
    assert white.specs["prior"].kind == "NormalPrior"
    torch.testing.assert_close(white.sample(64, seed=3), kept, atol=1e-3, rtol=1e-2)  # the same Gaussian, elsewhere
    dataset = aegean.open_data(aegean.DataOptions("digits"))
    x = white.info.normalise(dataset.train)
    torch.testing.assert_close(white.encode(x).T.cov(), torch.eye(4), atol=0.01, rtol=0)
    assert not torch.allclose(old.encode(x), white.encode(x), atol=0.1)
    raised = aegean.resume(tmp_path / "ae", images=3200)  # the run goes on unfolded, and is folded anew
    assert raised.specs["prior"].kind == "NormalPrior"
    torch.testing.assert_close(raised.encode(x).T.cov(), torch.eye(4), atol=0.01, rtol=0)


def test_a_variational_model_keeps_its_whitening_in_the_prior_and_says_so(tmp_path, capsys):
    old = train("vae", tmp_path / "vae", images=320)
    white = aegean.fit_prior(tmp_path / "vae", "whitening")
    assert "whitening stays in the prior" in capsys.readouterr().err
    assert white.specs["prior"].kind == "WhiteningPrior"
    x = torch.rand(20, 1, 8, 8) * 2 - 1
    assert torch.equal(white.encode(x), old.encode(x)) and torch.equal(white.score(x), old.score(x))


def test_what_is_not_a_run_is_not_overwritten(tmp_path):
    other = tmp_path / "other"
    other.mkdir()
    (other / "config.json").write_text('{"model_type": "bert"}')
    with pytest.raises(UserError, match="is not a run folder"):
        train("ae", other, overwrite=True)
    assert (other / "config.json").exists()
    train("ae", tmp_path / "run", images=16)
    train("ae", tmp_path / "run", images=32, overwrite=True)
    assert Folder(tmp_path / "run").read().images == 32


def rows(file, count=60, first=0.0):
    np.savetxt(file, first + np.random.default_rng(0).normal(size=(count, 2)), delimiter=",")


@pytest.fixture
def own_data(tmp_path, monkeypatch):
    """A run on rows.csv, named by a relative path, and the present folder somewhere else since."""
    rows(tmp_path / "rows.csv")
    monkeypatch.chdir(tmp_path)
    aegean.train("ae", "rows.csv", "run", images=64, evaluations=1, settings=SMALL)
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    return tmp_path


def test_a_run_finds_its_data_from_another_folder(own_data):
    rows(own_data / "elsewhere" / "rows.csv", first=5)  # not these
    assert aegean.evaluate("../run")
    assert aegean.resume("../run", images=128).about["images"] == 128


@pytest.mark.parametrize("use", [aegean.evaluate, aegean.resume, lambda run: aegean.fit_prior(run, "gaussian")])
def test_data_that_changed_or_went_are_not_a_run_s_own(own_data, use):
    rows(own_data / "rows.csv", count=90)
    with pytest.raises(UserError, match="have changed since"):
        use(own_data / "run")
    (own_data / "rows.csv").unlink()
    with pytest.raises(UserError, match=r"The data of .*run: There is no data at .*rows.csv"):
        use(own_data / "run")
    assert aegean.load(own_data / "run").decode(torch.zeros(1, 4)).shape == (1, 4)  # which needs no data


def test_a_run_that_another_process_made_is_left_alone(own_data):
    plan = Folder(own_data / "run").read()
    with pytest.raises(UserError, match="by another process"):
        Folder(own_data / "run").create(plan)
    assert not list(own_data.glob(".run*"))


def test_a_full_disk_under_tensorboard_is_one_sentence(tmp_path, monkeypatch, capfd):
    from tensorboard.summary.writer.record_writer import RecordWriter

    def full(*args):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(RecordWriter, "write", full)
    with pytest.raises(UserError, match=r"No space left to write .*run; free some and resume"):
        train("ae", tmp_path / "run", images=160)
    assert "Traceback" not in capfd.readouterr().err
    monkeypatch.undo()
    assert aegean.resume(tmp_path / "run").about["images"] == 160


def test_sample_i_depends_on_the_seed_and_i_alone(straight):
    model = aegean.load(straight.path)
    many, few = model.sample(300, seed=3), model.sample(10, seed=3)
    torch.testing.assert_close(many[:10], few)
    assert not torch.equal(few, model.sample(10, seed=4))


@pytest.mark.parametrize(
    "text,images", [("500", 500), ("500k", 500_000), ("2M", 2_000_000), ("1.5M", 1_500_000), ("1.001k", 1001), (7, 7)]
)
def test_budgets_that_are_read(text, images):
    assert parse_images(text) == images


@pytest.mark.parametrize("text", ["", "0", "-5", "1e5", "5 k", "1.5", "k", "5K", "nan", "inf", "½k", True, "9" * 30])
def test_budgets_that_are_refused(text):
    with pytest.raises(UserError, match="images"):
        parse_images(text)
