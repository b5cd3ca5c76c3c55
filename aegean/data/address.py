"""From a data SPEC to the place that it names: built in, on the Hub, or files."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Any, Protocol

from aegean.config import UserError, nearest
from aegean.data.kinds import kind_of, reader_of
from aegean.data.read.built_in import BUILT_IN, FILES, built_in_sum
from aegean.data.read.files import Files, plain_name
from aegean.data.read.hub import Hub, is_hub
from aegean.data.read.shards import open_shards
from aegean.data.read.source import Reader, Source, Store, Want
from aegean.files import expanded


class Address(Protocol):
    """What a SPEC names, understood once: nothing is listed, loaded or read before it is asked for, or twice."""

    spec: str  # the same from every folder
    name: str  # a short one for the data

    def glance(self) -> list[Any]:
        """What tells without reading whether the data are unchanged: names, sizes, times."""

    def fingerprint(self) -> str:
        """What tells for certain: a sum over the content."""

    def source(self, want: Want) -> Source:
        """The samples, in the form that is wanted where their kind can be converted."""

    def store(self, description: Mapping[str, Any]) -> Store:
        """The encoded samples that an index speaks of. ValueError, KeyError: they are not there."""


class BuiltIn:
    """A data set that is made here."""

    def __init__(self, spec: str):
        self.spec = self.name = spec

    def glance(self) -> list[Any]:
        return [self.spec, *(Files(file).entries for file in FILES)]

    def fingerprint(self) -> str:
        return f"{self.spec} {built_in_sum(self.spec)}"

    def source(self, want: Want) -> Source:
        source = BUILT_IN[self.spec]()
        return kind_of(source).conform(source, want)

    def store(self, description: Mapping[str, Any]) -> Store:
        raise ValueError(f"{self.spec} has no samples to index")


class Local:
    """A file or a folder, perhaps with a column in it."""

    def __init__(self, path: Path, column: str = ""):
        self.files = Files(path, column)
        self.spec = f"{self.files.path}:{column}" if column else str(self.files.path)
        self.name = plain_name(path)

    @cached_property
    def reader(self) -> Reader:
        if not self.files.entries:  # what is neither a file nor a folder is refused before it is opened
            raise UserError(f"{self.spec} is empty; expected images, perhaps in sub-folders.")
        return reader_of(self.files)

    def glance(self) -> list[Any]:
        return [self.spec, self.files.entries]

    def fingerprint(self) -> str:
        return self.files.fingerprint()

    def source(self, want: Want) -> Source:
        source = self.reader.read(self.files, want)
        return kind_of(source).conform(source, want)

    def store(self, description: Mapping[str, Any]) -> Store:
        return open_shards(self.files, description)


def address(spec: str) -> Address:
    """The place that a SPEC names. UserError: there are no data."""
    if spec in BUILT_IN:
        return BuiltIn(spec)
    if is_hub(spec):
        return Hub(spec)
    if not spec or "\0" in spec:
        raise UserError(f"{spec!r} names no data.{nearest(spec, BUILT_IN)}")
    path = expanded(spec)
    try:
        if path.exists():
            return Local(path)
        place, _, column = spec.rpartition(":")
        if place and column and expanded(place).exists():
            return Local(expanded(place), column)
        beside = [entry.name for entry in path.parent.iterdir()] if path.parent.is_dir() else []
    except OSError as error:
        raise UserError(f"{spec} cannot be read ({error.strerror}); give yourself access to it.") from None
    close = difflib.get_close_matches(path.name, [*BUILT_IN, *beside], n=3, cutoff=0.5)
    raise UserError(f"There is no data at {spec}.{nearest(path.name, close or BUILT_IN)}")
