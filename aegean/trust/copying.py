"""Whether a set of samples holds copies of training records; and copies planted among them, which must be seen."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np

from aegean.formulas.copies import Hits, copying_z, hits
from aegean.formulas.memorisation import nearest, nearness

PLANTED = (0.0, 0.001, 0.01, 0.1)  # shares of the samples
COPIED = 0.5  # reach within which a sample is called a copy
TOWARDS = 0.25  # of the way to its nearest other record, for a copy that is not exact


class Copying(NamedTuple):
    """What was found of one set of samples: features, distances and tests."""

    found: list[Hits]
    z: float
    memorised: float
    floor: float  # of memorised: held-out records in the samples' place
    planted: list[dict[str, Any]]
    smallest: dict[str, int | None]  # copies, of records chosen at random, from which on they are seen
    alone: tuple[np.ndarray, np.ndarray]  # of each sample, the nearest held-out record, and its nearness among those
    train: tuple[np.ndarray, np.ndarray]  # the same of training records
    held_out: int  # records


def copying(samples: np.ndarray, train: np.ndarray, held: np.ndarray, level: float, seed: int) -> Copying:
    """Features of samples (n, d), of training records and of held-out ones; level: of an alarm of one test."""
    n, member = len(samples), np.arange(len(train) + len(held)) < len(train)
    records = np.concatenate((train, held))
    exact, near = _copies(train, max(1, n // 10), seed)
    points = np.concatenate((samples, exact, near))
    (d_train, p_train), (d_held, p_held) = nearest(points, train), nearest(points, held)
    place = np.where(d_train <= d_held, p_train, len(train) + p_held)
    ratio = nearness(np.minimum(d_train, d_held), place, records)

    def tested(copies: int, kind: str) -> list[Hits]:
        first = n + (len(exact) if kind == "near" else 0)
        rows = np.r_[first : first + copies, copies:n]
        return hits(place[rows], ratio[rows], member)

    def seen(copies: int, kind: str) -> bool:
        return smallest_p(tested(copies, kind), COPIED) < level

    planted = []
    for share in PLANTED:
        copies = round(share * n)
        tests = {kind: smallest_p(tested(copies, kind), COPIED) for kind in ("exact", "near")}
        row = {"share": share, "copies": copies, **{f"p_{kind}": p for kind, p in tests.items()}}
        planted.append({**row, **{f"seen_{kind}": p < level for kind, p in tests.items()}})
    least: dict[str, int | None] = {"exact": None, "near": None}
    if not seen(0, "exact"):
        steps = np.unique(np.geomspace(1, len(exact), 60).round().astype(int)).tolist()
        least = {kind: next((k for k in steps if seen(k, kind)), None) for kind in least}
    d_real, p_real = nearest(held, train)
    of_train = nearness(d_train[:n], p_train[:n], train)
    return Copying(
        hits(place[:n], ratio[:n], member),
        copying_z(train, held, samples, (d_real, d_train[:n])),
        float((of_train < 1).mean()),
        float((nearness(d_real, p_real, train) < 1).mean()),
        planted,
        least,
        (p_held[:n], nearness(d_held[:n], p_held[:n], held)),
        (p_train[:n], of_train),
        len(held),
    )


def smallest_p(found: list[Hits], reach: float = math.inf) -> float:
    """Of the tests at this reach and nearer."""
    return min(one.p for one in found if one.reach <= reach)


def _copies(train: np.ndarray, count: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Training records chosen at random, exactly, and moved towards their nearest others."""
    rows = np.random.default_rng(seed).permutation(len(train))[:count]
    rows = np.resize(rows, count)
    exact = train[rows]
    _, other = nearest(exact, train, beyond=1e-10 * float(train.var(0).sum()))
    return exact, exact + TOWARDS * (train[other] - exact)
