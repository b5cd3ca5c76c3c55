"""Which term an update that was left out is blamed on."""

from __future__ import annotations

import math

import torch

from aegean.training.player import Player
from aegean.training.step import Step


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
