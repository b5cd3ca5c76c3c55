"""How likely a text is to a decoder that sees the tokens before each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from aegean.objectives.reconstruction import _Error, total
from aegean.objectives.term import named

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True, kw_only=True)
class TokenBits(_Error):
    """-log2 p(text | latent) in bits a sample: the cross-entropy of each token after those before it, the end among
    them, and of nothing behind it (Bowman et al. 2016, section 2; here with a convolutional decoder)."""

    of: str = "token_bits"

    def __call__(self, p: Any) -> Tensor:
        return total(named(p, self.of))
