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
from dataclasses import asdict
from functools import cached_property
from typing import NamedTuple

import numpy as np

from aegean.codec.coder import Decoder, Encoder, Tables
from aegean.codec.plane import Plane, cut, fronts
from aegean.codec.shape import (
    BEYOND,
    BIAS_MOST,
    HIDDEN_BITS,
    HIDDEN_MOST,
    WIDTH_BITS,
    WIDTHS,
    LayerShape,
    Shape,
    groups,
    place_unit,
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
        plane = Plane(self.shape, len(grids), *grids.shape[2:])
        source = np.ascontiguousarray(grids.transpose(1, 2, 3, 0))
        for channel, ys, xs, table, level in self._walk(plane):
            values = source[channel, ys, xs].ravel()
            encoder.put((values - level) % self.shape.levels, table)
            plane.put(channel, ys, xs, values)
        return encoder.finish()

    def decode(self, data: bytes, shape: tuple[int, ...]) -> np.ndarray:
        """Bytes -> grids of this shape (n, channels, height, width), int32. CodecError: they are no such grids."""
        count, channels, height, width = shape
        assert channels == self.shape.channels
        decoder = Decoder(self.tables, data)
        plane = Plane(self.shape, count, height, width)
        for channel, ys, xs, table, level in self._walk(plane):
            plane.put(channel, ys, xs, (decoder.take(table) + level) % self.shape.levels)
        decoder.end()
        return plane.grids()

    def ideal_bits(self, grids: np.ndarray) -> float:
        """What the tables say that grids (n, channels, height, width) cost: -log2 of their probability."""
        plane = Plane(self.shape, len(grids), *grids.shape[2:])
        source, total = grids.transpose(1, 2, 3, 0), 0.0
        for channel, ys, xs, table, level in self._walk(plane):
            values = source[channel, ys, xs].ravel()
            total += self.tables.bits((values - level) % self.shape.levels, table)
            plane.put(channel, ys, xs, values)
        return total

    def _walk(self, plane: Plane) -> Iterator[tuple[int, np.ndarray, np.ndarray, np.ndarray, np.ndarray]]:
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


def _check(layer: Layer, plan: LayerShape) -> None:
    assert layer.weight.shape == (plan.outputs, plan.inputs) and layer.bias.shape == (plan.outputs, 1)
    for values, most in ((layer.weight, plan.most), (layer.bias, BIAS_MOST)):
        whole = values.dtype == np.float32 and (values == np.rint(values)).all() and np.abs(values).max() <= most
        assert whole, "a weight is not a whole number of the size that is allowed"
