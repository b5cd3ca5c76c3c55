"""How a step is carried out: precision, compiler, form of input gradients, split of a batch. Never what it computes."""

from __future__ import annotations

import importlib.util
import math
import os
import shutil
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from aegean.config import Config, UserError
from aegean.surface import option
from aegean.training.schedule import Run

if TYPE_CHECKING:
    import torch

PRECISIONS = ("auto", "float32", "bfloat16")
COMPILE = ("auto", "on", "off")
LONG = {"cuda": 5_000, "cpu": 20_000}  # steps of a phase, from which compiling it is paid back (docs/log.md)
EXACT = 16  # packs seen at once, below which oneDNN's double backward in bfloat16 can be wrong (docs/log.md)


@dataclass(frozen=True)
class Engine(Config):
    """Chosen once, stored with the run, and used again when it is resumed.

    precision: of the networks' passes, "float32" or "bfloat16"; weights, sums and updates are float32 in both.
    backend: of the compiled step, "inductor", "aot_eager", or "" for the eager one. forward_mode: the form of
    input gradients (see `aegean.gradients`), None: by rule. accumulate: parts of a batch, whose gradients add up.
    """

    precision: str = "float32"
    backend: str = ""
    forward_mode: bool | None = None
    accumulate: int = 1

    def words(self, device: torch.device) -> str:
        """In words for the log."""
        import torch

        count = torch.get_num_threads()
        threads = f" ({count} thread{'s' * (count > 1)})" if device.type == "cpu" else ""
        parts = f", gradients accumulated over {self.accumulate} parts of a batch" if self.accumulate > 1 else ""
        return f"on {device}{threads}: {self.precision}, {'compiled' if self.backend else 'eager'}{parts}"

    def takes_forward_mode(self, run: Run, device: torch.device, shards: int) -> bool:
        """Whether input gradients are taken in forward mode: on CUDA; on a CPU double backward is faster, but oneDNN's
        can be wrong in bfloat16 for few packs of samples (docs/log.md)."""
        if self.forward_mode is not None:
            return self.forward_mode
        return device.type == "cuda" or (self.precision == "bfloat16" and penalised(run) // shards < EXACT)

    def autocast(self, device: torch.device) -> AbstractContextManager:
        import torch

        # Without the cache of casts: it would keep tensors of a recorded step alive.
        return torch.autocast(device.type, torch.bfloat16, enabled=self.precision == "bfloat16", cache_enabled=False)


def penalised(run: Run) -> int:
    """How many packs of samples of a batch a gradient penalty looks at, the fewest of any term."""
    pack = max(int(spec.args.get("pack", 1)) for spec in run.nets.values())
    terms = [term for phase in run.schedule for turn in phase.turns for term in turn.terms]
    return run.batch // pack // max((every for term in terms for every in term.gradients.values()), default=1)


def choose_engine(run: Run, device: torch.device, precision: str, compile: str, accumulate: int) -> Engine:
    """What was asked for, with "auto" decided by rule: by the device, the networks and the length of the run.

    UserError: an unknown word, or a precision that the device has not.
    """
    import torch

    for name, word, known in (("precision", precision, PRECISIONS), ("compile", compile, COMPILE)):
        if word not in known:
            raise UserError(f"{option(name, word)}: expected {', '.join(known[:-1])} or {known[-1]}.")
    if precision == "auto":
        # Not on processors: mixtures fitted to latents in bfloat16 are further from the data (docs/log.md).
        gains = device.type == "cuda" and _pictures(run) and torch.cuda.is_bf16_supported()
        precision = "bfloat16" if gains else "float32"
    if precision == "bfloat16" and device.type == "mps":
        raise UserError(f"{option('precision', precision)}: not on mps; use float32.")
    if compile == "auto":
        steps = run.images / run.batch / len(run.schedule)
        long = steps >= LONG.get(device.type, math.inf)
        pays = device.type == "cuda" or _pictures(run)  # dense networks on a CPU are too quick
        compile = "on" if long and pays and can_compile(device) else "off"
    return Engine(precision, "inductor" if compile == "on" else "", None, accumulate)


def can_compile(device: torch.device) -> bool:
    """Whether the compiler finds what it needs: on a CPU a C++ compiler, on CUDA Triton."""
    if device.type == "cpu":
        return shutil.which(os.environ.get("CXX", "g++")) is not None
    return device.type == "cuda" and importlib.util.find_spec("triton") is not None


def _pictures(run: Run) -> bool:
    """Whether networks of the run are for pictures: bfloat16 is fine enough for these, not for columns."""
    return any(len(spec.args.get("shape", ())) == 3 for spec in run.nets.values())
