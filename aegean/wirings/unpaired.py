"""The wiring of translators between two sides that share a latent, without pairs (Liu et al. 2017, UNIT).

a -> E, b -> F; both through S, the end of the encoders, to z, and through T, the beginning of the decoders
U draws b, V draws a:  a -> z_a -> ab, aa     b -> z_b -> ba, bb
ab -> F -> ... -> aba     ba -> E -> ... -> bab     there and back again
{b, ab} -> D     {a, ba} -> DA     {z_a, z_b} -> Dz     discrimination
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import Tensor

from aegean.nets import DiscriminatorOutput
from aegean.nets.blocks import in_range
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
        return self._drawn("U", self.z_a, self.a)

    @path
    def ba(self) -> Tensor:
        return self._drawn("V", self.z_b, self.b)

    @path
    def aba(self) -> Tensor:
        """there and back again."""
        return self._drawn("V", self._latent("F", self.ab), self.a)

    @path
    def bab(self) -> Tensor:
        return self._drawn("U", self._latent("E", self.ba), self.b)

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
        return self.discriminate("latent_a", self.z_a, "Dz")

    @path
    def latent_b(self) -> DiscriminatorOutput:
        return self.discriminate("latent_b", self.z_b, "Dz")
