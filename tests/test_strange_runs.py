"""Run folders that strangers or accidents made: read, or refused in words; and what a run says of time."""

import json
import os
import re
import shutil
import struct
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

import aegean
import aegean.files
from aegean.cli import main
from aegean.config import UserError
from aegean.machine import cores
from aegean.session.options import TrainingOptions, planned
from aegean.session.train import in_time, minutes
from aegean.surface import noted
from aegean.training import probe
from aegean.training.folder import Folder
from aegean.training.probe import Pace, plan_for
from aegean.training.world import World

sys.path.insert(0, str(Path(__file__).parent.parent / "benchmarks"))
import fuzz_runs


@pytest.fixture(scope="session")
def finished(shared):
    """A small finished run; tests only read it."""
    return shared("fuzzed", lambda folder: fuzz_runs.made(folder / "run")) / "run"


@pytest.fixture
def run(finished, tmp_path):
    """A copy of it."""
    shutil.copytree(finished, tmp_path / "run")
    return tmp_path / "run"


def edited(file, change):
    value = json.loads(file.read_text())
    change(value)
    file.write_text(json.dumps(value))


def edited_header(file, change):
    """Change what a state says of itself."""
    data = file.read_bytes()
    (length,) = struct.unpack("<Q", data[:8])
    header = json.loads(data[8 : 8 + length])
    own = json.loads(header["__metadata__"]["aegean"])
    change(own)
    header["__metadata__"]["aegean"] = json.dumps(own)
    text = json.dumps(header).encode()
    file.write_bytes(struct.pack("<Q", len(text)) + text + data[8 + length :])


def content(folder):
    """Every file below a folder, what it holds and when it was written."""
    files = [path for path in sorted(folder.rglob("*")) if path.is_file()]
    return [(path, path.stat().st_mtime_ns, path.read_bytes()) for path in files]


# links (issue 15, 19)


@pytest.mark.parametrize("name", ["samples", "tensorboard", "state", "metrics.jsonl"])
def test_nothing_is_written_through_a_link(run, tmp_path, name):
    aside = tmp_path / "aside"
    (run / name).rename(aside)
    (run / name).symlink_to(aside)
    before = content(aside) if aside.is_dir() else aside.read_bytes()
    with pytest.raises(UserError, match="symbolic link"):
        aegean.resume(run, images=8 * 14)
    assert (content(aside) if aside.is_dir() else aside.read_bytes()) == before


@pytest.mark.parametrize("name", ["evaluation.json", "model.safetensors", "best.safetensors", "config.json"])
def test_a_linked_file_is_replaced_and_its_target_stays(run, tmp_path, name):
    aside = tmp_path / "aside"
    (run / name).rename(aside)
    (run / name).symlink_to(aside)
    before = aside.read_bytes()
    aegean.resume(run, images=8 * 14)
    assert aside.read_bytes() == before


def test_a_link_in_the_place_of_a_temporary_file_is_not_followed(tmp_path):
    (tmp_path / "target").write_text("mine")
    (tmp_path / f".file.{os.getpid()}.tmp").symlink_to(tmp_path / "target")
    aegean.files.write_atomically(tmp_path / "file", "new")
    assert (tmp_path / "target").read_text() == "mine" and (tmp_path / "file").read_text() == "new"


@pytest.mark.parametrize("place", ["samples", "state", "metrics.jsonl"])
def test_a_file_where_a_folder_should_be_is_refused(run, place):
    path = run / place
    shutil.rmtree(path) if path.is_dir() else path.unlink()
    path.mkdir() if place == "metrics.jsonl" else path.write_text("")
    with pytest.raises((UserError, OSError)):
        aegean.resume(run, images=8 * 14)


def test_reading_commands_write_nothing(run, capsys):
    before = content(run)
    for words in (
        ["info", run],
        ["info", run, "--json"],
        ["sample", run, "--count", "1", "--out", run.parent / "s.png"],
    ):
        assert main([str(word) for word in words]) == 0
    edited(run / "config.json", lambda c: c["run"].update(batch="x"))
    before[[path.name for path, _, _ in before].index("config.json")] = content(run)[1]
    assert main(["info", str(run)]) == 2
    assert [path for path, _, _ in content(run)] == [path for path, _, _ in before]


