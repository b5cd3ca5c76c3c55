"""A few of the mutations that `benchmarks/fuzz_codec.py` tries in hundreds of thousands."""

import importlib.util
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parent.parent.parent / "benchmarks" / "fuzz_codec.py"


@pytest.mark.slow
def test_mutated_files_are_refused_or_decode_as_they_should():
    spec = importlib.util.spec_from_file_location("fuzz_codec", SCRIPT)
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    found = script.fuzz(220)
    assert found["decoded in silence"] == 0
    assert found["refused"] > 190
