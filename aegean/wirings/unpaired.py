"""The wiring of translators between two sides that share a latent, without pairs (Liu et al. 2017, UNIT).

a -> E, b -> F; both through S, the end of the encoders, to z, and through T, the beginning of the decoders
U draws b, V draws a:  a -> z_a -> aa     b -> z_b -> bb     each on its own side
a -> placing -> a_placed -> E -> ... -> ab     b -> placing -> b_placed -> F -> ... -> ba     translations
ab -> back to its place -> F -> ... -> aba     ba -> ... -> bab     there and back again
{b, ab} -> D     {a, ba} -> DA     {z of a_placed, z_b} -> Dz     discrimination
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import Tensor

from aegean.nets import DiscriminatorOutput
from aegean.nets.blocks import in_range
from aegean.nets.placing import Placement
from aegean.paths import path, wiring
from aegean.wirings.restoration import Restoration, reflected


@wiring("unpaired")
class Unpaired(Restoration):
    """Each side is drawn from the latent of the other one."""

    back = "ba"  # the path from the other side

    @classmethod
    def reach(cls, nets: Mapping[str, Any]) -> tuple[int, int]:
        stride, radius = super().reach(nets)
        return stride, radius + stride * sum(2 * len(nets[name].blocks) for name in "ST")

    def _latent(self, net: str, x: Tensor) -> Tensor:
        return self.nets["S"](self.nets[net](reflected(x, self.nets["U"].stride))[-1])

    def _drawn(self, net: str, z: Tensor, like: Tensor) -> Tensor:
        U = self.nets[net]
        x = U([*[None] * len(U.ups), self.nets["T"](z)])
        return in_range(x[..., : like.shape[2], : like.shape[3]], "linear")

    @path
    def a(self) -> Tensor:
        """One side (B, *shape),"""
        return self.looked_at(self.x)

    @path
    def b(self) -> Tensor:
        """and the other."""
        assert self.target is not None, "the other side is missing"
        return self.looked_at(self.target)

    @path
    def z_a(self) -> Tensor:
        """Latents (B, width, H / stride, W / stride)."""
        return self._latent("E", self.a)

    @path
    def z_b(self) -> Tensor:
        return self._latent("F", self.b)

    # where pictures lie

    @path
    def there(self) -> Placement | None:
        """How pictures of the first side are moved to lie as those of the other; None: not at all,"""
        return self.nets["placing"](self.a) if "placing" in self.nets else None

    @path
    def here(self) -> Placement | None:
        """and the other way."""
        return self.nets["placing"](self.b, back=True) if "placing" in self.nets else None

    @path
    def a_placed(self) -> Tensor:
        return self.there(self.a) if self.there else self.a

    @path
    def b_placed(self) -> Tensor:
        return self.here(self.b) if self.here else self.b

    @path
    def z_ab(self) -> Tensor:
        """Latents of pictures that lie as those of the other side."""
        return self._latent("E", self.a_placed) if self.there else self.z_a

    @path
    def z_ba(self) -> Tensor:
        return self._latent("F", self.b_placed) if self.here else self.z_b

    # what is drawn

    @path
    def aa(self) -> Tensor:
        """Reconstructions within a side,"""
        return self._drawn("V", self.z_a, self.a)

    @path
    def bb(self) -> Tensor:
        return self._drawn("U", self.z_b, self.b)

    @path
    def ab(self) -> Tensor:
        """translations,"""
        return self._drawn("U", self.z_ab, self.a)

    @path
    def ba(self) -> Tensor:
        return self._drawn("V", self.z_ba, self.b)

    @path
    def aba(self) -> Tensor:
        """there and back again."""
        ab = self.there.back()(self.ab) if self.there else self.ab
        return self._drawn("V", self._latent("F", ab), self.a)

    @path
    def bab(self) -> Tensor:
        ba = self.here.back()(self.ba) if self.here else self.ba
        return self._drawn("U", self._latent("E", ba), self.b)

    @path
    def common(self) -> Tensor:
        """The other side through the networks of the first, before each has its own."""
        return self._drawn("U", self._latent("E", self.b), self.b)

    @path
    def x_hat(self) -> Tensor:
        """What becomes of the first side."""
        return self.ab

    # discrimination

    @path
    def real_b(self) -> DiscriminatorOutput:
        return self.discriminate("real_b", self.b)

    @path
    def fake_b(self) -> DiscriminatorOutput:
        return self.discriminate("fake_b", self.ab)

    @path
    def real_a(self) -> DiscriminatorOutput:
        return self.discriminate("real_a", self.a, "DA")

    @path
    def fake_a(self) -> DiscriminatorOutput:
        return self.discriminate("fake_a", self.ba, "DA")

    @path
    def latent_a(self) -> DiscriminatorOutput:
        """Of each place of a latent."""
        return self.discriminate("latent_a", self.z_ab, "Dz")

    @path
    def latent_b(self) -> DiscriminatorOutput:
        return self.discriminate("latent_b", self.z_b, "Dz")
