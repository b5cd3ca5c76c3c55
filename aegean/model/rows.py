"""Rows of mixed columns: drawn until conditions are met, and gaps that are filled."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from aegean.config import UserError
from aegean.data.batch import Batch
from aegean.data.column import MISSING, NUMBERS, Column, trained
from aegean.data.where import Condition
from aegean.surface import say

if TYPE_CHECKING:
    from aegean.model.model import Model

BLOCK = 10_000  # rows that are drawn at a time
TRIES = 1_000  # rows that are drawn for each that is wanted, at most,
LEAST_TRIES = 100_000  # but so many in any case
ROUNDS = 4  # of filling gaps, each seeing what the one before has filled


def drawn(
    model: Model, count: int, seed: int, where: Sequence[Condition], label: int | None = None, truncation: float = 1.0
) -> Iterator[np.ndarray]:
    """Raw rows, `count` in all, BLOCK at most at a time; of those drawn, in their order, the ones that meet all
    conditions. How many did is said. UserError: none of very many meets the conditions.

    label: the class of all; None: as they come
    truncation: as in `Model.sample`
    """
    most, tried, passed, found = max(LEAST_TRIES, TRIES * count) if where else count, 0, 0, 0
    while found < count and tried < most:
        size = min(BLOCK, most - tried)
        given = None if label is None else torch.full((size,), label)
        raw = model.info.restore(model.sample(size, seed, given, start=tried, truncation=truncation))
        for condition in where:
            raw = raw[condition(raw)]
        tried, passed = tried + size, passed + len(raw)
        raw = raw[: count - found]
        found += len(raw)
        if len(raw):
            yield raw
    if where and not found:
        raise UserError(f"None of {tried:,} rows meets the conditions; ask for less, or train on rows that do.")
    if where:
        short = f"; only {found:,} of the {count:,} wanted were found" if found < count else ""
        say(f"{passed:,} of {tried:,} rows that were drawn meet the conditions ({passed / tried:.2%}){short}")


def impute(model: Model, x: Tensor, gaps: Tensor) -> Tensor:
    """Rows x (n, width) whose columns `gaps` (n, columns) are filled with the most probable category or the mean
    quantile, never as missing; what is known stays. The encoder first sees nothing in their places, then what was
    found."""
    columns = trained(model.info.table)
    widths = torch.tensor([column.width for column in columns])
    hidden = gaps.repeat_interleave(widths, 1)
    mask = known_states(columns)

    def filled(p: Any) -> Tensor:
        G = p.nets["G"]
        return G.mean(p.raw_hat + mask.to(p.raw_hat.device))  # type: ignore[no-any-return]

    x = torch.where(hidden, 0.0, x)
    for _ in range(ROUNDS):
        made = model.run(filled, Batch(x)).cpu()
        x = torch.where(hidden, model.info.normalise(model.info.restore(made)), x)
    return x


def known_states(columns: Sequence[Column]) -> Tensor:
    """-inf for the states that stand for a missing cell, and for rare categories; else 0: (states,)."""
    parts = []
    for column in columns:
        count = len(column.states["single"]) + 1 if column.kind in NUMBERS else len(column.names) + 1
        part = torch.zeros(count)
        part[-1] = -torch.inf
        if MISSING in column.names:
            part[column.names.index(MISSING)] = -torch.inf
        parts.append(part)
    return torch.cat(parts)
