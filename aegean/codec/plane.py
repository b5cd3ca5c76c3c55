"""Grids while they are coded, front by front, and what the network sees of them."""

from __future__ import annotations

import numpy as np

from aegean.codec.shape import FLAGS, INPUT_BITS, INPUT_MOST, Shape


def cut(inputs: np.ndarray) -> np.ndarray:
    """Inputs brought within INPUT_MOST, in place."""
    return np.clip(inputs, -INPUT_MOST, INPUT_MOST, out=inputs)


def fronts(height: int, width: int, reach: int) -> list[tuple[np.ndarray, np.ndarray]]:
    """The places of a grid, (k,) downwards and (k,) across, in an order in which every neighbour that a place looks at
    comes in an earlier front: place (y, x) lies in front x + (reach + 1) y."""
    ys, xs = np.divmod(np.arange(height * width), width)
    front = xs + (reach + 1) * ys
    order = np.argsort(front, kind="stable")
    ends = np.flatnonzero(np.diff(front[order])) + 1
    return [(ys[part], xs[part]) for part in np.split(order, ends)]


class Plane:
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
