"""aegean: autoencoders and generative adversarial networks that help each other."""

from __future__ import annotations

import importlib
import os
import sys
from typing import Any

__version__ = "0.2.0"
__all__ = ["DataOptions", "Model", "UserError", "evaluate", "fit_prior", "load", "open_data", "resume", "train"]

_PLACES = {
    "DataOptions": "aegean.data",
    "Model": "aegean.model",
    "UserError": "aegean.config",
    "evaluate": "aegean.session.evaluate",
    "fit_prior": "aegean.session.priors",
    "load": "aegean.session.runs",
    "open_data": "aegean.data",
    "resume": "aegean.session.resume",
    "train": "aegean.session.train",
}

# Waiting threads of torch and numpy sleep instead of spinning: beside a busy neighbour, spinning ones hold each other
# up. OpenMP reads this when torch is loaded, OpenBLAS when numpy is. What the user has chosen stays.
if "torch" not in sys.modules and not {"OMP_WAIT_POLICY", "GOMP_SPINCOUNT", "KMP_BLOCKTIME"} & os.environ.keys():
    os.environ["OMP_WAIT_POLICY"] = "PASSIVE"
if "numpy" not in sys.modules:
    os.environ.setdefault("OPENBLAS_THREAD_TIMEOUT", "4")  # 2^4 cycles, the least that it takes; 2^26 by default


def __getattr__(name: str) -> Any:
    """Import on first use: `import aegean` and `aegean --help` do not wait for torch."""
    if name in _PLACES:
        return getattr(importlib.import_module(_PLACES[name]), name)
    raise AttributeError(f"module 'aegean' has no attribute {name!r}")