# what files say (issue 15, 20)

SETTINGS = {
    "threads in words": lambda c: c["machine"].update(threads="many"),
    "no threads": lambda c: c["machine"].update(threads=0),
    "a machine of lists": lambda c: c["machine"].update(device=["cpu"]),
    "a batch of none": lambda c: c["run"].update(batch=0),
    "a batch below zero": lambda c: c["run"].update(batch=-5),
    "half a batch": lambda c: c["run"].update(batch=0.5),
    "a batch without end": lambda c: c["run"].update(batch=10**12),
    "a seed in words": lambda c: c["run"].update(seed="x"),
    "a seed below zero": lambda c: c["run"].update(seed=-1),
    "a true seed": lambda c: c["run"].update(seed=True),
    "a count in words": lambda c: c["info"].update(count="many"),
    "a shape of nothing": lambda c: c["info"].update(shape=[]),
    "a shape without end": lambda c: c["info"].update(shape=[1, 10**9, 10**9]),
    "another kind": lambda c: c["info"].update(kind="video"),
    "a scale of zero": lambda c: c["info"].update(scale=[0.0]),
    "an evil backend": lambda c: c["engine"].update(backend="evil"),
    "another precision": lambda c: c["engine"].update(precision="float8"),
    "no parts": lambda c: c["engine"].update(accumulate=0),
    "no phases": lambda c: c["run"].update(schedule=[]),
    "a phase below zero": lambda c: c["run"]["schedule"][0].update(images=-8),
    "a phase without turns": lambda c: c["run"]["schedule"][0].update(turns=[]),
    "a rate that is not a number": lambda c: c["run"]["schedule"][0]["turns"][0].update(lr=float("nan")),
    "a turn that never ends": lambda c: c["run"]["schedule"][0]["turns"][0].update(repeat=10**12),
    "an average of nobody": lambda c: c["run"]["schedule"][0].update(averages=["X"]),
    "a network without a name": lambda c: c["run"]["nets"]["E"].update(kind=3),
    "no networks": lambda c: c["run"].update(nets={}),
    "a term of no class": lambda c: c["run"]["schedule"][0]["turns"][0]["terms"].append({"type": "Term"}),
    "a network among terms": lambda c: c["run"]["schedule"][0]["turns"][0].update(terms=[c["run"]["nets"]["E"]]),
    "evaluations without end": lambda c: c.update(evaluations=10**12),
    "minutes in words": lambda c: c.update(minutes="three"),
    "another prior": lambda c: c.update(prior="evil"),
    "an inheritance from nowhere": lambda c: c.update(inherited={"images": "many"}),
    "another class": lambda c: c.update(type="Run"),
    "a size without end": lambda c: c["data"].update(size=10**9),
}  # fmt: skip


@pytest.mark.parametrize("name", SETTINGS)
def test_settings_that_cannot_be_are_refused_where_they_are_read(run, name, capsys):
    edited(run / "config.json", SETTINGS[name])
    with pytest.raises(UserError):
        Folder(run).read()
    assert main(["info", str(run)]) == 2
    assert "Traceback" not in capsys.readouterr().err


def test_threads_are_bounded_by_the_machine(run):
    edited(run / "config.json", lambda c: c["machine"].update(threads=10**6))
    edited(run / "evaluation.json", lambda e: e.update(images=1))
    before = torch.get_num_threads()
    aegean.resume(run)
    assert torch.get_num_threads() <= cores()
    torch.set_num_threads(before)


@pytest.mark.parametrize(
    "change", [{"widths": [10**5, 10**5]}, {"widths": []}, {"blocks": 10**9}, {"shape": [7]}], ids=str
)
def test_networks_other_than_those_of_the_state_are_refused_before_they_are_built(run, change):
    edited(run / "config.json", lambda c: c["run"]["nets"]["G"]["args"].update(change))
    with pytest.raises(UserError, match="network G"):
        aegean.resume(run, images=8 * 14)


