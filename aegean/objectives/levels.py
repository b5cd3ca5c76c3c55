"""Terms of hierarchies: each is about one level, counted from 0, nearest the data."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from aegean.objectives.term import Term, named

if TYPE_CHECKING:
    from torch import Tensor

ROUND = 0.1  # squared bits: how round the corner of free bits is


@dataclass(frozen=True, kw_only=True)
class _OfLevel(Term):
    level: int

    @property
    def label(self) -> str:
        return f"{type(self).__name__}(level {self.level})"


@dataclass(frozen=True, kw_only=True)
class LevelRate(_OfLevel):
    """KL(q(z_l | x, levels above) || p(z_l | levels above)) in bits a sample: with all levels and a likelihood in
    bits, the evidence bound (Sonderby et al. 2016, eq. 8)."""

    def __call__(self, p: Any) -> Tensor:
        return p.latents[self.level].rate


@dataclass(frozen=True, kw_only=True)
class SpareRate(_OfLevel):
    """max(free - rate, 0) of a level, its corner rounded off (Barron 2021, squareplus). Beside its rate at the same
    weight this is max(rate, free): free bits, below which little is gained by falling silent (Kingma et al. 2016,
    section C.8); the rate itself stays a term of its own, and is logged."""

    free: float

    def __call__(self, p: Any) -> Tensor:
        spare = self.free - p.latents[self.level].rate
        return (spare + (spare.square() + 4 * ROUND).sqrt()) / 2


@dataclass(frozen=True, kw_only=True)
class LevelError(_OfLevel):
    """Mean squared distance of a floor's features to what is made of those above them: "rebuilt" without noise, or
    drawn "alone" with it, where the error holds the noise down too."""

    made: str = "rebuilt"

    def __call__(self, p: Any) -> Tensor:
        made = getattr(p, self.made)[self.level]
        return (made - p.h[self.level]).float().square().flatten(1).mean(1)


@dataclass(frozen=True, kw_only=True)
class Conditional(_OfLevel):
    """How far what the encoder makes of a generated floor is from what it was generated from: |E_i(h~_i) - h_{i+1}|^2
    (Huang et al. 2017, eq. 4) as a mean over numbers, relative to (1 + the mean square of h_{i+1}) / 2, so that neither
    size nor scale of the features moves its weight. `made` names the generated floors: "made" or "alone"."""

    made: str = "made"

    def __call__(self, p: Any) -> Tensor:
        made = getattr(p, self.made)[self.level]
        above = p.made[self.level + 1] if self.made == "made" else p.h[self.level + 1]
        error = (p.again(self.level, made) - above).float().square().mean(1)
        return 2 * error / (1 + above.float().square().mean(1))


@dataclass(frozen=True, kw_only=True)
class NoiseError(_OfLevel):
    """|z_i - Q_i(h~_i)|^2 as a mean over numbers: it bounds the entropy of h~_i given h_{i+1} from below, so the noise
    is not ignored (Huang et al. 2017, eq. 6). `judged` names the discriminator outputs in whose features it is read."""

    judged: str = "fake"

    def __call__(self, p: Any) -> Tensor:
        guess = p.guess(self.level, named(p, f"{self.judged}.{self.level}"))
        return (guess - p.drawn[self.level]).float().square().mean(1)


@dataclass(frozen=True, kw_only=True)
class ClassError(Term):
    """Cross-entropy of the class that is read in the latent, in nats."""

    def __call__(self, p: Any) -> Tensor:
        import torch.nn.functional as F

        return F.cross_entropy(p.class_logits.float(), p.labels, reduction="none")
