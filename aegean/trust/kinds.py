"""What can be marked of each kind of data: one row a kind."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from aegean.config import UserError
from aegean.data.info import DataInfo
from aegean.data.kinds import row_of

LEAST = 16  # pixels of a side, which 32 bits need


class Kind(NamedTuple):
    check: Callable[[DataInfo], None]  # UserError: too small for a mark


def check_pictures(info: DataInfo) -> None:
    if min(info.shape[1:]) < LEAST:
        height, width = info.shape[1:]
        raise UserError(f"{info.name}: a mark needs pictures of {LEAST}x{LEAST} at least; these have {height}x{width}.")
    if info.shape[0] not in (1, 3):
        raise UserError(f"{info.name}: pictures of {info.shape[0]} channels; only grey and RGB ones are marked.")


KINDS: dict[str, Kind] = {"image": Kind(check_pictures)}


def check(info: DataInfo) -> None:
    """UserError: such samples cannot be marked."""
    row_of(KINDS, info).check(info)
