"""How far a reconstruction is from its data. Sums over data dimensions, never means: so beta keeps its meaning
whatever the number of pixels (Kingma and Welling 2013, eq. 10; Higgins et al. 2017, eq. 4)."""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from aegean.latent.names import NATS_TO_BITS
from aegean.objectives.term import Term, named

if TYPE_CHECKING:
    from torch import Tensor


def total(values: Tensor, within: Tensor | None = None) -> Tensor:
    """Sum over all but the batch, of what a mask covers: (B, ...) -> (B,)."""
    values = values.float()
    return (values if within is None else values * within).flatten(1).sum(1)


def squares(a: Tensor, b: Tensor) -> Tensor:
    """(a - b)^2 of each value, in one pass over them and one back."""
    import torch.nn.functional as F

    return F.mse_loss(a.float(), b.float(), reduction="none")


@dataclass(frozen=True, kw_only=True)
class _Error(Term):
    """of, to: the paths whose distance is meant. within: that of a mask of the values that count; "" for all."""

    of: str = "x_hat"
    to: str = "x"
    within: str = ""

    @property
    def label(self) -> str:
        """The term's name, and what it is about where that is not the usual reconstruction."""
        usual = {field.name: field.default for field in dataclasses.fields(self)}
        chosen = (self.of, self.to, self.within)
        if chosen == (usual["of"], usual["to"], usual["within"]):
            return type(self).__name__
        more = [name for name in chosen[1:] if name not in (usual["to"], "")]
        return f"{type(self).__name__}({', '.join((self.of, *more))})"

    def total(self, p: Any, values: Tensor) -> Tensor:
        return total(values, named(p, self.within) if self.within else None)


@dataclass(frozen=True, kw_only=True)
class SquaredError(_Error):
    """sum (x - x^)^2 of a sample, in the model's own units."""

    def __call__(self, p: Any) -> Tensor:
        return self.total(p, squares(named(p, self.of), named(p, self.to)))


@dataclass(frozen=True, kw_only=True)
class AbsoluteError(_Error):
    """sum |x - x^| of a sample."""

    def __call__(self, p: Any) -> Tensor:
        return self.total(p, (named(p, self.of) - named(p, self.to)).abs())


@dataclass(frozen=True, kw_only=True)
class GaussianBits(_Error):
    """-log2 N(x; x^, exp(log_variance)), a density over the model's units, in bits a sample.

    The variance is one learned number of the decoder (Rybkin et al. 2021), bounded below by a quarter
    of a step of 8-bit pixels, so that the likelihood of constant data stays finite.
    """

    def __call__(self, p: Any) -> Tensor:
        log_variance = p.log_variance.float().clamp(min=2 * math.log(0.5 / 255))
        squared = squares(named(p, self.of), named(p, self.to))
        size = total(named(p, self.within).expand_as(squared)) if self.within else squared[0].numel()
        nats = self.total(p, squared) * (-log_variance).exp() + size * (log_variance + math.log(2 * math.pi))
        return 0.5 * nats * NATS_TO_BITS


@dataclass(frozen=True, kw_only=True)
class BernoulliBits(_Error):
    """Cross-entropy of the pixels as probabilities (x + 1) / 2, in bits a sample; the decoder gives logits."""

    of: str = "raw_hat"

    def __call__(self, p: Any) -> Tensor:
        import torch.nn.functional as F

        target = (named(p, self.to).float() + 1) / 2
        logits = named(p, self.of).float()
        return self.total(p, F.binary_cross_entropy_with_logits(logits, target, reduction="none")) * NATS_TO_BITS


@dataclass(frozen=True, kw_only=True)
class Distil(Term):
    """sum (x~ - kept x~)^2 of a generated sample: how far the generator has gone from its kept copy (Hinton et al.
    2015, for generators)."""

    def __call__(self, p: Any) -> Tensor:
        return total((p.x_fake - p.x_kept).square())


@dataclass(frozen=True, kw_only=True)
class LatentError(Term):
    """sum (z - z^)^2 / sum z^2 of the batch's latents: what the encoder finds in a generated sample against the latent
    that it was drawn from (Chen et al. 2016, section 4, for a Gaussian code). Relative, since latents have no unit."""

    of: str = "z_hat"
    to: str = "z"

    def __call__(self, p: Any) -> Tensor:
        z = named(p, self.to)
        return total((named(p, self.of) - z).square()) / total(z.square()).clamp(min=1e-6)


@dataclass(frozen=True, kw_only=True)
class ReadError(Term):
    """Mean squared error of what a reader makes of the discriminator's features of real samples, against what the
    discriminator saw (Liu et al. 2021, eq. 4): (B / pack,) numbers."""

    def __call__(self, p: Any) -> Tensor:
        return (p.x_read - p.real.seen).float().square().flatten(1).mean(1)


@dataclass(frozen=True, kw_only=True)
class FeatureError(Term):
    """-log2 N(D_l(x); D_l(x^), 1) up to its constant: squared error in a level of the discriminator's features,
    in bits a sample (Larsen et al. 2016): a sum over channels and positions; a pack's is shared out among its
    samples. (B / pack,) numbers."""

    level: int = -1
    of: str = "recon"
    to: str = "real"

    def __call__(self, p: Any) -> Tensor:
        squared = (named(p, self.of).features[self.level] - named(p, self.to).features[self.level]).float().square()
        return 0.5 * NATS_TO_BITS * total(squared) * (len(squared) / len(p.x))


@dataclass(frozen=True, kw_only=True)
class FeatureMatching(Term):
    """Mean over the discriminator's levels of sum |D_l(x) - D_l(x^)| / sum |D_l(x)| of a sample (Défossez et al. 2022,
    eq. 3): relative, so that all levels weigh the same. (B / pack,) numbers."""

    of: str = "recon"
    to: str = "real"

    def __call__(self, p: Any) -> Tensor:
        pairs = zip(named(p, self.to).features, named(p, self.of).features)
        parts = [total((b - a).abs()) / total(a.abs()).clamp(min=1e-6) for a, b in pairs]
        return sum(parts[1:], parts[0]) / len(parts)
