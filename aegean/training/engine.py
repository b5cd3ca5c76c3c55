"""How a step is carried out: precision, compiler, the form of slopes, the split of a batch. Never what it computes."""

from __future__ import annotations

from contextlib import AbstractContextManager
from dataclasses import dataclass

import torch

from aegean.config import Config


@dataclass(frozen=True)
class Engine(Config):
    """Chosen once, stored with the run, and used again when it is resumed.

    precision: of the networks' passes, "float32" or "bfloat16"; weights, sums and updates are float32 in both.
    backend: of the compiled step, "inductor", "aot_eager", or "" for the eager one. forward_mode: the form of
    slopes (see `Paths.slope`). micro: parts that a batch is worked off in, one after the other.
    """

    precision: str = "float32"
    backend: str = ""
    forward_mode: bool = False
    micro: int = 1

    def autocast(self, device: torch.device) -> AbstractContextManager:
        # Without the cache of casts: it would keep tensors of a recorded step alive.
        return torch.autocast(device.type, torch.bfloat16, enabled=self.precision == "bfloat16", cache_enabled=False)
