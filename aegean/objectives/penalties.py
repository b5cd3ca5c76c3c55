"""Gradient penalties on a discriminator: of |grad_x D(x)|^2 at its input, for each sample."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from aegean.objectives.term import Term

if TYPE_CHECKING:
    from torch import Tensor

Precision = Literal["auto", "float32"]  # of the discriminator whose gradient is taken; "auto" is the run's


@dataclass(frozen=True, kw_only=True)
class _Penalty(Term):
    """precision: of the discriminator whose gradient is taken
    every: it is taken at every so many samples of a batch (or packs), an unbiased estimate of the mean over all
    """

    precision: Precision = "auto"
    every: int = 1

    @property
    def float32(self) -> tuple[str, ...]:
        return tuple(self.gradients) if self.precision == "float32" else ()


@dataclass(frozen=True, kw_only=True)
class GradientPenalty(_Penalty):
    """Half of |grad_x D(x)|^2: R1 on real samples, R2 on fakes (Mescheder et al. 2018, eq. 9 and 10). The weight
    is gamma. Taken at the input before augmentation; for packed samples over the whole pack."""

    on: str = "real"

    @property
    def gradients(self) -> dict[str, int]:
        return {self.on: self.every}

    @property
    def label(self) -> str:
        return {"real": "R1", "fake": "R2"}.get(self.on, f"GradientPenalty({self.on})")

    def __call__(self, p: Any) -> Tensor:
        return 0.5 * p.squared_gradient(self.on)


@dataclass(frozen=True, kw_only=True)
class WassersteinPenalty(_Penalty):
    """(|grad_x D(x)| - 1)^2 on straight lines between real and fake samples (Gulrajani et al. 2017, eq. 3).
    The weight is lambda, 10 in the paper."""

    @property
    def gradients(self) -> dict[str, int]:
        return {"mixed": self.every}

    def __call__(self, p: Any) -> Tensor:
        return ((p.squared_gradient("mixed") + 1e-12).sqrt() - 1).square()
