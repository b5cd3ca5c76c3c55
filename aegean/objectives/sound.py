"""How far a sound is from its original to the ear."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from aegean.objectives.reconstruction import squares, total
from aegean.objectives.term import Term

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True, kw_only=True)
class MelError(Term):
    """Mean absolute difference of log10 mel magnitudes over several windows (Kumar et al. 2023, section 3.4), times the
    `places` of a sample's latent, so that beside its bits a weight means the same for clips of any length; and `wave`
    times the squared error of the even waveform."""

    places: int = 1
    wave: float = 0.0

    def __call__(self, p: Any) -> Tensor:
        parts = [(a - b).abs().float().flatten(1).mean(1) for a, b in zip(p.mel, p.mel_hat)]
        error = self.places * sum(parts[1:], parts[0]) / len(parts)
        return error + self.wave * total(squares(p.even_hat, p.even)) if self.wave else error