CLOCKS = {
    "no clock": lambda h: h.pop("clock"),
    "a clock in words": lambda h: h["clock"].update(images="many"),
    "a phase too many": lambda h: h["clock"].update(phase=9),
    "a phase below zero": lambda h: h["clock"].update(phase=-1),
    "seconds in words": lambda h: h["notes"].update(seconds="long"),
    "lines below none": lambda h: h["notes"].update(lines=None),
    "warnings of numbers": lambda h: h["notes"].update(said=[1]),
    "notes of a list": lambda h: h.update(notes=[]),
    "another format": lambda h: h.update(format="2"),
}


@pytest.mark.parametrize("name", CLOCKS)
def test_a_state_that_says_odd_things_is_refused(run, name):
    edited_header(run / "state" / "last.safetensors", CLOCKS[name])
    with pytest.raises(UserError, match=r"last\.safetensors"):
        aegean.resume(run, images=8 * 14)


LINES = ["[]", "{}", '{"images": "x"}', '{"images": 1, "phase": 2, "seconds": 0, "kind": "train"}', "nope", "[" * 10**5,
         '{"images": 1, "phase": "a", "seconds": 0, "kind": "eval", "scores": {"fd@x": 3}}']  # fmt: skip


@pytest.mark.parametrize("line", LINES, ids=range(len(LINES)))
def test_a_line_that_is_none_is_named(run, line):
    text = (run / "metrics.jsonl").read_text()
    (run / "metrics.jsonl").write_text(line + "\n" + text)
    with pytest.raises(UserError, match=r"metrics\.jsonl, line 1"):
        Folder(run).lines()
    (run / "metrics.jsonl").write_text(text + line)  # a last line that was cut short
    assert Folder(run).lines() == [json.loads(one) for one in text.splitlines()]


@pytest.mark.parametrize("score", [[], 3, {"value": "x", "floor": None, "better": "lower"}, {"value": 1},
                                   {"value": 1.0, "floor": 1.0, "better": "lower", "line": "x"},
                                   {"value": 1.0, "floor": 1.0, "better": "lower", "blurred": None},
                                   {"value": 10**400, "floor": 1, "better": "lower"}])  # fmt: skip
def test_scores_that_are_none_are_refused(run, score):
    edited(run / "evaluation.json", lambda e: e.update(scores={"fd@x": score} if score else score))
    with pytest.raises(UserError, match=r"evaluation\.json"):
        Folder(run).read_scores()


@pytest.mark.parametrize("name", ["config.json", "metrics.jsonl", "state/last.safetensors"])
def test_a_pipe_in_the_place_of_a_file_is_refused(run, name):
    (run / name).unlink()
    os.mkfifo(run / name)
    with pytest.raises(UserError, match="pipe"):
        aegean.resume(run, images=8 * 14)


@pytest.mark.parametrize("path", ["nosuch", "real.9", "__class__", "x.1.2"])
def test_a_term_on_a_path_that_is_not_there_is_the_settings_fault(run, path):
    def change(config):
        terms = config["run"]["schedule"][-1]["turns"][-1]["terms"]
        next(term for term in terms if "fake" in term)["fake"] = path

    edited(run / "config.json", change)
    with pytest.raises(UserError, match=r"state|takes no step"):
        aegean.resume(run, images=8 * 14)


@pytest.mark.slow
def test_mutants_are_read_or_refused(finished):
    found = fuzz_runs.fuzz(finished, 60, 0)
    assert found["faults"] == [] and found["refused"] > 20


# time (issue 15, 29 and 34)


def test_a_finished_run_is_said_to_be_finished_and_is_not_evaluated_again(run):
    before = (run / "evaluation.json").stat().st_mtime_ns
    with noted() as said:
        model = aegean.resume(run)
    assert any("finished" in text for text in said) and "sample" in model.can()
    assert (run / "evaluation.json").stat().st_mtime_ns == before


@pytest.mark.parametrize("damage", [lambda file: file.unlink(), lambda file: file.write_text("{}")])
def test_a_lost_evaluation_is_made_again_and_said(run, damage):
    damage(run / "evaluation.json")
    with noted() as said:
        aegean.resume(run)
    assert any(text.startswith("evaluating on") for text in said)
    assert Folder(run).read_scores()


