"""How likely a text is to a decoder that sees the tokens before each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from aegean.latent.names import NATS_TO_BITS
from aegean.objectives.reconstruction import _Error
from aegean.objectives.term import named

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True, kw_only=True)
class TokenBits(_Error):
    """-log2 p(text | latent) in bits a sample: the cross-entropy of each token after those before it, the end among
    them, and of nothing behind it (Bowman et al. 2016, section 2; here with a convolutional decoder)."""

    of: str = "raw_hat"
    within: str = "counted"

    def __call__(self, p: Any) -> Tensor:
        import torch.nn.functional as F

        logits, tokens = named(p, self.of).float(), named(p, self.to).long()
        nats = F.cross_entropy(logits.flatten(0, 1), tokens.flatten(), reduction="none")
        return self.total(p, nats.view(tokens.shape)) * NATS_TO_BITS
