"""One generator with a picture at every scale, and a discriminator that sees all of them (Karnewar and Wang 2020)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import Tensor

from aegean.nets import DiscriminatorOutput
from aegean.nets.scales import bundle, pyramid
from aegean.paths import PRIOR, each, path, wiring
from aegean.wirings.ladder import top_down
from aegean.wirings.standard import Standard


@wiring("scales")
class Scales(Standard):
    """Scales are levels: 0 is the full size. real[s] and fake[s] are judgements of the pictures of the scales from s
    upwards, to the coarsest; so real[0] and fake[0] are those of whole samples."""

    @classmethod
    def depth(cls, nets: Mapping[str, Any]) -> int:
        return nets["G"].depth

    @classmethod
    def streams(cls, nets: Mapping[str, Any], level: int) -> tuple[str, ...]:
        return (f"{PRIOR[0]} {level}", *((PRIOR[1],) if level == cls.depth(nets) - 1 else ()))

    @path
    def z(self) -> Tensor:
        return top_down(self)

    @path
    def drawn(self) -> tuple[Tensor, ...]:
        """What each level draws."""
        return self.nets["G"].split(self.z)

    @each
    def state(self, level: int) -> Tensor:
        """The generator's state at a scale."""
        above = self.drawn[-1] if level == self.nets["G"].depth - 1 else self.state[level + 1]
        return self.nets["G"].descend(level, above, self.drawn[level])

    @each
    def picture(self, level: int) -> Tensor:
        """The picture of a scale (B, C, h, w)."""
        return self.nets["G"].mean(self.nets["G"].show(level, self.state[level]))

    @path
    def x_fake(self) -> Tensor:
        return self.picture[0]

    @each
    def real(self, level: int) -> DiscriminatorOutput:  # type: ignore[override]
        pictures = pyramid(self.x, self.nets["G"].scales)[level:]
        return self.discriminate(f"real.{level}", bundle(pictures))

    @each
    def fake(self, level: int) -> DiscriminatorOutput:  # type: ignore[override]
        pictures = [self.picture[scale] for scale in range(level, self.nets["G"].depth)]
        return self.discriminate(f"fake.{level}", bundle(pictures))
