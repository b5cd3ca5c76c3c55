"""The size of an integer network that predicts numbers of a grid: its inputs, layers and tables, and the largest
number that each may hold, so that every sum is below 2^24 and exact in float32."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

INPUT_BITS = 6  # an input of 64 is what the float network calls 1;
INPUT_MOST = 255
HIDDEN_BITS = 7  # a hidden activation of 128 is 1,
HIDDEN_MOST = 1023  # and none is above 8 or below 0
BIAS_MOST = 1 << 20
EXACT = 1 << 24  # whole numbers below are exact in float32
WIDTHS = 24  # of tables, from narrow to wide
WIDTH_BITS = 3  # an output of 1 is 8 tables wider
BEYOND = 4  # levels that a place may lie outside of the grid's
FINE = 4  # bits of a difference of one coefficient
FLAGS = ((0, -1), (-1, 0), (-1, 1), (0, -2), (-2, 0))  # neighbours (down, right) whose being there is told


class LayerShape(NamedTuple):
    """weight of w is the whole number w * 2^weight_bits, at most `most`; a sum of 1 is 2^sum_bits."""

    inputs: int
    outputs: int
    weight_bits: int
    most: int
    sum_bits: int


@dataclass(frozen=True)
class Shape:
    """The size of everything: a grid's channels and levels; how far neighbours reach; the hidden layers' widths.

    `means`, for grids of a transform's coefficients: how many channels, the first ones, are means of blocks, expected
    to go on as their neighbours do. All others are expected in the middle, and are mostly there: differences are seen
    finely and cut off, and tables may be narrower.
    """

    channels: int
    levels: int
    reach: int = 2
    hidden: tuple[int, ...] = (32, 32)
    means: int | None = None

    @property
    def neighbours(self) -> tuple[tuple[int, int], ...]:
        """(down, right) of the places that are looked at, all of them coded before, nearest rows first."""
        r = range(-self.reach, self.reach + 1)
        return tuple((-y, x) for y in range(self.reach + 1) for x in r if y > 0 or x < 0)

    @property
    def gain_bits(self) -> int:
        """A difference of one level is an input of 2^gain_bits: the most that keeps inputs within INPUT_MOST."""
        if self.means is not None:
            return FINE
        return (INPUT_MOST // (self.levels - 1)).bit_length() - 1

    @property
    def place_bits(self) -> int:
        """A place counts in parts of 2^-place_bits of a level."""
        return 2 if self.levels > 64 else 3

    @property
    def near(self) -> int:
        """Levels at either end whose tables are their own: the end cuts them off."""
        return 4 if self.levels > 64 else (self.levels + 1) // 2

    @property
    def places(self) -> int:
        return 2 * (self.near + BEYOND) + (self.levels > 2 * self.near)

    @property
    def tables(self) -> int:
        return (self.places << self.place_bits) * WIDTHS

    @property
    def shared(self) -> int:
        """Inputs that every channel's network has."""
        return self.channels * (len(self.neighbours) + 1) + len(FLAGS)

    def layers(self, channel: int) -> list[LayerShape]:
        """The layers of one channel's network, whose last inputs are the earlier channels at the same place."""
        sizes = [self.shared + channel, *self.hidden, 2]
        found = []
        for number, (a, b) in enumerate(zip(sizes, sizes[1:])):
            bits, most = (INPUT_BITS, INPUT_MOST) if number == 0 else (HIDDEN_BITS, HIDDEN_MOST)
            largest = (EXACT - 1 - BIAS_MOST) // (a * most)
            weight_bits = (largest // 4).bit_length() - 1  # so that weights from -4 to 4 fit
            assert weight_bits >= 2, f"{a} inputs are too many for exact sums"
            found.append(LayerShape(a, b, weight_bits, largest, bits + weight_bits))
        return found


def groups(shape: Shape) -> np.ndarray:
    """Which group of tables a level (from -BEYOND to levels + BEYOND - 1) belongs to: its own near either end."""
    level = np.arange(-BEYOND, shape.levels + BEYOND)
    last = shape.places - (shape.levels + BEYOND)
    return np.where(level < shape.near, level + BEYOND, np.maximum(shape.near + BEYOND, level + last)).clip(
        max=shape.places - 1
    )


def place_unit(shape: Shape) -> int:
    """An output of 1 moves the place by 2^this of its parts: by 64 inputs' worth of levels."""
    return INPUT_BITS - shape.gain_bits + shape.place_bits
