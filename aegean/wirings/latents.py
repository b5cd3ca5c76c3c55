"""The wiring of latents as data: a prior against latents that an encoder has given, without that encoder."""

from __future__ import annotations

from typing import ClassVar

from aegean.paths import wiring
from aegean.wirings.standard import Standard


@wiring("latents")
class Latents(Standard):
    """noise -> prior -> z; {x, z} -> Dz."""

    judged: ClassVar = Standard.judged | {"data_z": ("x", "Dz")}
