"""A stack: floors of features, each with a generator and a discriminator of its own (Huang et al. 2017)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import Tensor

from aegean.nets import DiscriminatorOutput
from aegean.paths import PRIOR, each, path, wiring
from aegean.wirings.standard import Standard


@wiring("stack")
class Stack(Standard):
    """With K floors, h[0] the data, h[1] ... h[K-1] features of E, h[K] the latent; each path below is one a floor.

    alone[i]   from the data's own h[i+1] and noise z_i
    made[i]    from made[i+1] and noise z_i; made[K] is drawn from the prior
    real[i], fake[i], single[i]   what discriminator i says of h[i], made[i], alone[i]
    x_top[k]   the reconstruction from the features of the upper k floors' lowest, h[K-k+1]
    """

    @classmethod
    def depth(cls, nets: Mapping[str, Any]) -> int:
        return len(nets["G"])

    @classmethod
    def streams(cls, nets: Mapping[str, Any], level: int) -> tuple[str, ...]:
        return (f"floor {level}", *(PRIOR if level == cls.depth(nets) - 1 else ()))

    @each
    def h(self, level: int) -> Tensor:
        if level == 0:
            return self.x
        return self.features[level - 1] if level < len(self.nets["G"]) else self.latent.z

    @each
    def drawn(self, level: int) -> Tensor:
        """The noise z_i (B, noise)."""
        return self.draw(f"floor {level}", "normal", (self.nets["G"].noise,))

    @each
    def alone(self, level: int) -> Tensor:
        return self.nets["G"].descend(level, self.h[level + 1], self.drawn[level])

    @each
    def made(self, level: int) -> Tensor:
        if level == len(self.nets["G"]):
            return self.z
        return self.nets["G"].descend(level, self.made[level + 1], self.drawn[level])

    @path
    def x_fake(self) -> Tensor:
        return self.made[0]

    @each
    def x_top(self, count: int) -> Tensor:
        G = self.nets["G"]
        lowest = len(G) - count  # the floor whose features are known
        h = self.h[lowest + 1]
        for level in reversed(range(lowest + 1)):
            h = G.descend(level, h)
        return h

    @each
    def rebuilt(self, level: int) -> Tensor:
        """A floor's features from those above it, without noise."""
        return self.nets["G"].descend(level, self.h[level + 1])

    def again(self, level: int, made: Tensor) -> Tensor:
        """What the encoder makes of features of a floor: those of the floor above, or the latent's mean (B, d)."""
        E = self.nets["E"]
        above = E.rise(level, made)
        return above if level + 1 < len(E) else self.nets["bottleneck"](above, None, self.labels).z

    @each
    def real(self, level: int) -> DiscriminatorOutput:  # type: ignore[override]
        return self.discriminate(f"real.{level}", self.h[level], self.nets["D"][level])

    @each
    def fake(self, level: int) -> DiscriminatorOutput:  # type: ignore[override]
        return self.discriminate(f"fake.{level}", self.made[level], self.nets["D"][level])

    @each
    def single(self, level: int) -> DiscriminatorOutput:
        return self.discriminate(f"single.{level}", self.alone[level], self.nets["D"][level])

    def guess(self, level: int, output: DiscriminatorOutput) -> Tensor:
        """The noise that is read in a judgement's features (B, noise)."""
        return self.nets["Q"].read(level, output.features[-1])

    @path
    def class_logits(self) -> Tensor:
        """What a linear layer says of the latent's class (B, classes)."""
        return self.nets["C"](self.latent.z)[-1]
