"""A decoder of rows of mixed columns, and what hides columns from an encoder."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import pad

from aegean.config import network
from aegean.nets.mlp import MLPDecoder

EDGE = 1e-4  # share that a bin's place goes no further than, as those of data (data.coder)
NATS_TO_BITS = 1 / math.log(2)
LARGEST = 1 << 20  # states of all columns


class Layout(NamedTuple):
    """Where the states of columns lie. A state that pads is the one behind the last."""

    counts: list[int]  # of states of each column
    gather: np.ndarray  # (columns, most): the states of each column
    flat: np.ndarray  # (states,): their places in that
    values: np.ndarray  # (states, width): what each stands for in a row
    spans: np.ndarray  # (states, 2): the shares that a draw of it lies between
    numbers: list[int]  # which columns are numbers
    places: list[int]  # and where their normal quantiles lie in a row
    limits: np.ndarray  # (numbers, most): the ends between their bins, as normal quantiles
    cells: np.ndarray  # (columns, most): where a row has each category; of numbers and pads the one behind the last
    unseen: list[int]  # states that are never drawn


def quantiles(shares: np.ndarray) -> np.ndarray:
    """Those of N(0, 1) below which these shares lie, any shape, float64."""
    return torch.special.ndtri(torch.from_numpy(np.asarray(shares, np.float64))).numpy()


def layout(columns: Sequence[Mapping[str, Any]]) -> Layout:
    """From the states of each column (data.column.Column.states)."""
    counts = [column["count"] if "count" in column else len(column["single"]) + 1 for column in columns]
    widths = [column.get("count", 2) for column in columns]
    total, width, most = sum(counts), sum(widths), max(counts)
    gather, cells = np.full((len(counts), most), total), np.full((len(counts), most), width)
    values, spans = np.zeros((total, width), np.float32), np.full((total, 2), 0.5, np.float32)
    numbers, places, limits, unseen = list[int](), list[int](), list[np.ndarray](), list[int]()
    state = cell = 0
    for i, column in enumerate(columns):
        own = slice(state, state + counts[i])
        gather[i, : counts[i]] = np.arange(total)[own]
        if "count" in column:
            values[own, cell : cell + widths[i]] = np.eye(widths[i])
            cells[i, : widths[i]] = np.arange(cell, cell + widths[i])
        else:
            edges = np.asarray(column["edges"], np.float64)
            assert len(edges) == counts[i] and (np.diff(edges) > 0).all(), "bins out of order"
            middle = (edges[1:] + edges[:-1]) / 2
            values[own, cell] = [*quantiles(middle.clip(EDGE, 1 - EDGE)), 0.0]
            values[state + counts[i] - 1, cell + 1] = 1.0
            single = np.asarray(column["single"], bool)
            spans[own][:-1] = np.stack([np.where(single, middle, edges[:-1]), np.where(single, middle, edges[1:])], 1)
            numbers.append(i)
            places.append(cell)
            limits.append(np.r_[quantiles(edges[1:-1]), np.full(most - len(edges) + 2, np.inf)])
        if not column["last"]:
            unseen.append(state + counts[i] - 1)
        state, cell = own.stop, cell + widths[i]
    flat = np.flatnonzero(gather.ravel() < total)
    inner = np.stack(limits) if limits else np.zeros((0, most))
    return Layout(counts, gather, flat, values, spans, numbers, places, inner.astype(np.float32), cells, unseen)


@network
class ColumnsDecoder(MLPDecoder):
    """Latents (B, latent) -> logits (B, states) of each column's states, one column after another.

    A category is a state. Of a number a bin between two of its quantiles is one, and one more stands for a missing
    number. So every column has a likelihood, a mean and draws, whatever its distribution looks like.

    shape: (width,) of a row as a model sees it
    latent, widths, classes: as in MLPDecoder
    columns: the states of each (data.column.Column.states)
    """

    gather: Tensor
    flat: Tensor
    values: Tensor
    spans: Tensor
    limits: Tensor
    cells: Tensor
    mask: Tensor
    places: Tensor
    quantities: Tensor

    def __init__(
        self,
        shape: Sequence[int],
        latent: int,
        widths: Sequence[int],
        columns: Sequence[Mapping[str, Any]],
        classes: int = 0,
    ):
        assert 0 < len(columns) <= LARGEST, "no columns"
        lay = layout(columns)
        assert sum(lay.counts) <= LARGEST and tuple(shape) == (lay.values.shape[1],), "columns of another width"
        super().__init__([sum(lay.counts)], latent, widths, classes)
        self.columns, self.numbers, self.row = len(columns), lay.numbers, tuple(shape)
        mask = np.zeros(sum(lay.counts), np.float32)
        mask[lay.unseen] = -np.inf
        for name in ("gather", "flat", "values", "spans", "limits", "cells"):
            self.register_buffer(name, torch.tensor(getattr(lay, name)), persistent=False)
        self.register_buffer("mask", torch.tensor(mask), persistent=False)
        self.register_buffer("places", torch.tensor(lay.places, dtype=torch.int64), persistent=False)
        self.register_buffer("quantities", torch.tensor(lay.numbers, dtype=torch.int64), persistent=False)

    @property
    def uniforms(self) -> int:
        """Random numbers of `draw`: of each column which state, and where between its ends."""
        return 2 * self.columns

    def mean(self, raw: Tensor) -> Tensor:
        """Logits (B, states) -> the mean row (B, width): probabilities of categories, mean quantiles of numbers."""
        return self._flat(self._padded(raw + self.mask).softmax(2)) @ self.values

    def draw(self, raw: Tensor, noise: Tensor) -> Tensor:
        """Logits (B, states), uniform noise -> a row drawn from them (B, width). Its gradient is that of the mean, as
        if the draw had moved along with it (Bengio et al. 2013, straight through)."""
        which, where = noise.chunk(2, 1)
        shares = self._padded(raw + self.mask).softmax(2)
        soft = self._flat(shares) @ self.values
        chosen = (which[:, :, None] > shares.detach().cumsum(2)).sum(2)
        chosen = chosen.minimum((self.gather < len(self.flat)).sum(1) - 1)
        state = self.gather.expand(raw.shape[0], -1, -1).gather(2, chosen[:, :, None])[:, :, 0]
        hard = torch.zeros_like(raw).scatter(1, state, 1.0) @ self.values
        if self.numbers:
            lower, upper = self.spans[state.index_select(1, self.quantities)].unbind(2)
            share = lower + (upper - lower) * where.index_select(1, self.quantities)
            hard = hard.index_copy(1, self.places, torch.special.ndtri(share.clamp(EDGE, 1 - EDGE)))
        return hard + (soft - soft.detach())

    def bits(self, raw: Tensor, x: Tensor) -> Tensor:
        """Minus log2 of the probability of each column of rows x (B, width), under logits (B, states): (B, columns)."""
        logs = self._padded(raw.float()).log_softmax(2)
        return -logs.gather(2, self.states(x)[:, :, None])[:, :, 0] * NATS_TO_BITS

    def states(self, x: Tensor) -> Tensor:
        """Rows (B, width) -> the state of each column, counted within it (B, columns) int64."""
        cells = pad(x, (0, 1), value=-1.0)
        found = cells[:, self.cells].argmax(2)
        if self.numbers:
            bins = (x.index_select(1, self.places)[:, :, None] > self.limits).sum(2)
            last = (self.gather.index_select(0, self.quantities) < len(self.flat)).sum(1) - 1
            gone = x.index_select(1, self.places + 1) > 0.5
            found = found.index_copy(1, self.quantities, torch.where(gone, last, bins.minimum(last - 1)))
        return found

    def _padded(self, raw: Tensor) -> Tensor:
        """(B, states) -> (B, columns, most), -inf where a column has fewer."""
        return pad(raw, (0, 1), value=-torch.inf)[:, self.gather]

    def _flat(self, padded: Tensor) -> Tensor:
        """(B, columns, most) -> (B, states)."""
        return padded.flatten(1).index_select(1, self.flat)


@network
class HiddenColumns(nn.Module):
    """Rows x (B, width) with some columns unknown: all of their values 0, which no category and no missing number is.

    widths: values of each column
    share: of the columns that are hidden, on average
    """

    of: Tensor

    def __init__(self, widths: Sequence[int], share: float):
        super().__init__()
        assert len(widths) > 0 and 0 < sum(widths) <= LARGEST and 0 < share < 1
        self.columns, self.least = len(widths), float(quantiles(np.array(share)))
        self.register_buffer("of", torch.tensor(np.repeat(np.arange(len(widths)), widths)), persistent=False)

    def forward(self, x: Tensor, normal: Tensor) -> Tensor:
        """normal (B, width), of which as many are used as there are columns."""
        return x * (normal[:, : self.columns] > self.least).to(x.dtype).index_select(1, self.of)
