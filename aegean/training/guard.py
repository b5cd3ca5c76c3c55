"""Updates that went wrong: seen while training, and left out."""

from __future__ import annotations

import torch
from torch import Tensor

from aegean.training.player import Player

EXPLOSION = 1e4  # a gradient this many times its running mean is a fault
FAINT = 1e-3  # a running mean below counts as this: a saturated loss may rest at no gradient at all and come back
SETTLE = 100  # steps of a phase before the running mean is trusted


class Fault(Exception):
    """A loss or gradient went wrong; the update was left out. The message names the term."""


def guard(
    player: Player, losses: Tensor, norm: Tensor, at_phase: Tensor, at_run: Tensor, batch: int, repeat: int
) -> Tensor:
    """Whether an update is bad, () bool; the player remembers the first bad one, and the mean norm of good ones.

    losses (terms,): of the turn's terms.
    norm (): of its gradient.
    at_phase, at_run (): images before this step, of the phase and of the run.
    batch: images in a step.
    repeat: which of the turn's updates in this step.
    """
    settled = at_phase >= SETTLE * batch
    bad = ~(torch.isfinite(losses).all() & torch.isfinite(norm))
    bad = bad | (settled & (norm > EXPLOSION * player.norm.clamp(min=FAINT)))
    first = bad & (player.fault < 0)
    player.fault.copy_(torch.where(first, at_run, player.fault))
    player.fault_repeat.copy_(torch.where(first, torch.full_like(player.fault_repeat, repeat), player.fault_repeat))
    memory = torch.where(at_phase > 0, player.norm.lerp(norm, 0.02), norm)
    player.norm.copy_(torch.where(bad, player.norm, memory))
    return bad
