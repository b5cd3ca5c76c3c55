"""Updates that went wrong: seen while training, left out, and blamed on a term afterwards."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from aegean.training.player import Player

if TYPE_CHECKING:
    from aegean.training.step import Step

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


def blame(step: Step) -> str | None:
    """If an update of the phase was left out: which turn and term, in words. None if all is well."""
    for player in step.players:
        if int(player.fault) >= 0:
            return _blame(step, player)
    return None


def _blame(step: Step, player: Player) -> str:
    start, repeat = int(player.fault), int(player.fault_repeat)
    step.feed.ready(step.stream(player.turn, repeat), start, step.run.batch, whole=True)
    parts = (start + torch.arange(step.run.batch, device=step.device)).chunk(step.shards)
    worst, label, what = -1.0, "", ""
    for term in player.turn.terms:
        found = [step.gradients(player, index, repeat, only=term) for index in parts]
        loss = sum(float(losses[0].detach()) for losses, _, _ in found) / len(parts)
        means = [sum(grads[1:], grads[0]) / len(parts) for grads in zip(*(grads for _, grads, _ in found))]
        norm = float(torch.nn.utils.get_total_norm(means))
        badness = norm if math.isfinite(loss) and math.isfinite(norm) else math.inf
        if badness > worst:
            worst, label, what = badness, term.label, f"loss {loss:.4g}, gradient {norm:.4g}"
    usual = f", usually {float(player.norm):.4g}" if player.norm > 0 else ""
    return f"{label} in turn {player.turn.name!r} at image {start:,}: {what}{usual}"
