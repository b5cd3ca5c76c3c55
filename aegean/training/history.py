"""What a run's phases began with, and when: from its schedule and its log."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

from aegean.training.schedule import Renew, Run
from aegean.training.settings import Settings


def phase_starts(lines: Sequence[dict[str, Any]], plan: Settings) -> list[tuple[str, int, float]]:
    """(name, images, seconds) at the start of each phase, from the lines of a log (see `Entry.phases`)."""
    found: list[tuple[str, int, float]] = []
    before = float(plan.inherited.get("seconds", 0))
    place = (int(plan.inherited.get("images", 0)), before)
    if place[0]:
        found.append(("inherited", 0, 0.0))
    for line in lines:
        if not found or line["phase"] != found[-1][0]:
            found.append((line["phase"], *place))
        place = (line["images"], line["seconds"] + before)
    return found


def handed_over(run: Run, inherited: Collection[str] = ()) -> list[tuple[str, list[str]]]:
    """For each phase that begins with something of earlier ones, or of the `inherited` networks: its name, and what, in
    words."""
    found, known = [], set(inherited)
    for phase in run.schedule:
        words = [edge.words for edge in phase.edges]
        known -= {edge.net for edge in phase.edges if isinstance(edge, Renew)}
        words += [f"{name} goes on from what it was" for name in phase.trains if name in known]
        shared = [name for name in phase.trains if run.nets[name].kind == "SharedDiscriminator" and name not in known]
        words += [f"{name} judges what E makes of a sample" for name in shared]
        known.update(phase.trains)
        if words:
            found.append((phase.name, words))
    return found
