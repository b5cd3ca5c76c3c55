"""How much the latents of data say beyond their prior."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from aegean.objectives.term import Term

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True, kw_only=True)
class Rate(Term):
    """KL(q(z|x) || p(z)) in bits a sample, as the bottleneck states it. `weight` is beta: with a likelihood in
    bits beside it, beta = 1 is the evidence bound (Kingma and Welling 2013, eq. 3; Higgins et al. 2017, eq. 4)."""

    def __call__(self, p: Any) -> Tensor:
        return p.latent.rate
