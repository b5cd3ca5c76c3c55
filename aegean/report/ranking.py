"""Which of several scores is the best one."""

from __future__ import annotations

from typing import Any

PAST = "samples"  # of what there are floors that are no merit to pass


def distance(metric: dict[str, Any], value: float) -> float:
    """How far a value is from the best one, for comparison with others of its metric.

    Samples can be no better than real data are: a share of copies below theirs, or more precision than theirs, is not
    better but other. There the nearest to the floor is the best; elsewhere the highest, or the lowest.
    """
    if metric["of"] == PAST and metric["floor"] is not None:
        return abs(value - metric["floor"])
    return -value if metric["better"] == "higher" else value


def ranked(report: dict[str, Any], metric: dict[str, Any]) -> list[dict[str, Any]]:
    """The rows that have a metric, the best median first."""
    rows = [row for row in report["rows"] if metric["key"] in row["scores"]]
    return sorted(rows, key=lambda row: distance(metric, row["scores"][metric["key"]]["median"]))


def apart(metric: dict[str, Any], best: dict[str, Any], second: dict[str, Any]) -> bool:
    """Whether every seed of one row is better than every seed of another, which is ranked behind it."""
    a, b = ([distance(metric, value) for value in row["scores"][metric["key"]]["values"]] for row in (best, second))
    return max(a) < min(b)
