"""The wiring of sounds whose encoder and discriminator look at log mel spectra; decoder and prior as in the standard.

    x -> eye -> look -> E -> bottleneck -> z -> G -> x^ -> ear
    {x, x~} -> eye -> look -> D

So gradient penalties are those of spectra: of a waveform near silence the logarithm has gradients without bound.
"""

from __future__ import annotations

from typing import ClassVar

from torch import Tensor

from aegean.paths import path, wiring
from aegean.wirings.standard import Standard


@wiring("heard")
class Heard(Standard):
    """Sounds of one channel (B, 1, L). `eye` and `ear`, which have no weights, give spectra: one under a single window,
    which encoder and discriminator look at, from -1 (silence) to 1, and several for the error."""

    judged: ClassVar = Standard.judged | {"real": ("look", "D"), "fake": ("look_fake", "D")}

    def spectrum(self, x: Tensor) -> Tensor:
        """(B, 1, L) -> (B, bands, frames)."""
        return self.nets["eye"](x)[0] / 2.5 + 1

    @path
    def look(self) -> Tensor:
        return self.spectrum(self.x)

    @path
    def look_fake(self) -> Tensor:
        return self.spectrum(self.x_fake)

    @path
    def features(self) -> tuple[Tensor, ...]:
        return self.nets["E"](self.look)

    @path
    def mel(self) -> tuple[Tensor, ...]:
        return self.nets["ear"](self.x)

    @path
    def mel_hat(self) -> tuple[Tensor, ...]:
        return self.nets["ear"](self.x_hat)

    @path
    def z_hat(self) -> Tensor:
        return self.nets["bottleneck"](self.nets["E"](self.look_fake)[-1], None, self.labels).z
