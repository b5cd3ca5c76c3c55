"""How a step is carried out: precision, compiler, the form of slopes, the split of a batch. Never what it computes."""

from __future__ import annotations

import importlib.util
import os
import shutil
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

import torch

from aegean.config import Config, UserError
from aegean.training.schedule import Run

PRECISIONS = ("auto", "float32", "bfloat16")
COMPILE = ("auto", "on", "off")
LONG = 5_000  # steps of a phase, from which compiling it is paid back (docs/log.md)
WIDE = 32  # channels of the first level, and
LARGE = 24 * 24  # pixels, from which a processor with matrix units gains by bfloat16 (docs/log.md)
EXACT = 16  # samples judged at once, below which oneDNN's double backward in bfloat16 can be wrong (docs/log.md)


@dataclass(frozen=True)
class Engine(Config):
    """Chosen once, stored with the run, and used again when it is resumed.

    precision: of the networks' passes, "float32" or "bfloat16"; weights, sums and updates are float32 in both.
    backend: of the compiled step, "inductor", "aot_eager", or "" for the eager one. forward_mode: the form of
    slopes (see `paths.with_slope`). accumulate: parts that a batch is worked off in, one after the other.
    """

    precision: str = "float32"
    backend: str = ""
    forward_mode: bool = False
    accumulate: int = 1

    def words(self, device: torch.device) -> str:
        """In words for the log."""
        threads = f" ({torch.get_num_threads()} threads)" if device.type == "cpu" else ""
        parts = f", each batch in {self.accumulate} parts" if self.accumulate > 1 else ""
        return f"on {device}{threads}: {self.precision}, {'compiled' if self.backend else 'eager'}{parts}"

    def autocast(self, device: torch.device) -> AbstractContextManager:
        # Without the cache of casts: it would keep tensors of a recorded step alive.
        return torch.autocast(device.type, torch.bfloat16, enabled=self.precision == "bfloat16", cache_enabled=False)


def choose_engine(run: Run, device: torch.device, precision: str, compile: str, accumulate: int) -> Engine:
    """What was asked for, with "auto" decided by rule: by the device, the networks and the length of the run.

    UserError: an unknown word, or a precision that the device has not.
    """
    for word, known, option in ((precision, PRECISIONS, "--precision"), (compile, COMPILE, "--compile")):
        if word not in known:
            raise UserError(f"{option} {word}: expected {', '.join(known[:-1])} or {known[-1]}.")
    if accumulate < 1:
        raise UserError(f"--accumulate {accumulate}: expected a whole number from 1 on.")
    if precision == "auto":
        precision = "bfloat16" if _gains(run, device) else "float32"
    if precision == "bfloat16" and device.type == "mps":
        raise UserError("--precision bfloat16: not on mps; use float32.")
    if compile == "auto":
        long = run.images >= LONG * run.batch * len(run.schedule)
        compile = "on" if long and can_compile(device) else "off"
    forward_mode = device.type == "cuda" or (precision == "bfloat16" and _judged(run) // accumulate < EXACT)
    return Engine(precision, "inductor" if compile == "on" else "", forward_mode, accumulate)


def can_compile(device: torch.device) -> bool:
    """Whether the compiler finds what it needs: on a CPU a C++ compiler, on CUDA Triton."""
    if device.type == "cpu":
        return shutil.which(os.environ.get("CXX", "g++")) is not None
    return device.type == "cuda" and importlib.util.find_spec("triton") is not None


def _judged(run: Run) -> int:
    """Packs of samples in a batch."""
    return run.batch // max(int(spec.args.get("pack", 1)) for spec in run.nets.values())


def _gains(run: Run, device: torch.device) -> bool:
    """Whether bfloat16 makes this run faster on this device."""
    if device.type == "cuda":
        return torch.cuda.is_bf16_supported()
    if device.type != "cpu" or not torch.cpu._is_amx_tile_supported():
        return False
    shapes = [(spec.args["widths"][0], spec.args["shape"]) for spec in run.nets.values() if "widths" in spec.args]
    return any(len(shape) == 3 and width >= WIDE and shape[1] * shape[2] >= LARGE for width, shape in shapes)


def set_threads() -> None:
    """As many threads as this process has cores: fewer than the machine's in a container, or beside other
    processes of the same run. OMP_NUM_THREADS, where a person set it, is left alone."""
    processes = int(os.environ.get("LOCAL_WORLD_SIZE", "1"))
    if "OMP_NUM_THREADS" not in os.environ or (processes > 1 and os.environ["OMP_NUM_THREADS"] == "1"):
        torch.set_num_threads(max(1, cores() // processes))  # torchrun's own default is 1 each


def cores() -> int:
    """Processor cores that this process may use: by its affinity, and by its container's quota."""
    count = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    try:
        quota, period = Path("/sys/fs/cgroup/cpu.max").read_text().split()
        return count if quota == "max" else min(count, max(1, round(int(quota) / int(period))))
    except (OSError, ValueError):
        return count
