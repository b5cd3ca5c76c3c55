"""What it costs to write a sample down, in bits; and how far a vector is from its code."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from aegean.objectives.term import Term

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True, kw_only=True)
class SymbolBits(Term):
    """Bits a sample that the latent's symbols take under the network that chooses their tables: the rate of lossy
    compression (Minnen et al. 2018, eq. 3, where the symbols' neighbours are the context)."""

    def __call__(self, p: Any) -> Tensor:
        return p.symbols.bits


@dataclass(frozen=True, kw_only=True)
class PixelBits(Term):
    """Bits a sample that its exact values take under the network that chooses their tables (van den Oord et al. 2016,
    eq. 1, a number's neighbours in the place of all that come before it)."""

    def __call__(self, p: Any) -> Tensor:
        return p.pixels.bits


@dataclass(frozen=True, kw_only=True)
class Commitment(Term):
    """sum (z - code)^2 of a sample, which keeps what is quantised near its codes (van den Oord et al. 2017, eq. 3)."""

    def __call__(self, p: Any) -> Tensor:
        return p.latent.loss
