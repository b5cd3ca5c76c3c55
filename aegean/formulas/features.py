"""What every formula here asks of its features: finite, two axes, the same width; float64 from there on."""

from __future__ import annotations

import numpy as np

from aegean.config import UserError


def as_features(*arrays: np.ndarray, least: int = 2) -> tuple[np.ndarray, ...]:
    """Arrays (n_i, d) of any number type -> float64. UserError for another rank, NaN or too few rows."""
    for x in arrays:
        if x.ndim != 2 or x.shape[1] != arrays[0].shape[1]:
            shapes = " and ".join(str(a.shape) for a in arrays)
            raise UserError(f"Features have shapes {shapes}; expected (n, d) with the same d.")
        if len(x) < least:
            raise UserError(f"{len(x)} feature rows are too few: this score needs at least {least}.")
        if not np.isfinite(x).all():
            raise UserError("Features contain NaN or infinity: what they were computed from is broken.")
    return tuple(np.asarray(x, np.float64) for x in arrays)
