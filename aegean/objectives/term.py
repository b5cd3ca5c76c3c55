"""What every term is: a weighted formula on the paths of one turn that names whom its gradient may reach."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from aegean.config import Config

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True)
class Ramp(Config):
    """A number that moves from `start` to `end` over the first `over` (a fraction) of a phase, in equal steps, along a
    cosine or by equal factors (geometric); it comes up from 0 over the first `rise` of it."""

    start: float
    end: float
    over: float = 1.0
    cosine: bool = False
    geometric: bool = False
    rise: float = 0.0

    def __call__(self, progress: Tensor) -> Tensor:
        t = (progress / self.over).clamp(max=1.0) if self.over > 0 else progress.new_ones(progress.shape)
        if self.cosine:
            t = (1 - (math.pi * t).cos()) / 2
        if self.geometric:
            value = self.start * (self.end / self.start) ** t
        else:
            value = self.start + (self.end - self.start) * t
        return value * (progress / self.rise).clamp(max=1.0) if self.rise > 0 else value


def at(value: float | Ramp, progress: Tensor) -> Tensor | float:
    """A rate or weight at a phase's progress () in [0, 1]."""
    return value(progress) if isinstance(value, Ramp) else value


def named(p: Any, name: str) -> Any:
    """A path by its name: "real"; of one level of a hierarchy "real.1"; a part of its value "given.mask"."""
    path, _, part = name.partition(".")
    value = getattr(p, path)
    if not part:
        return value
    return value[int(part)] if part.isdecimal() else getattr(value, part)


@dataclass(frozen=True, kw_only=True)
class Term(Config, ABC):
    """A formula: paths -> (n,) numbers, usually one a sample; the loss is their mean times `weight`.

    `trains` names the networks (or a parameter of one: "G.log_variance") that its gradient may reach. The
    loop sees to it, so no formula detaches anything.
    """

    trains: tuple[str, ...]
    weight: float | Ramp = 1.0

    couples: ClassVar[bool] = False  # True: a sample's number depends on the other samples of the batch

    @property
    def gradients(self) -> Mapping[str, int]:
        """Discriminator outputs, by path, whose squared input gradient this term reads; each at every so many samples
        of a batch."""
        return {}

    @property
    def float32(self) -> tuple[str, ...]:
        """Those of `gradients` that are to be taken in float32, whatever the run's precision."""
        return ()

    @property
    def label(self) -> str:
        return type(self).__name__

    @abstractmethod
    def __call__(self, p: Any) -> Tensor: ...
