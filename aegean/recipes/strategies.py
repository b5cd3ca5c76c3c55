"""In which order the levels of a hierarchy are trained: each strategy is a list of phases."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

from aegean.config import UserError
from aegean.surface import option
from aegean.training.schedule import Phase, Turn

Strategy = Literal["independent", "joint", "independent_then_joint", "coarse_to_fine"]
Turns = Callable[[range], tuple[Turn, ...]]  # the turns that train some levels, 0 the nearest to the data
Averages = tuple[str, ...]


def independent(images: float, levels: int, alone: Turns, averages: Averages) -> list[Phase]:
    """Every level by itself, all in one phase: what it builds on are the data's own features, not another's."""
    return [Phase("independent", round(images), alone(range(levels)), averages=averages)]


def joint(images: float, levels: int, together: Turns, averages: Averages) -> list[Phase]:
    """All levels at once, each on what the one above it makes."""
    return [Phase("joint", round(images), together(range(levels)), averages=averages)]


def independent_then_joint(
    images: float, levels: int, alone: Turns, together: Turns, averages: Averages
) -> list[Phase]:
    """Half of the images each (Huang et al. 2017, section 3.5)."""
    return independent(images / 2, levels, alone, averages) + joint(images / 2, levels, together, averages)


def coarse_to_fine(images: float, levels: int, together: Turns, averages: Averages) -> list[Phase]:
    """From the top downwards, a phase a level: each adds the next level to those that train already."""
    return [
        Phase(f"levels from {lowest}", round(images / levels), together(range(lowest, levels)), averages=averages)
        for lowest in reversed(range(levels))
    ]


def strategy(
    name: Strategy,
    images: float,
    levels: int,
    averages: Averages,
    together: Turns,
    alone: Turns | None = None,
    why: str = "",
) -> list[Phase]:
    """The phases of a strategy by its name.

    images: of all phases together
    levels: of the hierarchy
    averages: networks that keep an average of their weights
    together: the turns that train some levels, each on what the one above it makes
    alone: the turns that train some levels, each on the data's own features; None: they cannot
    why: they cannot, in words

    UserError: levels that cannot train alone.
    """
    if name == "joint":
        return joint(images, levels, together, averages)
    if name == "coarse_to_fine":
        return coarse_to_fine(images, levels, together, averages)
    if alone is None:
        raise UserError(f"{option('training', name)}: {why}; choose joint or coarse_to_fine.")
    if name == "independent":
        return independent(images, levels, alone, averages)
    return independent_then_joint(images, levels, alone, together, averages)
