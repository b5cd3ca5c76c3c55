"""What a model's card says of each kind of data: one row a kind."""

from __future__ import annotations

from typing import NamedTuple

from aegean.data.info import DataInfo
from aegean.data.kinds import row_of


class Kind(NamedTuple):
    """What a card knows of a kind."""

    task: str | None  # the Hub's name for what a generator of it does, where it has one
    given: str  # inputs, as a user would name them
    written: str  # ending of the file that samples are written to


KINDS: dict[str, Kind] = {
    "image": Kind("unconditional-image-generation", "pictures/", ".png"),
    "audio": Kind(None, "sounds/", "/"),
    "text": Kind(None, "lines.txt", ".txt"),
    "table": Kind(None, "rows.csv", ".csv"),
}


def words_of(info: DataInfo) -> Kind:
    """Words for any kind, also for one without a row."""
    return KINDS.get(info.kind, Kind(None, "data/", "/"))


def kind_of(info: DataInfo) -> Kind:
    """What a card knows of a data set's kind. UserError: nothing."""
    return row_of(KINDS, info)
