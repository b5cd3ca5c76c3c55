"""AEGEAN_NO_SKIPS, which CI sets: a skipped test, or a file of tests that skips itself, is a failure by name."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

HERE = Path(__file__).parent
FILES = {
    "test_file.py": "import pytest\npytest.importorskip('no_such_library', reason='no_such_library is missing')\n",
    "test_call.py": "import pytest\ndef test_a():\n    pytest.skip('not today')\n",
    "test_mark.py": "import pytest\n@pytest.mark.skipif(True, reason='never')\ndef test_a():\n    pass\n",
}


@pytest.fixture
def outcome(tmp_path):
    """Run these tests with the suite's own hooks: (status, what was said)."""
    for name, text in FILES.items():
        (tmp_path / name).write_text(text)
    (tmp_path / "test_good.py").write_text("def test_a():\n    pass\n")

    def run(*words, **environment):
        known = {key: value for key, value in os.environ.items() if key not in ("AEGEAN_NO_SKIPS", "PYTEST_ADDOPTS")}
        command = [sys.executable, "-m", "pytest", "-p", "conftest", "-p", "no:cacheprovider", "-rfEs", *words]
        known["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
        known["PYTHONPATH"] = os.pathsep.join([str(HERE), str(HERE.parent), known.get("PYTHONPATH", "")])
        done = subprocess.run(
            command, cwd=tmp_path, env=known | environment, capture_output=True, text=True, check=False
        )
        return done.returncode, done.stdout

    return run


@pytest.mark.parametrize("words", [(), ("-p", "xdist", "-n", "1")], ids=["own process", "worker"])
def test_nothing_may_be_skipped(outcome, words):
    status, out = outcome("--continue-on-collection-errors", *words, AEGEAN_NO_SKIPS="1")
    assert status != 0
    assert "no_such_library is missing (AEGEAN_NO_SKIPS" in out and "ERROR test_file.py" in out
    assert "not today (AEGEAN_NO_SKIPS" in out and "never (AEGEAN_NO_SKIPS" in out
    assert "1 failed, 1 passed, 2 errors" in out  # what a mark skips fails before it is called: an error


def test_elsewhere_what_is_missing_is_skipped_by_name(outcome):
    status, out = outcome()
    assert status == 0
    assert "no_such_library is missing" in out and "1 passed, 3 skipped" in out
