"""The wiring of translators between two sides that share a latent, without pairs (Liu et al. 2017, UNIT).

a -> E, b -> F; both through S, the end of the encoders, to z, and through T, the beginning of the decoders
U draws b, V draws a:  a -> seen_a -> aa     b -> seen_b -> bb     each on its own side, from z and, with skips, from
                                                                  the levels below
a -> placing -> a_placed -> E -> ... -> ab     b -> placing -> b_placed -> F -> ... -> ba     translations
ab -> back to its place -> F -> ... -> aba     ba -> ... -> bab     there and back again
{b, ab} -> D     {a, ba} -> DA     {z of a_placed, z of b} -> Dz     discrimination
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

Levels = tuple[Tensor, ...]  # of an encoder, nearest the data first


@wiring("unpaired")
class Unpaired(Restoration):
    """Each side is drawn from the latent of the other one."""

    back = "ba"  # the path from the other side

    @classmethod
    def reach(cls, nets: Mapping[str, Any]) -> tuple[int, int]:
        stride, radius = super().reach(nets)
        return stride, radius + stride * sum(2 * len(nets[name].blocks) for name in "ST")

    def _seen(self, net: str, x: Tensor) -> Levels:
        """The levels of an encoder, of which the topmost is the latent."""
        *levels, top = self.nets[net](reflected(x, self.nets["U"].stride))
        return (*levels, self.nets["S"](top))

    def _drawn(self, net: str, levels: Levels, like: Tensor) -> Tensor:
        *lower, z = levels
        x = self.nets[net]((*lower, self.nets["T"](z)))
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
    def seen_a(self) -> Levels:
        """The last of them is the latent (B, width, H / stride, W / stride)."""
        return self._seen("E", self.a)

    @path
    def seen_b(self) -> Levels:
        return self._seen("F", self.b)

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
    def seen_ab(self) -> Levels:
        """Of pictures that lie as those of the other side."""
        return self._seen("E", self.a_placed) if self.there else self.seen_a

    @path
    def seen_ba(self) -> Levels:
        return self._seen("F", self.b_placed) if self.here else self.seen_b

    # what is drawn

    @path
    def aa(self) -> Tensor:
        """Reconstructions within a side,"""
        return self._drawn("V", self.seen_a, self.a)

    @path
    def bb(self) -> Tensor:
        return self._drawn("U", self.seen_b, self.b)

    @path
    def ab(self) -> Tensor:
        """translations,"""
        return self._drawn("U", self.seen_ab, self.a)

    @path
    def ba(self) -> Tensor:
        return self._drawn("V", self.seen_ba, self.b)

    @path
    def aba(self) -> Tensor:
        """there and back again."""
        ab = self.there.back()(self.ab) if self.there else self.ab
        return self._drawn("V", self._seen("F", ab), self.a)

    @path
    def bab(self) -> Tensor:
        ba = self.here.back()(self.ba) if self.here else self.ba
        return self._drawn("U", self._seen("E", ba), self.b)

    @path
    def common(self) -> Tensor:
        """The other side through the networks of the first, before each has its own."""
        return self._drawn("U", self._seen("E", self.b), self.b)

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
        return self.discriminate("latent_a", self.seen_ab[-1], "Dz")

    @path
    def latent_b(self) -> DiscriminatorOutput:
        return self.discriminate("latent_b", self.seen_b[-1], "Dz")
