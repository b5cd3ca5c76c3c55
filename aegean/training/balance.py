"""Terms that meet at a path, such as the decoder's output, weighed by what each of them would do to it there."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from aegean.objectives import Term
from aegean.objectives.term import at
from aegean.training.player import leaves
from aegean.training.schedule import Turn

DECAY = 0.99  # of the running means, an update
MOST = 2.0  # times its share, what a term may do to one sample


class Met(NamedTuple):
    """What goes backwards in the place of the weighted losses, () each; and of each term of the turn the sum, over
    samples, of its gradient's squared norm where the terms meet: (terms,)."""

    losses: list[Tensor]
    squares: Tensor


def balanced(
    turn: Turn,
    terms: Sequence[Term],
    losses: Sequence[Tensor],
    x: Tensor,
    free: Tensor,
    running: Tensor,
    progress: Tensor,
) -> Met:
    """The balance of `terms` of a turn, with unweighted losses (), at x (B, ...), which some of them go through.

    running (terms,): the mean square of each term's gradient g_i at x, of a sample's own loss, as `remember` keeps it;
    m_i is its root. The turn's first term keeps its gradient, times its weight. In the place of every other g_i goes

        weight_i R g_i / m_i,    R = weight_0 m_0,

    and in no sample is that longer than MOST weight_i R: whatever the scale of an adversary's loss, and however fast it
    changes, its pull is a set share of the reconstruction's own (after Défossez et al. 2022, section 3.4, where R is a
    constant and no term keeps its gradient). The others move only values that are `free`, bool like x: where a picture
    is as black as can be, an adversary that sees no further would leave specks. Before the first update nothing is
    known, and the others have no pull. Terms that do not go through x stay as they are.
    """
    size, root = len(x), running.sqrt()
    reference = at(turn.terms[0].weight, progress) * root[0]
    backwards, squares = [], list(torch.zeros_like(running))
    for term, loss in zip(terms, losses):
        weight, place = at(term.weight, progress), turn.terms.index(term)
        (slope,) = torch.autograd.grad(loss, x, retain_graph=True, allow_unused=True)
        if slope is not None:
            own = size * slope.float().flatten(1)
            if place:
                own = own * free.flatten(1)
            norm = own.square().sum(1, keepdim=True)
            squares[place] = norm.sum()
        if slope is None or place == 0:
            backwards.append(loss * weight)
            continue
        assert not leaves(loss, x), f"{term.label} has a way round the path where {turn.name} is balanced"
        longest = torch.maximum(root[place], norm.sqrt() / MOST)
        pull = own * (weight * reference / longest.clamp(min=torch.finfo().tiny)) * (root[place] > 0)
        backwards.append((x.float().flatten(1) * pull).sum() / size)
    return Met(backwards, torch.stack(squares))


def remember(running: Tensor, squares: Tensor, samples: int, count: Tensor, bad: Tensor) -> None:
    """Take the squares of an update's `samples` into the running means, in place: a plain mean over the first updates,
    of which there were `count` () with this one, exponential from then on. Nothing of a `bad` () update."""
    weight = (1 / count).clamp(min=1 - DECAY)
    running.copy_(torch.where(bad, running, running.lerp(squares / samples, weight)))
