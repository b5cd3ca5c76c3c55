"""The GPU day goes on after a part that fails or is late, and keeps what each has found; budgets of benchmarks end."""

import importlib
import json
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch

FOLDER = Path(__file__).parent.parent / "benchmarks"
SCRIPTS = {
    "late": "import signal, sys, time\n"
    "signal.signal(signal.SIGTERM, lambda *_: sys.exit(print('{\"rows\": 1}')))\n"
    "time.sleep(60)",
    "wrong": "raise ValueError('no such thing')",
    "good": "print('a table')\nprint('{\"rows\": 2}')",
}


@pytest.fixture
def module(monkeypatch):
    monkeypatch.syspath_prepend(str(FOLDER))
    yield importlib.import_module
    for name in [name for name, one in sys.modules.items() if str(FOLDER) in (getattr(one, "__file__", None) or "")]:
        del sys.modules[name]


@pytest.mark.slow
def test_a_part_that_fails_or_is_late_does_not_stop_the_next(module, monkeypatch, tmp_path, capsys):
    day = module("gpu_day")
    for name, text in SCRIPTS.items():
        (tmp_path / f"{name}.py").write_text(text)

    def part(name):
        return day.Part(
            1,
            2.5 if name == "late" else 60,
            lambda asked, seconds: [f"{name}.py"],
            lambda result: f"rows {result['rows']}",
        )

    monkeypatch.setattr(day, "HERE", tmp_path)
    monkeypatch.setattr(day, "GRACE", 0.5)
    monkeypatch.setattr(day, "PARTS", {name: part(name) for name in SCRIPTS})
    monkeypatch.setattr(sys, "argv", ["gpu_day.py", "--out", str(tmp_path / "out")])
    with pytest.raises(SystemExit) as ended:
        day.main()
    assert ended.value.code == 1
    rows = [json.loads(line) for line in (tmp_path / "out" / "results.jsonl").read_text().splitlines()]
    ends = {row["part"]: row["status"] for row in rows}
    assert ends == {"late": "timed out", "wrong": "failed", "good": "ok"}
    assert [row["headline"] for row in rows] == ["rows 1", "no result", "rows 2"]
    assert "no such thing" in rows[1]["stderr"][-1]
    assert "summary" in capsys.readouterr().out


def test_budgets_of_time(module, capsys):
    common = module("common")
    assert list(common.rounds(time.monotonic())) == [1]
    cases = {"a": 1, "b": 2}
    assert [name for name, *_ in common.shared(cases, 0)] == ["a", "b"]
    parts = common.shared(cases, 0.01)
    next(parts)
    time.sleep(0.02)
    assert list(parts) == [] and "b: left out" in capsys.readouterr().err


def test_what_was_found_is_printed_when_a_benchmark_is_interrupted(module, capsys):
    results = module("common").results
    with pytest.raises(SystemExit, match="interrupted"), results("some", torch.device("cpu"), rows={}) as found:
        found["rows"]["first"] = 1
        raise KeyboardInterrupt
    last = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert last["complete"] is False and last["rows"] == {"first": 1}


@pytest.mark.slow
def test_a_day_on_the_processor(module, tmp_path):
    words = [sys.executable, FOLDER / "gpu_day.py", "--quick", "--parts", "symbols", "--out", tmp_path]
    assert subprocess.run(words, capture_output=True, timeout=300).returncode == 0
    assert "9 of 9" in json.loads((tmp_path / "results.jsonl").read_text())["headline"]
    name, row = module("same_steps").compare("ae", torch.device("cpu"), "aot_eager")
    assert (name, row["agrees"], row["programs"]) == ("ae", "yes", 1)
