"""The wiring of texts: the standard one, with a decoder that goes from token to token.

x -> said -> seen -> E -> bottleneck -> z;  z, x -> G -> logits of each token, given those before it     training
z -> G.write -> x^                                                                       use
"""

from __future__ import annotations

from torch import Tensor

from aegean.paths import path, wiring
from aegean.wirings.standard import Standard


@wiring("text")
class Text(Standard):
    """Tokens (B, length), whole numbers; 0 ends a text and fills the places behind it."""

    @path
    def said(self) -> Tensor:
        """What is to be said: the data, in training some of them with other tokens."""
        if "corruption" not in self.nets or not self.nets["corruption"].exchanged:
            return self.x
        noise = self.draw("said", "uniform", (2 + 2 * self.x.shape[1],))
        return self.nets["corruption"].others(self.x, noise)  # type: ignore[operator]

    @path
    def seen(self) -> Tensor:
        """What the encoder sees: what is said, tokens blanked where the run has a corruption."""
        if "corruption" not in self.nets:
            return self.x
        return self.nets["corruption"](self.said, self.draw("corruption", "uniform", self.x.shape[1:]))

    @path
    def told(self) -> Tensor:
        """What the decoder is told of the tokens before each place: all, or in training not all."""
        if "corruption" not in self.nets:
            return self.x
        length = self.x.shape[1]
        return self.nets["corruption"].before(self.said, self.draw("told", "uniform", (1 + length,)))  # type: ignore[operator]

    @path
    def raw_hat(self) -> Tensor:
        """Logits of each token (B, length, tokens), given the latent and the tokens before it."""
        return self.nets["G"](self.latent.z, self.labels, self.x)

    @path
    def token_bits(self) -> Tensor:
        """What each token costs, given the latent and those before it (B, length); 0 behind the end."""
        return self.nets["G"].bits(self.latent.z, self.labels, self.told, self.said)  # type: ignore[operator]

    @path
    def token_bits_alone(self) -> Tensor:
        """The same for a latent of the prior, which says nothing of these data: a plain language model."""
        return self.nets["G"].bits(self.z, self.labels, self.told, self.said)  # type: ignore[operator]

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
