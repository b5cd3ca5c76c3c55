"""What of the machine this process may use: cores, and a place for what can be made again."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from pathlib import Path


def cores() -> int:
    """Processor cores that this process may use: by its affinity, and by its container's quota."""
    count = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    try:
        quota, period = Path("/sys/fs/cgroup/cpu.max").read_text().split()
        return count if quota == "max" else min(count, max(1, round(int(quota) / int(period))))
    except (OSError, ValueError):
        return count


def cache_folder(env: Mapping[str, str] = os.environ, platform: str = sys.platform) -> Path:
    """$AEGEAN_CACHE, else the place for caches on this system."""
    if env.get("AEGEAN_CACHE"):
        return Path(env["AEGEAN_CACHE"]).expanduser().absolute()
    if env.get("XDG_CACHE_HOME"):
        return Path(env["XDG_CACHE_HOME"]) / "aegean"
    if platform == "win32" and env.get("LOCALAPPDATA"):
        return Path(env["LOCALAPPDATA"]) / "aegean" / "cache"
    return Path.home() / ("Library/Caches" if platform == "darwin" else ".cache") / "aegean"
