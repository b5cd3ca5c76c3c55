"""The wiring of texts: the standard one, with a decoder that goes from token to token.

x -> E -> bottleneck -> z;  z, x -> G -> logits of each token, given those before it     training
z -> G.write -> x^                                                                       use
"""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor

from aegean.latent.names import NATS_TO_BITS
from aegean.paths import path, wiring
from aegean.wirings.standard import Standard


@wiring("text")
class Text(Standard):
    """Tokens (B, length), whole numbers; 0 ends a text and fills the places behind it."""

    @path
    def seen(self) -> Tensor:
        """What the encoder sees: the data, tokens blanked where the run has a corruption."""
        if "corruption" not in self.nets:
            return self.x
        return self.nets["corruption"](self.x, self.draw("corruption", "uniform", self.x.shape[1:]))

    @path
    def counted(self) -> Tensor:
        """1 at every token and at the first 0 behind them, else 0: (B, length)."""
        return F.pad((self.x > 0).float(), (1, -1), value=1.0)

    @path
    def raw_hat(self) -> Tensor:
        """Logits of each token (B, length, tokens), given the latent and the tokens before it."""
        return self.nets["G"](self.latent.z, self.labels, self.x)

    @path
    def token_bits(self) -> Tensor:
        """What each token costs, given the latent and those before it (B, length); 0 behind the end."""
        nats = F.cross_entropy(self.raw_hat.float().flatten(0, 1), self.x.long().flatten(), reduction="none")
        return nats.view(self.x.shape) * self.counted * NATS_TO_BITS

    @path
    def raw_alone(self) -> Tensor:
        """The same for a latent of the prior, which says nothing of these data: a plain language model."""
        return self.nets["G"](self.z, self.labels, self.x)

    @path
    def x_hat(self) -> Tensor:
        return self.nets["G"].write(self.latent.z, self.labels)

    @path
    def x_decoded(self) -> Tensor:
        return self.nets["G"].write(self.x, self.labels)

    @path
    def x_fake(self) -> Tensor:
        return self.spoken(self.nets["G"].heat)

    def spoken(self, heat: float) -> Tensor:
        """A text for a latent from the prior, its tokens drawn at a temperature; 0: the likeliest ones."""
        G = self.nets["G"]
        return G.write(self.z, self.labels, self.draw("tokens", "uniform", G.top[1:]) if heat else None, heat)
