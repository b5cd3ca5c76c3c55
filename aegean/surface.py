"""What the library says, in the words of the surface in use: the command line, Python, or a page.

The library names its parameters (`option("images", 0)`) and says its notes (`say(...)`); a surface decides how a
parameter is written there and where a note goes. Python is the default, so nothing has to be set up.
"""

from __future__ import annotations

import contextlib
import logging
import os
import sys
from collections.abc import Callable, Iterator
from contextvars import ContextVar
from dataclasses import dataclass, replace
from typing import Any
from unicodedata import category


def clean(text: str) -> str:
    """Text with what a terminal would obey, or show in another order, written out: names come from strangers' files."""
    return "".join(c if c.isprintable() or c in "\n\t" or category(c) == "Zs" else ascii(c)[1:-1] for c in text)


def plural(count: float, noun: str) -> str:
    """ "1 picture", "2,000 pictures", "1.5 minutes"."""
    number = f"{int(count):,}" if count == int(count) else f"{count:g}"
    return f"{number} {noun}{'' if count == 1 else 's'}"


def be(count: float) -> str:
    """ "is" of one, "are" of others."""
    return "is" if count == 1 else "are"


def to_stderr(text: str) -> None:
    """A note to stderr; of several processes the leading one writes it."""
    if os.environ.get("RANK", "0") == "0":
        print(clean(text), file=sys.stderr)


def keyword(name: str, value: str) -> str:
    """A parameter as Python has it: images=50000, or images alone."""
    return f"{name}={value}" if value else name


@dataclass(frozen=True)
class Surface:
    """option: a parameter's name and its value as text ("" for none) -> as it is written there. say: takes a note.
    commands: whether its user types commands of the shell, rather than calls of Python."""

    option: Callable[[str, str], str] = keyword
    say: Callable[[str], None] = to_stderr
    commands: bool = False


PYTHON = Surface()
_process = PYTHON
_current: ContextVar[Surface | None] = ContextVar("surface", default=None)


def surface() -> Surface:
    """The surface of this context, else that of the process."""
    return _current.get() or _process


def settle(chosen: Surface) -> None:
    """Make a surface that of the whole process, threads included."""
    global _process
    _process = chosen


@contextlib.contextmanager
def using(chosen: Surface) -> Iterator[None]:
    """A surface for the calls inside the block."""
    token = _current.set(chosen)
    try:
        yield
    finally:
        _current.reset(token)


def say(text: str) -> None:
    """A note for whoever uses the library: what was decided, converted or left out."""
    surface().say(text)


def option(name: str, value: Any = "") -> str:
    """A parameter of the library as the user knows it, perhaps with a value."""
    return surface().option(name, str(value))


def either(command: str, call: str) -> str:
    """What to do next: as a command of the shell, or as a call of Python."""
    return f"`{command if surface().commands else call}`"


@contextlib.contextmanager
def quiet(library: str, level: int = logging.ERROR) -> Iterator[None]:
    """A library's own notes below a level are kept back: what matters of them is said here."""
    logger = logging.getLogger(library)
    before = logger.level
    logger.setLevel(level)
    try:
        yield
    finally:
        logger.setLevel(before)


@contextlib.contextmanager
def muted() -> Iterator[None]:
    """Nothing is said inside the block."""
    with using(replace(surface(), say=lambda text: None)):
        yield


@contextlib.contextmanager
def noted() -> Iterator[list[str]]:
    """What is said inside the block is said and collected, too."""
    found: list[str] = []
    outer = surface()

    def both(text: str) -> None:
        found.append(text)
        outer.say(text)

    with using(replace(outer, say=both)):
        yield found
