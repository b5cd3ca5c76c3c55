"""Logistic distributions of whole numbers: what one costs in bits, and the tables that an entropy coder begins with."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from aegean.codec import shape as plan

EQUIVALENT = 1024  # counts that a table begins with, in the shape of its logistic
RARE = 2**-10  # share of numbers that no logistic explains


def log_scale(shape: plan.Shape, width: Any) -> Any:
    """ln of a logistic's scale in levels, of a width from -12 to 12: 0.14 to 55 levels of a picture's 256; fewer the
    fewer there are. Of coefficients 0.007 to 20."""
    if shape.means is not None:
        return width / 3 - 1
    return width / 4 + 1 - math.log(1 << shape.gain_bits) / 2


def logistic_bits(x: Tensor, mean: Tensor, log_scale: Tensor, levels: int) -> Tensor:
    """-log2 of the mass that a logistic gives to the unit around x (...), the tails beyond 0 and levels - 1 included
    (Salimans et al. 2017, eq. 2), from sigmoid(a) - sigmoid(b) = sigmoid(a) sigmoid(-b) (1 - e^(b - a)), which loses
    nothing however far x is."""
    inverse = (-log_scale.clamp(-8, 8)).exp()
    low, high = x < 0.5, x > levels - 1.5
    above = torch.where(high, 0.0, F.softplus(-(x + 0.5 - mean) * inverse))
    below = torch.where(low, 0.0, F.softplus((x - 0.5 - mean) * inverse))
    within = torch.where(low | high, 0.0, torch.log(-torch.expm1(-inverse)))
    return (above + below - within) / math.log(2)


def at_worst(bits: Tensor, levels: int) -> Tensor:
    """Bits under a mixture with RARE of a uniform distribution over the levels. A table learns what its tails weigh; a
    narrow logistic would let one rare number outweigh thousands of others."""
    rare = torch.full_like(bits, math.log(RARE / levels))
    return -torch.logaddexp(math.log1p(-RARE) - bits * math.log(2), rare) / math.log(2)


def first_counts(shape: plan.Shape) -> Tensor:
    """Counts (tables, levels) int32 of the logistic that each table stands for before anything was seen: those of its
    group's middle level."""
    parts, group = 1 << shape.place_bits, plan.groups(shape)
    members = [np.flatnonzero(group == g) - plan.BEYOND for g in range(shape.places)]
    middle = torch.tensor([mine[len(mine) // 2] if len(mine) else 0 for mine in members], device="cpu")
    with torch.device("cpu"):  # where a network is only planned, its numbers are wanted all the same
        mean = middle[:, None, None, None] + (torch.arange(parts)[:, None, None] + 0.5) / parts
        width = torch.arange(-(plan.WIDTHS // 2), plan.WIDTHS // 2)[:, None] + 0.5
        x = torch.arange(shape.levels)
        bits = logistic_bits(x.float(), mean, log_scale(shape, width), shape.levels)
        counts = (torch.exp2(-bits) * EQUIVALENT).round().to(torch.int32)
        symbol = (x - middle[:, None, None, None]) % shape.levels
        return torch.zeros_like(counts).scatter_(-1, symbol.expand_as(counts), counts).flatten(0, 2)
