"""The wiring of sounds: the standard one, on sounds that are made equally loud first.

    x -> level -> gain;  x * gain = even -> E -> bottleneck -> z -> G -> even_hat;  even_hat / gain = x_hat
    {even, even_hat} -> ear -> mel, mel_hat
    {even, even_hat} -> D

Names of networks: level, which finds gains, and ear, which gives mel spectra, have no weights.
"""

from __future__ import annotations

from torch import Tensor

from aegean.nets import DiscriminatorOutput
from aegean.paths import path, wiring
from aegean.wirings.standard import Standard


@wiring("sound")
class Sound(Standard):
    """One sound of one channel a sample (B, 1, L)."""

    @path
    def gain(self) -> Tensor:
        """(B, 1, 1)."""
        level = self.nets["level"]
        gain = level(self.x)
        if not (self.noise and level.spread):
            return gain
        return gain * 10 ** (self.draw("level", "uniform", (1, 1)) * (-level.spread / 20))

    @path
    def even(self) -> Tensor:
        """The data, all equally loud."""
        return self.x * self.gain

    @path
    def features(self) -> tuple[Tensor, ...]:
        return self.nets["E"](self.even)

    @path
    def even_hat(self) -> Tensor:
        """The reconstruction, as loud as `even`."""
        return self.nets["G"].mean(self.raw_hat)[..., : self.x.shape[2]]

    @path
    def x_hat(self) -> Tensor:
        return self.even_hat / self.gain

    @path
    def x_decoded(self) -> Tensor:
        """Of latents, which say nothing of loudness."""
        return self.nets["G"].mean(self.raw_decoded)[..., : self.nets["G"].length]

    @path
    def mel(self) -> tuple[Tensor, ...]:
        return self.nets["ear"](self.even)

    @path
    def mel_hat(self) -> tuple[Tensor, ...]:
        return self.nets["ear"](self.even_hat)

    @path
    def real(self) -> DiscriminatorOutput:
        return self.discriminate("real", self.even)

    @path
    def recon(self) -> DiscriminatorOutput:
        return self.discriminate("recon", self.even_hat)
