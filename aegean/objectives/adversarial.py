"""Adversarial losses, by name: one pair of formulas each, on the logits of real and of generated samples."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from aegean.objectives.term import Term, named

if TYPE_CHECKING:
    from torch import Tensor


def softplus(x: Tensor) -> Tensor:
    import torch.nn.functional as F

    return F.softplus(x)


class Loss(NamedTuple):
    """What each player minimises; both take (real logits, fake logits) of the same shape."""

    discriminator: Callable[[Tensor, Tensor], Tensor]
    generator: Callable[[Tensor, Tensor], Tensor]


# With D = sigmoid(logit): -log D = softplus(-logit) and -log(1 - D) = softplus(logit). Real is 1, fake is 0.
LOSSES: dict[str, Loss] = {
    # Goodfellow et al. 2014, eq. 1: the generator minimises log(1 - D(G(z))).
    "minimax": Loss(lambda r, f: softplus(-r) + softplus(f), lambda r, f: -softplus(f)),
    # Goodfellow et al. 2014, section 3: it maximises log D(G(z)) instead.
    "non-saturating": Loss(lambda r, f: softplus(-r) + softplus(f), lambda r, f: softplus(-f)),
    # Lim and Ye 2017; Miyato et al. 2018, eq. 16 and 17.
    "hinge": Loss(lambda r, f: (1 - r).relu() + (1 + f).relu(), lambda r, f: -f),
    # Mao et al. 2017, eq. 2 with a = 0, b = c = 1.
    "least-squares": Loss(lambda r, f: 0.5 * (r - 1).square() + 0.5 * f.square(), lambda r, f: 0.5 * (f - 1).square()),
    # Arjovsky et al. 2017, eq. 2 and 3; wants WassersteinPenalty for its Lipschitz bound.
    "wasserstein": Loss(lambda r, f: f - r, lambda r, f: -f),
    # Jolicoeur-Martineau 2018; Huang et al. 2024 (R3GAN), eq. 2.
    "relativistic": Loss(lambda r, f: softplus(f - r), lambda r, f: softplus(r - f)),
}


@dataclass(frozen=True, kw_only=True)
class _Adversarial(Term):
    loss: str = "relativistic"
    fake: str = (
        "fake"  # the output for generated samples: "fake" or "recon", for latents "prior_z" or "data_z"; "fake.1"
    )
    real: str = "real"  # that for what they are to be like

    def over_heads(self, p: Any, formula: Callable[[Tensor, Tensor], Tensor]) -> Tensor:
        """The formula of real and of fake logits: the mean over heads, and over the patches of each."""
        heads = zip(named(p, self.real).logits, named(p, self.fake).logits)
        values = [formula(r.float(), f.float()).reshape(len(r), -1).mean(1) for r, f in heads]
        return sum(values[1:], values[0]) / len(values)

    @property
    def label(self) -> str:
        return f"{type(self).__name__}({self.fake})"


@dataclass(frozen=True, kw_only=True)
class DiscriminatorLoss(_Adversarial):
    """The discriminator's side: (B / pack,) numbers."""

    def __call__(self, p: Any) -> Tensor:
        return self.over_heads(p, LOSSES[self.loss].discriminator)


@dataclass(frozen=True, kw_only=True)
class GeneratorLoss(_Adversarial):
    """The generator's side, through a discriminator that holds still: (B / pack,) numbers."""

    def __call__(self, p: Any) -> Tensor:
        return self.over_heads(p, LOSSES[self.loss].generator)