def test_evaluations_take_at_most_a_third_of_the_time(finished):
    of = Folder(finished).read().run.with_images
    (batch, phases), pace = (of(1).batch, len(of(1).schedule)), (0.1,) * len(of(1).schedule)
    plan = plan_for(90, of, Pace(pace, evaluation=10), evaluations=20)
    assert plan.evaluations == 3 and plan.run.images == pytest.approx(600, abs=batch)
    assert plan_for(90, of, Pace(pace, 0.0), 20).evaluations == 20
    none = plan_for(-5, of, Pace(pace, 1.0), 20)
    assert none.run.images == batch * phases and none.evaluations == 1
    tenth = plan_for(100, of, Pace(pace, 1.0), 0)  # where the number is left open
    assert tenth.run.images == pytest.approx(900, abs=batch) and tenth.evaluations == 0


@pytest.mark.parametrize("seconds, teacher", [(60, 0.99), (310, 0.99), (900, 0.7), (6000, 0.7)])
def test_a_time_is_filled_although_phases_do_not_grow_alike(seconds, teacher):
    info = aegean.open_data("digits").info.replace(shape=(1, 28, 28))
    pace = Pace((0.001, 0.002, 0.004), 0.0)
    run = plan_for(seconds, lambda images: planned("ae_to_gan", info, {}, budget=max(images, 192)), pace, 1).run
    assert pace.training(run) == pytest.approx(seconds, rel=0.01)
    assert run.schedule[0].images / run.images == pytest.approx(teacher, abs=0.01)


@pytest.mark.parametrize(
    "seconds, fewest",
    [
        ({8: 0.08, 4: 0.05, 2: 0.04, 1: 0.06}, 2),
        ({8: 0.05, 4: 0.05, 2: 0.05, 1: 0.05}, 1),
        ({8: 0.04, 4: 0.07, 2: 0.03}, 8),  # no further than where it is slower
        ({8: 2.0}, 8),
        ({3: 0.05, 1: 0.04}, 1),
    ],
)
def test_a_run_takes_as_few_threads_as_are_about_as_fast(finished, monkeypatch, seconds, fewest):
    threads = [max(seconds)]
    monkeypatch.setattr(torch, "get_num_threads", lambda: threads[-1])
    monkeypatch.setattr(torch, "set_num_threads", threads.append)
    monkeypatch.setattr(probe, "_seconds", lambda trainer: seconds[threads[-1]])
    trainer = SimpleNamespace(place=lambda clock: None)
    assert probe.fewest_threads(Folder(finished).read().run, lambda: trainer) == fewest == threads[-1]


def test_a_batch_that_does_not_fit_leaves_the_threads_to_training(finished, monkeypatch):
    def make():
        raise MemoryError

    assert probe.fewest_threads(Folder(finished).read().run, make) == torch.get_num_threads()


class FakeEvaluator:
    def __init__(self, dataset):
        self.dataset, self.world = dataset, World()


@pytest.mark.parametrize("waited, enough", [(0.0, True), (55.0, False), (500.0, False)])
def test_minutes_count_what_was_waited_for_and_refuse_what_is_too_little(finished, monkeypatch, waited, enough):
    run, now = Folder(finished).read().run, 1000.0
    monkeypatch.setattr("aegean.session.train.pace_of", lambda *asked: Pace((0.001,) * len(run.schedule), 1.0))
    monkeypatch.setattr("aegean.session.train.time.monotonic", lambda: now)
    evaluator = FakeEvaluator(aegean.open_data("digits"))
    with noted() as said:
        try:
            asked = TrainingOptions(minutes=1, evaluations=0)
            found, _ = in_time(run, run.with_images, lambda: None, evaluator, asked, now - waited)
        except aegean.UserError as error:
            least = re.search(r"minutes=([\d.]+)", str(error).partition(".")[2])
            assert not enough and float(least[1]) > 1 + (waited - 60) / 60
            return
    assert enough and any(text.startswith("1 minute:") for text in said)
    assert waited + found.images * 0.001 / 0.9 + 1 <= 60.1


def test_a_minute_is_one_and_three_are_several():
    assert minutes(60) == "1 minute" and minutes(180) == "3 minutes" and minutes(90) == "1.5 minutes"
