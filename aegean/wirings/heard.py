"""The wiring of sounds that are drawn as pictures of log mel spectra, which a voice makes audible.

    x -> eye -> look -> E -> bottleneck -> z -> G -> look_hat -> voice -> x^
    noise -> prior -> z -> G -> look_fake -> voice -> x~
    {look, look_fake, look_hat} -> D
    look -> voice -> x_spoken;  {x, x_spoken} -> ear

Autoencoder and adversary know pictures alone, which are cheaper than waveforms, and gradient penalties are those of
pictures: of a waveform near silence the logarithm has gradients without bound.
"""

from __future__ import annotations

from typing import ClassVar

import torch.nn.functional as F
from torch import Tensor

from aegean.paths import path, wiring
from aegean.wirings.standard import Standard


@wiring("heard")
class Heard(Standard):
    """Sounds of one channel (B, 1, L). `eye` and `ear`, which have no weights, give log mel spectra: one under a single
    window, which is the picture, and several for the error of the voice."""

    judged: ClassVar = Standard.judged | {
        "real": ("look", "D"),
        "fake": ("look_fake", "D"),
        "recon": ("look_hat", "D"),
    }

    @path
    def look(self) -> Tensor:
        """The data's picture (B, 1, bands, frames) in [-1, 1], from silence to full scale; silence behind a sound fills
        up its frames."""
        voice = self.nets["voice"]
        whole = F.pad(self.x, (0, voice.frames * voice.hop - self.x.shape[2]))
        return (self.nets["eye"](whole)[0] / 2.5 + 1)[:, None]

    @path
    def features(self) -> tuple[Tensor, ...]:
        return self.nets["E"](self.look)

    @path
    def look_hat(self) -> Tensor:
        return self.nets["G"].mean(self.raw_hat)

    @path
    def look_fake(self) -> Tensor:
        return self.nets["G"].mean(self.raw_fake)

    @path
    def x_hat(self) -> Tensor:
        return self.nets["voice"](self.look_hat)

    @path
    def x_fake(self) -> Tensor:
        return self.nets["voice"](self.look_fake)

    @path
    def x_decoded(self) -> Tensor:
        return self.nets["voice"](self.nets["G"].mean(self.raw_decoded))

    @path
    def x_spoken(self) -> Tensor:
        """The data's own picture made audible: what is lost here no drawing brings back. In training it is blurred, by
        none to five bands and frames, as drawn ones are."""
        if not self.noise:
            return self.nets["voice"](self.look)
        wide = F.avg_pool2d(F.pad(self.look, (2, 2, 2, 2), mode="replicate"), 5, 1)
        return self.nets["voice"](self.look + self.draw("blur", "uniform", (1, 1, 1)) * (wide - self.look))

    @path
    def x_mixed(self) -> Tensor:
        """A random point on the line from each drawn picture to its real partner."""
        u = self.draw("mix", "uniform", (1, 1, 1))
        return u * self.look + (1 - u) * self.look_fake

    @path
    def mel(self) -> tuple[Tensor, ...]:
        return self.nets["ear"](self.x)

    @path
    def mel_hat(self) -> tuple[Tensor, ...]:
        return self.nets["ear"](self.x_spoken)

    @path
    def z_hat(self) -> Tensor:
        return self.nets["bottleneck"](self.nets["E"](self.look_fake)[-1], None, self.labels).z
