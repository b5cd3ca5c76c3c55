"""From a data SPEC to its reader."""

from __future__ import annotations

import difflib
from pathlib import Path
from typing import Any

from aegean.config import UserError, nearest
from aegean.data.read import hub
from aegean.data.read.binary import cifar_source, idx_source, is_cifar, is_idx
from aegean.data.read.built_in import BUILT_IN
from aegean.data.read.files import listing
from aegean.data.read.lazy import Store
from aegean.data.read.shards import has_shards, open_shards, shard_source
from aegean.data.read.source import Say, Source, Want, conform
from aegean.data.sets.dataset import DataOptions


def locate(spec: str) -> Path | None:
    """The path that a SPEC names, or None for a built-in set and one on the Hub."""
    if spec in BUILT_IN:
        return None
    if hub.is_hub(spec):
        return hub.address(spec).folder
    if not spec or "\0" in spec:
        raise UserError(f"{spec!r} names no data.{nearest(spec, BUILT_IN)}")
    path = Path(spec).expanduser()
    try:
        if path.exists():
            return path
        beside = [entry.name for entry in path.parent.iterdir()] if path.parent.is_dir() else []
    except OSError as error:
        raise UserError(f"{spec} cannot be read ({error.strerror}); give yourself access to it.") from None
    close = difflib.get_close_matches(path.name, [*BUILT_IN, *beside], n=3, cutoff=0.5)
    raise UserError(f"There is no data at {spec}.{nearest(path.name, close or BUILT_IN)}")


def settled(options: DataOptions) -> DataOptions:
    """The same options with absolute paths, so that a run finds its data from wherever it is gone on with."""

    def absolute(spec: str) -> str:
        if hub.is_hub(spec):
            return hub.settled_spec(spec)
        path = locate(spec) if spec else None
        return spec if path is None else str(path.absolute())

    return options.replace(spec=absolute(options.spec), test=absolute(options.test))


def open_source(spec: str, want: Want, say: Say) -> Source:
    """The source that a SPEC names: built in, a folder, or a file known by its ending."""
    if hub.is_hub(spec):
        return hub.hub_source(spec, want, say)
    path = locate(spec)
    if path is None:
        return conform(BUILT_IN[spec](), want, say)
    path = path.absolute()
    names = [name for name, _, _ in listing(path)]
    if has_shards(path, names):
        return shard_source(path, want, say)
    if path.is_dir():
        if not names:
            raise UserError(f"{path} is empty; expected pictures, perhaps in sub-folders.")
        if is_idx(path):
            return conform(idx_source(path), want, say)
        if is_cifar(path):
            return conform(cifar_source(path), want, say)
    elif path.suffix.lower() in (".npy", ".npz"):
        from aegean.data.read.arrays import array_source

        return conform(array_source(path, want, say), want, say)
    elif path.suffix.lower() in (".csv", ".tsv"):
        from aegean.data.read.tables import table_source

        return conform(table_source(path, say), want, say)
    from aegean.data.read.pictures import picture_source

    return picture_source(path, want, say)


def open_store(options: DataOptions, part: str, description: dict[str, Any]) -> Store:
    """The pictures that the index of a part ("train" or "test") speaks of, where the options say that they lie."""
    spec = options.test if part == "test" and options.test else options.spec
    if hub.is_hub(spec):
        return hub.open_table(spec, description)
    path = locate(spec)
    if path is None:
        raise ValueError(f"{spec} has no pictures to index")
    return open_shards(path.absolute(), description)
