"""What repairs pictures without training: the marks beside a restorer's scores."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor


def median_filter(x: Tensor) -> Tensor:
    """Pictures (n, C, H, W), every pixel the median of 3 x 3; the border is repeated."""
    padded = F.pad(x, (1, 1, 1, 1), mode="replicate")
    height, width = x.shape[2:]
    near = [padded[..., i : i + height, j : j + width] for i in range(3) for j in range(3)]
    return torch.stack(near).median(0).values


def filled(x: Tensor, holes: Tensor) -> Tensor:
    """Pictures (n, C, H, W) whose holes, bool (n, 1, H, W), are filled smoothly: from means of ever larger blocks of
    what is known, and back (Gortler et al. 1996, section 3.4, the pull-push algorithm)."""
    known = (~holes).to(x.dtype)
    if not bool(holes.any()) or max(x.shape[2:]) == 1 or not bool(known.any()):
        return x
    sides = [(side + 1) // 2 for side in x.shape[2:]]
    weight = F.interpolate(known, sides, mode="area")
    coarse = F.interpolate(x * known, sides, mode="area") / weight.clamp(min=1e-6)
    coarse = filled(coarse, weight <= 0)
    return torch.where(holes, F.interpolate(coarse, x.shape[2:], mode="bilinear", align_corners=False), x)
