"""The words of a surface: how parameters are written, where notes go, what never reaches a terminal."""

import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aegean.cli import COMMANDS, parser_of
from aegean.cli.parser import wording
from aegean.surface import PYTHON, Surface, clean, either, muted, noted, option, plural, say, settle, using


@pytest.fixture(params=["train", "compare", "sample"])
def words(request):
    """The words of a command, settled for the process."""
    settle(Surface(wording(request.param, parser_of), commands=True))
    yield request.param
    settle(PYTHON)


def test_python_writes_parameters_as_keywords():
    assert option("images", 0) == "images=0" and option("images") == "images"
    assert either("aegean fit RUN", "aegean.fit_prior(run)") == "`aegean.fit_prior(run)`"


def test_the_command_line_writes_its_own_options(words):
    assert option("images", 0) == "--images 0" and option("images") == "--images"
    assert option("skip_bad") == option("skip_bad", True) == "--skip-bad"
    assert option("overwrite") == "--overwrite"
    assert option("range", (5.0, 1.0)) == "--range 5.0 1.0"
    assert either("aegean fit RUN", "aegean.fit_prior(run)") == "`aegean fit RUN`"


def test_the_command_line_knows_where_its_names_differ():
    option = wording("train", parser_of)
    assert option("source", "runs/a") == "--from runs/a" and option("settings", "") == "--set"
    assert wording("sample", parser_of)("class_name", "3") == "--class 3"
    assert wording("traverse", parser_of)("start", "") == "--from"


def test_the_command_line_writes_settings_of_recipes(words):
    shown = {"train": "--set width=8", "compare": "--recipes NAME:width=8", "sample": "--set width=8"}
    assert option("width", 8) == shown[words]
    assert option("width") in ("--set width=...", "--recipes NAME:width=...")


def test_a_settled_surface_reaches_threads(words):
    found = []
    thread = threading.Thread(target=lambda: found.append(option("images", 1)))
    thread.start()
    thread.join()
    assert found == ["--images 1"]


def test_messages_of_the_library_are_in_the_words_of_the_command_line(refused, tmp_path):
    out = tmp_path / "run"
    assert "--images 0" in refused("train", "vae", "--data", "digits", "--out", out, "--images", 0)
    assert "--device tpu" in refused("train", "vae", "--data", "digits", "--out", out, "--device", "tpu")
    assert "wdth" in refused("train", "vae", "--data", "digits", "--out", out, "--set", "wdth=4")
    assert option("images", 0) == "images=0"  # and afterwards Python's again


def test_every_option_of_every_command_is_told_by_its_parameter():
    for name in COMMANDS:
        parser = parser_of(name)
        assert set(parser.spelling().values()) <= {*parser.known(), "-h"}, name


def test_notes_are_heard_muted_and_collected():
    heard = []
    with using(Surface(say=heard.append)):
        say("one")
        with muted():
            say("two")
        with noted() as found:
            say("three")
    assert heard == ["one", "three"] and found == ["three"]


def test_plural():
    assert [plural(n, "picture") for n in (0, 1, 2000)] == ["0 pictures", "1 picture", "2,000 pictures"]


@given(st.text())
def test_nothing_that_a_terminal_obeys_is_left(text):
    shown = clean(text)
    assert all(c in "\n\t" or c.isprintable() or c.isspace() for c in shown)
    assert clean(shown) == shown
    assert text.isprintable() <= (shown == text)


@pytest.mark.parametrize("bad", ["\x1b[2J", "\x9b31m", "\x07", "\x7f", "\u202e", "\u2066", "\r", "\x08", "\ud800"])
def test_escapes_are_written_out(bad):
    shown = clean(f"a{bad}b")
    assert bad not in shown and "\\" in shown and shown.isprintable()
