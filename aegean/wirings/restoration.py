"""The wirings of restorers and translators: one U-shaped autoencoder whose input is not what shall come out.

    x -> window -> wanted -> damage -> given -> E -> U -> x_hat      restoration, in training
    x, target -> window -> given, wanted; given -> E -> U -> x_hat   of pairs
    x, mask -> given -> E -> U -> x_hat                              at use: without noise nothing is damaged
    {wanted, x_sharp} -> D                                           discrimination

Names of networks: E encoder; U the other half of the U, `sharp` a copy of it that an adversary has sharpened; fill,
which fills holes smoothly, and token, which shows the encoder where they are; window and damage, which have no weights;
D discriminator.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from aegean.nets import DiscriminatorOutput
from aegean.nets.blocks import in_range
from aegean.paths import Paths, path, wiring


def reflected(x: Tensor, stride: int) -> Tensor:
    """Pictures (B, C, H, W) of any size, continued by their own mirror image to sides that a stride divides."""
    for axis in (2, 3):
        size = x.shape[axis]
        if size % stride:
            place = torch.arange(size + -size % stride, device=x.device) % max(1, 2 * size - 2)
            x = x.index_select(axis, torch.minimum(place, 2 * size - 2 - place).clamp(min=0))
    return x


@wiring("restoration")
class Restoration(Paths):
    """What is given becomes what is wanted."""

    back = ""  # the path that leads the other way, where there is one

    @classmethod
    def reach(cls, nets: Mapping[str, Any]) -> tuple[int, int]:
        """What the sides of pictures are brought to multiples of, and how far around a pixel it depends on others."""
        return nets["U"].stride, max(nets["U"].radius, getattr(nets.get("fill"), "reach", 0))

    def looked_at(self, x: Tensor) -> Tensor:
        """Through the window of training, the same for both sides of a pair."""
        if "window" not in self.nets or self.noise is None:
            return x
        window = self.nets["window"]
        return window(x, self.draw("window", "uniform", (window.draws,)))

    @path
    def wanted(self) -> Tensor:
        """What shall come out (B, *shape)."""
        return self.looked_at(self.x if self.target is None else self.target)

    @path
    def damaged(self) -> tuple[Tensor, Tensor | None]:
        """What comes in, and what is known of it (B, 1, ...); None: all."""
        if "damage" not in self.nets or self.noise is None:
            return self.looked_at(self.x), self.mask
        damage, shape = self.nets["damage"], self.wanted.shape[1:]
        normal = self.draw("damage", "normal", damage.normals(shape))
        return damage(self.wanted, normal, self.draw("damage", "uniform", (damage.uniforms,)))

    @path
    def begun(self) -> Tensor:
        """What a correction is added to: what comes in, its holes filled smoothly."""
        x, known = self.damaged
        return x if known is None or "fill" not in self.nets else self.nets["fill"](x, known)

    @path
    def given(self) -> Tensor:
        """What the encoder sees: the same, with a pattern in holes."""
        _, known = self.damaged
        return self.begun if known is None or "token" not in self.nets else self.nets["token"](self.begun, known)

    @path
    def features(self) -> tuple[Tensor, ...]:
        """The encoder's levels, nearest the data first."""
        return self.nets["E"](reflected(self.given, self.nets["U"].stride))

    def restored(self, net: str) -> Tensor:
        """What one of the decoders makes of it, in model range; what is known of a picture with holes stays."""
        height, width = self.given.shape[2:]
        x = in_range(self.begun + self.nets[net](self.features)[..., :height, :width], "linear")
        before, known = self.damaged
        return x if known is None or "token" not in self.nets else torch.where(known > 0, before, x)

    @path
    def x_hat(self) -> Tensor:
        """The restored picture (B, *shape)."""
        return self.restored("U")

    @path
    def x_sharp(self) -> Tensor:
        """The same by the sharpened decoder."""
        return self.restored("sharp")

    # discrimination

    @path
    def real(self) -> DiscriminatorOutput:
        return self.discriminate("real", self.wanted)

    @path
    def recon(self) -> DiscriminatorOutput:
        return self.discriminate("recon", self.x_sharp)


@wiring("translation")
class Translation(Restoration):
    """The same of pairs: what comes out is drawn anew, not corrected, and judged beside what came in."""

    def restored(self, net: str) -> Tensor:
        """What one of the decoders makes of it, in model range."""
        height, width = self.given.shape[2:]
        return in_range(self.nets[net](self.features)[..., :height, :width], "linear")

    @path
    def real(self) -> DiscriminatorOutput:
        return self.discriminate("real", torch.cat((self.given, self.wanted), 1))

    @path
    def recon(self) -> DiscriminatorOutput:
        return self.discriminate("recon", torch.cat((self.given, self.x_sharp), 1))
