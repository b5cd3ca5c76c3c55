"""How probable rows of mixed columns are."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from aegean.objectives.term import Term, named

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True, kw_only=True)
class ColumnBits(Term):
    """Minus log2 of the probability of a row given its latent, in bits: the sum of its columns' cross-entropies, of
    numbers that of their bins. of: the path of bits (B, columns)."""

    of: str = "column_bits"

    def __call__(self, p: Any) -> Tensor:
        return named(p, self.of).sum(1)
