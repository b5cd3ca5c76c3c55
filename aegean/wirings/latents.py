"""The wiring of latents as data: a prior against latents that an encoder has given, without that encoder."""

from __future__ import annotations

from aegean.nets import DiscriminatorOutput
from aegean.paths import path, wiring
from aegean.wirings.standard import Standard


@wiring("latents")
class Latents(Standard):
    """noise -> prior -> z; {x, z} -> Dz."""

    @path
    def data_z(self) -> DiscriminatorOutput:
        """Of the data, which are latents."""
        return self.discriminate("data_z", self.x, "Dz")
