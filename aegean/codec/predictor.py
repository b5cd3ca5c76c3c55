"""An integer network that chooses a table for each number of a grid, from numbers that come before it.

A grid (channels, height, width) holds whole numbers from 0 to levels - 1: a picture's pixels, or the symbols of a
latent. They are coded along slanting fronts, so that all numbers of a front, in many grids at once, are predicted in
one product; at each place channel after channel. A number is seen relative to what the median edge detector of LOCO-I
makes of its neighbours (Weinberger, Seroussi and Sapiro 2000, eq. 1), by one small dense network for each channel.
What it gives is a place (where the number is expected, in parts of a level) and a width, and they name the table.

Everything is a whole number: inputs, weights, activations, and every sum is below 2^24 in absolute value, so that
float32 products are exact in any order, on any device, for any number of threads. `Shape` says how large each may be.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np

from aegean.codec.coder import Decoder, Encoder, Tables

INPUT_BITS = 6  # an input of 64 is what the float network calls 1;
INPUT_MOST = 255
HIDDEN_BITS = 7  # a hidden activation of 128 is 1,
HIDDEN_MOST = 1023  # and none is above 8 or below 0
BIAS_MOST = 1 << 20
EXACT = 1 << 24  # whole numbers below are exact in float32
WIDTHS = 24  # of tables, from narrow to wide
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


class Layer(NamedTuple):
    weight: np.ndarray  # (outputs, inputs) float32 whole numbers
    bias: np.ndarray  # (outputs, 1) float32 whole numbers


class Predictor:
    """A frozen network and its tables.

    layers: those of each channel. counts (shape.tables, levels): of each symbol in each table. AssertionError: a number
    that is not whole, or so large that a sum might not be exact.
    """

    def __init__(self, shape: Shape, layers: Sequence[Sequence[Layer]], counts: np.ndarray):
        self.shape, self.layers = shape, layers
        assert counts.shape == (shape.tables, shape.levels), "tables of another shape"
        for channel, mine in enumerate(layers):
            for layer, plan in zip(mine, shape.layers(channel), strict=True):
                _check(layer, plan)
        self.tables = Tables(counts)
        self.group = groups(shape)

    @cached_property
    def fingerprint(self) -> bytes:
        """16 bytes that any other network or table would change."""
        said = {k: v for k, v in asdict(self.shape).items() if v is not None}
        digest = hashlib.blake2b(json.dumps(said, sort_keys=True).encode(), digest_size=16)
        for mine in self.layers:
            for layer in mine:
                digest.update(layer.weight.astype("<i4").tobytes() + layer.bias.astype("<i4").tobytes())
        digest.update(self.tables.frequencies.astype("<i4").tobytes())
        return digest.digest()

    def encode(self, grids: np.ndarray) -> bytes:
        """Grids (n, channels, height, width) of whole numbers -> bytes."""
        assert grids.ndim == 4 and grids.shape[1] == self.shape.channels
        assert grids.min() >= 0 and grids.max() < self.shape.levels
        encoder = Encoder(self.tables)
        plane = _Plane(self.shape, len(grids), *grids.shape[2:])
        source = np.ascontiguousarray(grids.transpose(1, 2, 3, 0))
        for channel, ys, xs, table, level in self._walk(plane):
            values = source[channel, ys, xs].ravel()
            encoder.put((values - level) % self.shape.levels, table)
            plane.put(channel, ys, xs, values)
        return encoder.finish()

    def decode(self, data: bytes, shape: tuple[int, ...]) -> np.ndarray:
        """Bytes -> grids of this shape (n, channels, height, width), int32. Refused: they are no such grids."""
        count, channels, height, width = shape
        assert channels == self.shape.channels
        decoder = Decoder(self.tables, data)
        plane = _Plane(self.shape, count, height, width)
        for channel, ys, xs, table, level in self._walk(plane):
            plane.put(channel, ys, xs, (decoder.take(table) + level) % self.shape.levels)
        decoder.end()
        return plane.grids()

    def ideal_bits(self, grids: np.ndarray) -> float:
        """What the tables say that grids (n, channels, height, width) cost: -log2 of their probability."""
        plane = _Plane(self.shape, len(grids), *grids.shape[2:])
        source, total = grids.transpose(1, 2, 3, 0), 0.0
        for channel, ys, xs, table, level in self._walk(plane):
            values = source[channel, ys, xs].ravel()
            total += self.tables.bits((values - level) % self.shape.levels, table)
            plane.put(channel, ys, xs, values)
        return total

    def _walk(self, plane: _Plane) -> Iterator[tuple[int, np.ndarray, np.ndarray, np.ndarray, np.ndarray]]:
        """For each front and channel in the order of coding: its places (k,) downwards and across, and the table and
        the level that is expected (k n,). Who walks along puts the numbers of the front into the plane."""
        for ys, xs in fronts(plane.height, plane.width, self.shape.reach):
            inputs, expected = plane.inputs(ys, xs)
            begun = (self.first @ inputs).reshape(self.shape.channels, -1, inputs.shape[1])
            before = np.empty((self.shape.channels, inputs.shape[1]), np.float32)
            for channel in range(self.shape.channels):
                yield channel, ys, xs, *self._choose(channel, begun[channel], before[:channel], expected[channel])
                seen = plane.at(channel, ys, xs) - expected[channel]
                before[channel] = cut(seen * (1 << self.shape.gain_bits))

    @cached_property
    def first(self) -> np.ndarray:
        """Of all channels' first layers the weights of the inputs that they share: one product for a whole front."""
        return np.concatenate([mine[0].weight[:, : self.shape.shared] for mine in self.layers])

    def _choose(
        self, channel: int, x: np.ndarray, before: np.ndarray, expected: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """The begun sums of the first layer (outputs, m), what the channels before turned out to be (channel, m) and
        expected numbers (m,), whole -> tables and levels (m,) int."""
        shape = self.shape
        plans = shape.layers(channel)
        first, *others = self.layers[channel]
        x += first.weight[:, shape.shared :] @ before + first.bias
        for layer, plan in zip(others, plans):
            x *= 2.0 ** (HIDDEN_BITS - plan.sum_bits)
            np.floor(x, out=x)
            np.clip(x, 0, HIDDEN_MOST, out=x)
            x = layer.weight @ x + layer.bias
        place, width = x
        bits = plans[-1].sum_bits
        place = np.floor(place * 2.0 ** (place_unit(shape) - bits)).astype(np.int32)
        place += expected.astype(np.int32) << shape.place_bits
        place = place.clip(-BEYOND << shape.place_bits, ((shape.levels + BEYOND) << shape.place_bits) - 1)
        width = np.floor(width * 2.0 ** (WIDTH_BITS - bits)).clip(-WIDTHS // 2, WIDTHS // 2 - 1).astype(np.int32)
        level = place >> shape.place_bits
        part = place & (1 << shape.place_bits) - 1
        group = self.group[level + BEYOND]
        return ((group << shape.place_bits) + part) * WIDTHS + width + WIDTHS // 2, level


def cut(inputs: np.ndarray) -> np.ndarray:
    """Inputs brought within INPUT_MOST, in place."""
    return np.clip(inputs, -INPUT_MOST, INPUT_MOST, out=inputs)


WIDTH_BITS = 3  # an output of 1 is 8 tables wider


def place_unit(shape: Shape) -> int:
    """An output of 1 moves the place by 2^this of its parts: by 64 inputs' worth of levels."""
    return INPUT_BITS - shape.gain_bits + shape.place_bits


def fronts(height: int, width: int, reach: int) -> list[tuple[np.ndarray, np.ndarray]]:
    """The places of a grid, (k,) downwards and (k,) across, in an order in which every neighbour that a place looks at
    comes in an earlier front: place (y, x) lies in front x + (reach + 1) y."""
    ys, xs = np.divmod(np.arange(height * width), width)
    front = xs + (reach + 1) * ys
    order = np.argsort(front, kind="stable")
    ends = np.flatnonzero(np.diff(front[order])) + 1
    return [(ys[part], xs[part]) for part in np.split(order, ends)]


class _Plane:
    """Grids while they are coded: float32 (channels, height, width, n) with a margin of zeros, and where there is no
    margin."""

    def __init__(self, shape: Shape, count: int, height: int, width: int):
        self.shape, self.count, self.height, self.width = shape, count, height, width
        r = shape.reach
        self.values = np.zeros((shape.channels, height + r, width + 2 * r, count), np.float32)
        self.there = np.zeros((height + r, width + 2 * r, 1), np.float32)
        self.there[r:, r : r + width] = 1

    def put(self, channel: int, ys: np.ndarray, xs: np.ndarray, values: np.ndarray) -> None:
        r = self.shape.reach
        self.values[channel, ys + r, xs + r] = values.reshape(len(ys), self.count)

    def at(self, channel: int, ys: np.ndarray, xs: np.ndarray) -> np.ndarray:
        r = self.shape.reach
        return self.values[channel, ys + r, xs + r].ravel()

    def grids(self) -> np.ndarray:
        r = self.shape.reach
        inside = self.values[:, r:, r : r + self.width]
        return np.ascontiguousarray(inside.transpose(3, 0, 1, 2)).astype(np.int32)

    def inputs(self, ys: np.ndarray, xs: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Of a front's places (k,): the networks' shared inputs (shared, k n), and what is expected of each channel
        (channels, k n). All are whole numbers in float32."""
        shape, r = self.shape, self.shape.reach
        c, k = shape.channels, len(ys)
        found = np.empty((shape.shared, k, self.count), np.float32)
        ys, xs = ys + r, xs + r
        expected = self._expected(ys, xs)
        gain = float(1 << shape.gain_bits)
        for number, (y, x) in enumerate(shape.neighbours):
            mine = found[number * c : (number + 1) * c]
            np.subtract(self.values[:, ys + y, xs + x], expected, out=mine)
            mine *= gain * self.there[ys + y, xs + x]
        row = len(shape.neighbours) * c
        for number, (y, x) in enumerate(FLAGS, row):
            found[number] = (1 << INPUT_BITS) * self._there(ys + y, xs + x)
        row += len(FLAGS)
        found[row : row + c] = np.floor((expected - shape.levels // 2) * (gain / 2))
        cut(found)
        return found.reshape(len(found), -1), expected.reshape(c, -1)

    def _there(self, ys: np.ndarray, xs: np.ndarray) -> np.ndarray:
        """1 where a place lies in the grid, else 0 (k, 1); the margin need not reach so far."""
        inside = (ys >= 0) & (xs >= 0) & (xs < self.there.shape[1])
        return np.where(inside, self.there[ys.clip(0), xs.clip(0, self.there.shape[1] - 1), 0], 0)[:, None]

    def _expected(self, ys: np.ndarray, xs: np.ndarray) -> np.ndarray:
        """Of means the median edge detector, (channels, k, n); the one neighbour that is there; else the
        middle."""
        left, up, corner = (self.values[:, ys + y, xs + x] for y, x in ((0, -1), (-1, 0), (-1, -1)))
        has_left, has_up = (self.there[ys + y, xs + x] > 0 for y, x in ((0, -1), (-1, 0)))
        low, high = np.minimum(left, up), np.maximum(left, up)
        both = np.clip(left + up - corner, low, high)
        one = np.where(has_left, left, np.where(has_up, up, np.float32(self.shape.levels // 2)))
        found = np.where(has_left & has_up, both, one)
        if self.shape.means is not None:
            found[self.shape.means :] = self.shape.levels // 2
        return found


def _check(layer: Layer, plan: LayerShape) -> None:
    assert layer.weight.shape == (plan.outputs, plan.inputs) and layer.bias.shape == (plan.outputs, 1)
    for values, most in ((layer.weight, plan.most), (layer.bias, BIAS_MOST)):
        whole = values.dtype == np.float32 and (values == np.rint(values)).all() and np.abs(values).max() <= most
        assert whole, "a weight is not a whole number of the size that is allowed"
