"""From raw rows of mixed columns to the values that a model sees, and back.

A number becomes the normal quantile of its share of the values seen (so that a long tail is no longer than another),
and whether it is missing; a category one value a state, 1 in its own.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from aegean.data.column import FULL, NUMBERS, Column, curve, trained

EDGE = 1e-4  # share that nothing seen goes below, so that quantiles are finite
FURTHEST = 20.0  # model value of a number far beyond those seen


class Coder:
    """Of the trained columns of a table; `to` brings it to a device."""

    def __init__(self, table: Sequence[Column]):
        self.columns = trained(table)
        numbers = [i for i, column in enumerate(self.columns) if column.kind in NUMBERS]
        curves = [curve(self.columns[i]) for i in numbers]
        most = max((len(shares) for shares, _ in curves), default=0)
        rest = [(i, state) for i, c in enumerate(self.columns) if c.kind not in NUMBERS for state in range(c.width)]
        order = {(i, part): n for n, (i, part) in enumerate([(i, part) for part in range(2) for i in numbers] + rest)}
        places = [order[i, part] for i, column in enumerate(self.columns) for part in range(column.width)]
        self.numbers = torch.tensor(numbers, dtype=torch.int64)
        self.shares = torch.tensor([[*s, *[1.0] * (most - len(s))] for s, _ in curves], dtype=torch.float64)
        self.values = torch.tensor([[*v, *[torch.inf] * (most - len(v))] for _, v in curves], dtype=torch.float64)
        self.last = torch.tensor([v[-1] for _, v in curves], dtype=torch.float64)
        self.source = torch.tensor([i for i, _ in rest], dtype=torch.int64)
        self.state = torch.tensor([state for _, state in rest], dtype=torch.float64)
        self.places = torch.tensor(places, dtype=torch.int64)

    def tensors(self) -> list[Tensor]:
        return [value for value in vars(self).values() if isinstance(value, Tensor)]

    def to(self, device: torch.device | str) -> Coder:
        other = object.__new__(Coder)
        vars(other).update({k: v.to(device) if isinstance(v, Tensor) else v for k, v in vars(self).items()})
        return other

    def __call__(self, raw: Tensor) -> Tensor:
        """Raw rows (n, columns) float64 -> model values (n, width) float32. Operations on tensors alone."""
        parts = []
        if len(self.numbers):
            x = raw.index_select(1, self.numbers)
            missing = x.isnan()
            z = self._quantile(torch.where(missing, self.last, x).T.contiguous()).T
            parts = [torch.where(missing, 0.0, z).float(), missing.float()]
        parts.append((raw.index_select(1, self.source) == self.state).float())
        return torch.cat(parts, 1).index_select(1, self.places)

    def _quantile(self, x: Tensor) -> Tensor:
        """Known numbers (columns, n) -> normal quantiles; beyond the values seen they go on by their spread."""
        first, last = self.values[:, :1], self.last[:, None]
        inside = x.maximum(first).minimum(last)
        above = torch.searchsorted(self.values, inside, right=False)  # the first point that is not below x
        below = torch.searchsorted(self.values, inside, right=True) - 1  # the last that is not above it
        (u0, v0), (u1, v1) = ((self.shares.gather(1, i), self.values.gather(1, i)) for i in (below, above))
        at = (inside - v0) / (v1 - v0).where(v1 > v0, 1.0)
        share = torch.where(above > below, u0 + at * (u1 - u0), (u0 + u1) / 2)
        z = torch.special.ndtri(share.clamp(EDGE, 1 - EDGE))
        spread = ((last - first) / 6).where(last > first, 1.0)
        return (z + (x - inside) / spread).clamp(-FURTHEST, FURTHEST)

    def restore(self, x: Tensor) -> np.ndarray:
        """Model values (n, width) -> raw rows (n, columns): the most probable category, numbers within those seen and
        rounded as they were, missing where that is more probable than not and has been seen."""
        parts = x.detach().cpu().double().split([column.width for column in self.columns], 1)
        raw = np.empty((len(x), len(self.columns)))
        for i, (column, part) in enumerate(zip(self.columns, parts)):
            if column.kind not in NUMBERS:
                raw[:, i] = part.argmax(1).numpy()
                continue
            shares, values = curve(column)
            found = np.interp(torch.special.ndtr(part[:, 0]).numpy(), shares, values)
            found = found if column.decimals >= FULL else np.round(found, column.decimals)
            raw[:, i] = np.where((part[:, 1].numpy() > 0.5) & (column.missing > 0), np.nan, found)
        return raw
