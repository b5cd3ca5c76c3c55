"""What a feed gives and paths start from."""

from __future__ import annotations

from typing import Any, NamedTuple

from torch import Tensor


class Batch(NamedTuple):
    """Samples in model range, and what belongs to each of them."""

    x: Any = None  # Tensor (B, *shape)
    labels: Tensor | None = None  # (B,) int64
    target: Tensor | None = None  # (B, *its shape): the other side, of data with two
    mask: Tensor | None = None  # (B, *places): 1 where something is known, or has not ended
