"""What a user asks of the data. Nothing here waits for numpy."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from aegean.config import Config, UserError
from aegean.surface import option

if TYPE_CHECKING:
    from aegean.data.read.source import Want

SIZES = (4, 8192)


@dataclass(frozen=True)
class DataOptions(Config):
    """What a user asks of the data.

    spec: digits, grid, ring or sprites (built in); a folder or .zip of images (sub-folders are classes); a folder of
        .tar shards; a folder in the layout of MNIST or CIFAR-10; .npy, .npz (keys x, y) or .csv; hub:NAME[:SPLIT], a
        data set of the Hugging Face Hub (pip install 'aegean[data]')
    test: SPEC of the test part (default: the data's own, else a tenth, chosen by content)
    size: height and width that images are scaled to (default: their own, or 64 where they differ)
    channels: 1 grey, 3 colour, 4 with transparency (default: as the images are)
    range: the two values that become -1 and 1
    axes: nchw or nhwc, the order of an array's axes, where it is ambiguous
    skip_bad: leave unreadable images out
    """

    spec: str
    test: str = ""
    size: int = 0
    channels: int = 0
    range: tuple[float, float] | None = None
    axes: str = ""
    skip_bad: bool = False

    def check(self) -> None:
        if self.size and not SIZES[0] <= self.size <= SIZES[1]:
            raise UserError(f"{option('size', self.size)}: expected {SIZES[0]} to {SIZES[1]}.")
        if self.channels < 0:
            raise UserError(f"{option('channels', self.channels)}: expected 1, 3 or 4.")
        if self.axes not in ("", "nchw", "nhwc"):
            raise UserError(f"{option('axes', self.axes)}: expected nchw or nhwc.")
        if self.range is not None and not (
            len(self.range) == 2 and all(map(math.isfinite, self.range)) and self.range[0] < self.range[1]
        ):
            raise UserError(f"{option('range', self.range)}: expected two finite numbers, the lower one first.")

    def want(self) -> Want:
        """What a source's samples shall become."""
        from aegean.data.read.source import Want

        size = (self.size, self.size) if self.size else None
        return Want(size, self.channels, self.axes, self.skip_bad, self.range is not None)
