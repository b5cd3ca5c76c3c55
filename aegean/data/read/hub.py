"""Data sets of the Hugging Face Hub, or in its layouts on disk: `hub:NAME`, `hub:NAME:SPLIT`, `hub:FOLDER`.

They are read with the optional library `datasets`, whose tables lie memory-mapped in its own cache.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from aegean.config import UserError, nearest
from aegean.data.read.files import Files, check_size, short_name
from aegean.data.read.lazy import LazyPictures
from aegean.data.read.source import Source, Want, resume_hint
from aegean.data.read.stored import read_store
from aegean.surface import say

PREFIX = "hub:"


class Hub:
    """A data set of the Hub, or a folder in one of its layouts; loaded on first use."""

    def __init__(self, spec: str):
        rest = spec.removeprefix(PREFIX)
        if not rest.strip(":") or "\0" in rest:
            raise UserError(f"{spec!r} names no data set; expected hub:NAME, hub:NAME:SPLIT or hub:FOLDER.")
        name, _, split = rest.rpartition(":")
        if not name or Path(rest).expanduser().is_dir():
            name, split = rest, ""
        self.split = split  # "": train, and test where there is one
        folder = Path(name).expanduser()
        self.files = Files(folder) if folder.is_dir() else None
        self.home = self.files.path if self.files else None
        self.repository = str(self.home or name)
        self.spec = PREFIX + ":".join(filter(None, (self.repository, split)))
        self.name = short_name(Path(name).name)

    @cached_property
    def splits(self) -> Mapping[str, Any]:
        """The tables by name."""
        try:
            import datasets
        except ImportError:
            raise UserError("hub: needs the library datasets: pip install 'aegean[data]'") from None
        saved = {"state.json", "dataset_dict.json"}
        load = datasets.load_from_disk if self.files and saved & set(self.files.names) else datasets.load_dataset
        try:
            found = load(self.repository)
        except Exception as error:  # the library raises many kinds, those of its network layer among them
            reason = (str(error).strip() or type(error).__name__).splitlines()[0].rstrip(".")
            raise UserError(
                f"{PREFIX}{self.repository} cannot be loaded ({reason}); check the name, and that the Hub can be "
                f"reached."
            ) from None
        return found if isinstance(found, Mapping) else {str(found.split or "train"): found}

    def glance(self) -> list[Any]:
        return [self.spec, *(self.files.entries if self.files else self._prints())]

    def fingerprint(self) -> str:
        return f"{self.files.fingerprint()} {self.split}" if self.files else " ".join([self.spec, *self._prints()])

    def _prints(self) -> list[str]:
        return [str(split._fingerprint) for split in self.splits.values()]

    def source(self, want: Want) -> Source:
        """The one column of pictures -> images (channels, height, width), uint8 or uint16; classes of a ClassLabel.

        Without a split in the SPEC: `train`, with `test` as the test part where there is one.
        """
        splits = self.splits
        main = self.split or ("train" if "train" in splits or len(splits) > 1 else next(iter(splits)))
        if main not in splits:
            raise UserError(f"{self.spec} has no split {main!r}.{nearest(main, splits)}")
        train = _split_source(self, main, want)
        if self.split or "test" not in splits or main == "test":
            return train
        exact = Want(train.shape[1:], train.shape[0], skip_bad=want.skip_bad, dtype=train.dtype)  # type: ignore[arg-type]
        test = _split_source(self, "test", exact)
        if (test.train.labels is None) != (train.train.labels is None) or test.classes != train.classes:
            say(f"{self.name}: the split 'test' lacks the classes of 'train', and is left out")
            return train
        return replace(train, test=test.train)

    def store(self, description: Mapping[str, Any]) -> Table:
        """The split and column that an index speaks of. KeyError: they are not there."""
        split = description["split"]
        return Table(self.spec, split, self.splits[split], description["column"], self.home)


def is_hub(spec: str) -> bool:
    return spec.startswith(PREFIX)


def _read_named(path: Path, homes: list[Path]) -> bytes:
    """A file that a table names, if it is a plain one inside its data set, or the library's cache: a stranger's table
    may name any file or device of this machine. UserError: it is neither, or cannot be read."""
    try:
        real = path.resolve(strict=True)
        if not any(real.is_relative_to(home.resolve()) for home in homes) or not real.is_file():
            raise UserError(f"{path} is named by the data set, but is no file inside it: it is not read.")
        check_size(real.stat().st_size)
        return real.read_bytes()
    except OSError as error:
        raise UserError(f"{path} cannot be read ({error.strerror}). {resume_hint('it')}") from None


class Table:
    """Encoded pictures in a column of one split. A place is (row,)."""

    def __init__(self, spec: str, split: str, rows: Any, column: str, folder: Path | None = None):
        """folder: of a data set on this machine, whose files its tables may name."""
        import datasets.config
        from datasets import Image

        caches = (datasets.config.HF_DATASETS_CACHE, datasets.config.HF_CACHE_HOME)
        self.homes = [folder] if folder else [Path(cache).expanduser() for cache in caches]
        self.spec, self.split, self.column = spec, split, column
        self.rows = rows.select_columns([column]).cast_column(column, Image(decode=False))

    def read(self, place: np.ndarray) -> bytes:
        found = self.rows[int(place[0])][self.column] or {}
        if found.get("bytes") is not None:
            data = found["bytes"]
        elif found.get("path"):
            data = _read_named(Path(found["path"]), self.homes)
        else:
            raise ValueError("no image")
        check_size(len(data))
        return data

    def name(self, place: np.ndarray) -> str:
        return f"{self.spec}: image {int(place[0])} of {self.split}"

    def describe(self) -> dict[str, Any]:
        return {"split": self.split, "column": self.column}


def _split_source(hub: Hub, split: str, want: Want) -> Source:
    rows = hub.splits[split]
    column, label = _columns(hub, rows)
    store = Table(hub.spec, split, rows, column, hub.home)
    places = np.arange(len(rows), dtype=np.int64)[:, None]
    names = [(f"{split}-{row:06d}",) for row in range(len(rows))]
    source = read_store(store, Path(hub.spec), places, names, lambda _: None, want)
    source = replace(source, name=hub.name)
    if not label:
        return source
    lazy = source.train.lazy
    assert isinstance(lazy, LazyPictures)
    labels = np.array([-1 if n is None else n for n in rows[label]], np.int64)[lazy.places[:, 0]]
    if (labels < 0).any():  # the Hub's custom for test parts whose classes are kept secret
        say(f"{source.name}: not every image of {split!r} has a class in {label!r}; none is taken")
        return source
    return replace(source, train=replace(source.train, labels=labels), classes=tuple(rows.features[label].names))


def _columns(hub: Hub, rows: Any) -> tuple[str, str]:
    """The column of pictures and that of classes ("" for none), by the types that the table gives them."""
    from datasets import ClassLabel, Image

    pictures = [name for name, kind in rows.features.items() if isinstance(kind, Image)]
    classes = [name for name, kind in rows.features.items() if isinstance(kind, ClassLabel)]
    if len(pictures) != 1:
        what = f"the columns of images {', '.join(pictures)}" if pictures else "no column of images"
        raise UserError(f"{hub.spec} has {what}; expected exactly one column of the type Image.")
    if len(classes) > 1:
        say(f"{hub.name}: of the columns {', '.join(classes)}, {classes[0]!r} gives the classes")
    return pictures[0], classes[0] if classes else ""
