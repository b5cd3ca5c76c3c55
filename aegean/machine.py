"""What of the machine this process may use: device, cores, memory, the processes of a run, a folder for caches.

Importing it does not wait for torch.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import platform
import re
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from aegean.config import UserError
from aegean.files import expanded
from aegean.surface import option

if TYPE_CHECKING:
    import torch

# How torch, and oneDNN below it, word a lack of memory on a CPU.
FULL = ("allocate memory", "Storage size", "out of memory", "could not create a memory object", "create a primitive")

M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3  # of mallopt(3)
KEPT = 1 << 27  # bytes: pieces up to this are kept, and as much as this at the end of what is held


def cores() -> int:
    """Processor cores that this process may use: by its affinity, and by its container's quota."""
    count = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    try:
        quota, period = Path("/sys/fs/cgroup/cpu.max").read_text().split()
        return count if quota == "max" else min(count, max(1, round(int(quota) / int(period))))
    except (OSError, ValueError):
        return count


def cache_folder(env: Mapping[str, str] = os.environ, system: str = sys.platform) -> Path:
    """$AEGEAN_CACHE, else the place for caches on this system."""
    if env.get("AEGEAN_CACHE"):
        return expanded(env["AEGEAN_CACHE"]).absolute()
    if env.get("XDG_CACHE_HOME"):
        return Path(env["XDG_CACHE_HOME"]) / "aegean"
    if system == "win32" and env.get("LOCALAPPDATA"):
        return Path(env["LOCALAPPDATA"]) / "aegean" / "cache"
    return expanded("~") / ("Library/Caches" if system == "darwin" else ".cache") / "aegean"


def set_threads() -> None:
    """As many threads as this process has cores: fewer than the machine's in a container, or beside other
    processes of the same run. OMP_NUM_THREADS, where a person set it, is left alone."""
    import torch

    processes = int(os.environ.get("LOCAL_WORLD_SIZE", "1"))
    if "OMP_NUM_THREADS" not in os.environ or (processes > 1 and os.environ["OMP_NUM_THREADS"] == "1"):
        torch.set_num_threads(max(1, cores() // processes))  # torchrun's own default is 1 each


def keep_memory() -> None:
    """What is freed stays with this process, where glibc allocates. The next step takes as much again, and pages that
    the system takes back and gives anew cost up to an eighth of a step's time (docs/log.md)."""
    with contextlib.suppress(AttributeError, OSError, TypeError):  # other C libraries have no such settings
        mallopt = ctypes.CDLL(None).mallopt
        if mallopt(M_MMAP_THRESHOLD, KEPT):
            mallopt(M_TRIM_THRESHOLD, KEPT)


def threads_are_open(device: torch.device, processes: int) -> bool:
    """Whether a run may take fewer threads than there are: alone on a processor, where no person has set a number."""
    return device.type == "cpu" and processes == 1 and "OMP_NUM_THREADS" not in os.environ and cores() > 1


def leads() -> bool:
    """Whether this process is the one of a run that writes and speaks."""
    return os.environ.get("RANK", "0") == "0"


def pick_device(name: str) -> torch.device:
    """A device by name; auto is cuda, then mps, then cpu. UserError: this machine does not have it."""
    import torch

    there: dict[str, Callable[[], bool]] = {
        "cuda": torch.cuda.is_available,
        "mps": torch.backends.mps.is_available,
        "cpu": lambda: True,
    }
    if name == "auto":
        name = next(kind for kind, available in there.items() if available())
    kind, asked = str(name).partition(":")[0], option("device", name)
    if kind not in there:
        raise UserError(f"{asked}: expected auto, cuda, mps or cpu.")
    count, local = torch.cuda.device_count(), int(os.environ.get("LOCAL_RANK", "0"))
    many = int(os.environ.get("LOCAL_WORLD_SIZE", "1")) > 1
    if many and (kind == "mps" or (kind == "cuda" and name != "cuda")):
        raise UserError(f"{asked}: several processes take one device each; give cuda or cpu.")
    if name == "cuda" and there["cuda"]() and local >= count:
        raise UserError(f"This machine has {count} CUDA devices: start at most so many processes (--nproc-per-node).")
    if not there[kind]():
        raise UserError(f"{asked}: this machine (or this build of torch) has no {kind}; use cpu.")
    if name == "cuda":  # of several processes on a machine each takes its own
        name = f"cuda:{local}"
    try:
        device = torch.device(name)
    except RuntimeError:
        raise UserError(f"{asked}: expected {kind}, or {kind}:0 for the first of several.") from None
    if kind == "cuda" and (device.index or 0) >= count:
        raise UserError(f"{asked}: this machine has {count} CUDA devices, counted from cuda:0.")
    return device


def describe(device: torch.device, processes: int = 1) -> dict[str, Any]:
    """The kind of machine, the versions and the number of processes, which a bit-exact resume depends on."""
    import numpy
    import torch

    return {
        "device": device.type,
        "accelerator": torch.cuda.get_device_name(device) if device.type == "cuda" else "",
        "processor": _processor(),
        "threads": torch.get_num_threads(),
        "processes": processes,
        "python": platform.python_version(),
        "torch": torch.__version__,
        "numpy": numpy.__version__,
        "system": platform.system(),
    }


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        return next(line.split(":", 1)[1].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()


def free_memory() -> int:
    """Bytes of host memory that can be had without swapping, where the system tells; else no bound is known."""
    try:
        lines = Path("/proc/meminfo").read_text().splitlines()
        return next(int(line.split()[1]) << 10 for line in lines if line.startswith("MemAvailable:"))
    except (OSError, StopIteration):
        pass
    try:
        return os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, OSError, ValueError):
        return 1 << 62


def out_of_memory(error: Exception) -> bool:
    """Whether torch says that memory is used up; on a CPU it says so in a plain RuntimeError."""
    import torch

    return isinstance(error, torch.OutOfMemoryError | MemoryError) or (
        isinstance(error, RuntimeError) and any(words in str(error) for words in FULL)
    )


def reset_peak(device: torch.device) -> None:
    """Forget the memory peaks of earlier runs of this process, where the system can."""
    import torch

    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(device)
        return
    with contextlib.suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5")  # Linux: the peak becomes what is held now


def peak(device: torch.device) -> int:
    """The most memory taken, in bytes: on CUDA by all tensors at once, else by the process; 0 where nobody tells."""
    import torch

    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device)
    with contextlib.suppress(OSError):
        if found := re.search(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text()):
            return int(found[1]) << 10
    with contextlib.suppress(ImportError):
        import resource

        most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return most if sys.platform == "darwin" else most << 10
    return 0
