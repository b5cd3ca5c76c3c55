"""The most memory that a run took: of the accelerator where there is one, else of the process."""

from __future__ import annotations

import contextlib
import re
import sys
from pathlib import Path

import torch


def start_counting(device: torch.device) -> None:
    """Forget the peaks of earlier runs of this process, where the system can."""
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(device)
        return
    with contextlib.suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5")  # Linux: the peak becomes what is held now


def peak(device: torch.device) -> int:
    """Bytes: on CUDA of all tensors at once, else of the whole process; 0 where nobody tells."""
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
