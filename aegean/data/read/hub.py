"""Data sets of the Hugging Face Hub, or in its layouts on disk: `hub:NAME`, `hub:NAME:SPLIT`, `hub:FOLDER`.

They are read with the optional library `datasets`, whose tables lie memory-mapped in its own cache.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from aegean.config import UserError, nearest
from aegean.data.read.lazy import stored_source
from aegean.data.read.source import Say, Source, Want
from aegean.data.read.zips import MEMBER_LIMIT
from aegean.data.sets.stream import resume_hint

PREFIX = "hub:"


class Address(NamedTuple):
    """What a SPEC names."""

    name: str  # of a data set on the Hub, or a folder
    split: str  # empty: train, and test where there is one

    @property
    def folder(self) -> Path | None:
        path = Path(self.name).expanduser()
        return path.absolute() if path.is_dir() else None


def is_hub(spec: str) -> bool:
    return spec.startswith(PREFIX)


def address(spec: str) -> Address:
    rest = spec.removeprefix(PREFIX)
    if not rest.strip(":") or "\0" in rest:
        raise UserError(f"{spec!r} names no data set; expected hub:NAME, hub:NAME:SPLIT or hub:FOLDER.")
    name, _, split = rest.rpartition(":")
    return Address(rest, "") if not name or Path(rest).expanduser().is_dir() else Address(name, split)


def settled_spec(spec: str) -> str:
    """The same SPEC with an absolute folder."""
    found = address(spec)
    return PREFIX + ":".join(filter(None, (str(found.folder or found.name), found.split)))


def short_name(spec: str) -> str:
    return re.sub(r"[^\w.-]+", "-", Path(address(spec).name).name).strip(".-") or "data"


def prints(spec: str) -> list[str]:
    """What tells whether a data set on the Hub is unchanged."""
    return [str(split._fingerprint) for split in _load(address(spec)).values()]


class Table:
    """Encoded pictures in a column of one split. A place is (row,)."""

    def __init__(self, spec: str, split: str, rows: Any, column: str):
        from datasets import Image

        self.spec, self.split, self.column = spec, split, column
        self.rows = rows.select_columns([column]).cast_column(column, Image(decode=False))

    def read(self, place: np.ndarray) -> bytes:
        found = self.rows[int(place[0])][self.column] or {}
        if found.get("bytes") is not None:
            data = found["bytes"]
        elif found.get("path"):
            try:
                data = Path(found["path"]).read_bytes()
            except OSError as error:
                raise UserError(f"{found['path']} cannot be read ({error.strerror}). {resume_hint('it')}") from None
        else:
            raise ValueError("no picture")
        if len(data) > MEMBER_LIMIT:
            raise ValueError(f"larger than {MEMBER_LIMIT >> 30} GiB")
        return data

    def name(self, place: np.ndarray) -> str:
        return f"{self.spec}: picture {int(place[0])} of {self.split}"

    def describe(self) -> dict[str, Any]:
        return {"split": self.split, "column": self.column}


def open_table(spec: str, description: Mapping[str, Any]) -> Table:
    """The split and column that an index speaks of. KeyError: they are not there."""
    split = description["split"]
    return Table(spec, split, _load(address(spec))[split], description["column"])


def hub_source(spec: str, want: Want, say: Say) -> Source:
    """The one column of pictures -> images (channels, height, width), uint8 or uint16; classes of a ClassLabel.

    Without a split in the SPEC: `train`, with `test` as the test part where there is one.
    """
    where = address(spec)
    splits = _load(where)
    main = where.split or ("train" if "train" in splits or len(splits) > 1 else next(iter(splits)))
    if main not in splits:
        raise UserError(f"{spec} has no split {main!r}.{nearest(main, splits)}")
    train = _split_source(spec, main, splits[main], want, say)
    if where.split or "test" not in splits or main == "test":
        return train
    exact = Want(train.shape[1:], train.shape[0], skip_bad=want.skip_bad, dtype=train.dtype)  # type: ignore[arg-type]
    test = _split_source(spec, "test", splits["test"], exact, say)
    if (test.train.labels is None) != (train.train.labels is None) or test.classes != train.classes:
        say(f"{short_name(spec)}: the split 'test' lacks the classes of 'train', and is left out")
        return train
    return replace(train, test=test.train)


def _split_source(spec: str, split: str, rows: Any, want: Want, say: Say) -> Source:
    column, label = _columns(spec, rows, say)
    store = Table(spec, split, rows, column)
    places = np.arange(len(rows), dtype=np.int64)[:, None]
    pictures = {row: (f"{split}-{row:06d}",) for row in range(len(rows))}
    source = stored_source(store, Path(spec), pictures, places, lambda _: None, want, say)
    source = replace(source, name=short_name(spec))
    if not label:
        return source
    assert source.train.stored is not None
    labels = np.array([-1 if n is None else n for n in rows[label]], np.int64)[source.train.stored.places[:, 0]]
    if (labels < 0).any():  # the Hub's custom for test parts whose classes are kept secret
        say(f"{source.name}: not every picture of {split!r} has a class in {label!r}; none is taken")
        return source
    return replace(source, train=replace(source.train, labels=labels), classes=tuple(rows.features[label].names))


def _columns(spec: str, rows: Any, say: Say) -> tuple[str, str]:
    """The column of pictures and that of classes ("" for none), by the types that the table gives them."""
    from datasets import ClassLabel, Image

    pictures = [name for name, kind in rows.features.items() if isinstance(kind, Image)]
    classes = [name for name, kind in rows.features.items() if isinstance(kind, ClassLabel)]
    if len(pictures) != 1:
        what = f"the columns of pictures {', '.join(pictures)}" if pictures else "no column of pictures"
        raise UserError(f"{spec} has {what}; expected exactly one column of the type Image.")
    if len(classes) > 1:
        say(f"{short_name(spec)}: of the columns {', '.join(classes)}, {classes[0]!r} gives the classes")
    return pictures[0], classes[0] if classes else ""


def _load(where: Address) -> Mapping[str, Any]:
    """The splits by name."""
    try:
        import datasets
    except ImportError:
        raise UserError("hub: needs the library datasets: pip install 'aegean[data]'") from None
    try:
        if where.folder and any((where.folder / name).exists() for name in ("state.json", "dataset_dict.json")):
            found = datasets.load_from_disk(str(where.folder))
        else:
            found = datasets.load_dataset(str(where.folder or where.name))
    except Exception as error:  # the library raises many kinds, those of its network layer among them
        reason = (str(error).strip() or type(error).__name__).splitlines()[0].rstrip(".")
        raise UserError(
            f"{PREFIX}{where.name} cannot be loaded ({reason}); check the name, and that the Hub can be reached."
        ) from None
    return found if isinstance(found, Mapping) else {str(found.split or "train"): found}
