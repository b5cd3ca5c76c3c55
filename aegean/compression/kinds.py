"""What can be compressed: the networks that it takes, and the kinds of data, one row a kind."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from aegean.data.info import DataInfo

LOSSY = ("E", "bottleneck", "G", "symbols")  # networks that a lossy file needs
LOSSLESS = ("pixels",)  # and an exact one


class Kind(NamedTuple):
    """What compression asks of a kind."""

    tile: Callable[[DataInfo], tuple[int, int, int]]  # a sample as a tile (channels, height, width)


def image_tile(info: DataInfo) -> tuple[int, int, int]:
    channels, height, width = info.shape
    return channels, height, width


KINDS: dict[str, Kind] = {"image": Kind(image_tile)}


def tile_of(info: DataInfo) -> tuple[int, int, int]:
    """The shape of a model's tiles."""
    return KINDS[info.kind].tile(info)
