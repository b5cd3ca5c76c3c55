"""What can be marked of each kind of data, and what can be moved a little: one row a kind."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from aegean.config import UserError
from aegean.data.info import DataInfo
from aegean.data.kinds import row_of

LEAST, MOST = 16, 256  # pixels of a side: 32 bits need as many; in larger ones no place is found in minutes


def unmarkable(info: DataInfo) -> None:
    raise UserError(f"{info.name}: only pictures carry a mark.")


def check_pictures(info: DataInfo) -> None:
    height, width = info.shape[1:]
    if min(height, width) < LEAST or max(height, width) > MOST:
        raise UserError(
            f"{info.name}: a mark needs pictures of {LEAST}x{LEAST} to {MOST}x{MOST}; these have {height}x{width}."
        )
    if info.shape[0] not in (1, 3):
        raise UserError(f"{info.name}: pictures of {info.shape[0]} channels; only grey and RGB ones are marked.")


def check_rows(info: DataInfo) -> None:
    if info.table:
        raise UserError(f"{info.name}: columns that are coded cannot be moved a little; arrays of numbers (.npy) can.")


def unmovable(info: DataInfo) -> None:
    raise UserError(f"{info.name}: words cannot be moved a little; images, sounds and arrays of numbers can.")


class Kind(NamedTuple):
    mark: Callable[[DataInfo], None] = unmarkable  # UserError: they cannot be marked
    move: Callable[[DataInfo], None] = lambda info: None  # UserError: their values cannot be moved a little


KINDS: dict[str, Kind] = {
    "image": Kind(check_pictures),
    "audio": Kind(),
    "table": Kind(move=check_rows),
    "text": Kind(move=unmovable),
}


def kind_of(info: DataInfo) -> Kind:
    return row_of(KINDS, info)
