"""Two sides whose samples belong together: joined to one source, a pair a sample, the other side's channels behind."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import chain
from pathlib import PurePosixPath

import numpy as np

from aegean.config import UserError
from aegean.data.read.source import Blocks, Part, Source, in_blocks
from aegean.surface import option, plural, say

CHUNK = 64  # pairs at a time
SHOWN = 3  # names


def joined(a: Source, b: Source) -> Source:
    """Pairs of two sources: by name where both have names, else by order. Samples without a partner are left out, and
    said by name. UserError: other shapes, or arrays of other lengths."""
    if (a.kind, a.dtype, a.shape[1:]) != (b.kind, b.dtype, b.shape[1:]):
        ours, theirs = (f"{one.dtype} {one.shape}" for one in (a, b))
        raise UserError(
            f"{b.origin}: partners of {theirs}, and the samples of {a.origin} are {ours}; both sides need one size: "
            f"give {option('size')}."
        )
    if (a.test is None) != (b.test is None):
        which = b if a.test else a
        raise UserError(f"{which.origin} has no test part, and its other side has one; give both, or neither.")
    train = _part(a, b, a.train, b.train)
    test = _part(a, b, a.test, b.test) if a.test and b.test else None
    shape, other = (a.shape[0] + b.shape[0], *a.shape[1:]), b.name if b.name != a.name else f"{a.name}-target"
    return replace(a, shape=shape, train=train, test=test, split=a.shape[0], other=other)


def halves(source: Source) -> Source:
    """Pairs that lie side by side in one picture, the left half first. UserError: it has no two halves."""
    channels, *rest, width = source.shape
    if width % 2:
        size = "x".join(map(str, source.shape[:0:-1]))
        raise UserError(f"{source.origin}: images of {size} pixels have no two halves; each must hold a pair.")

    def part(whole: Part) -> Part:
        def blocks() -> Iterator[np.ndarray]:
            half = width // 2
            return (np.concatenate((x[..., :half], x[..., half:]), 1) for x in whole.blocks())

        return Part(whole.count, blocks, whole.labels, whole.names)

    shape = (2 * channels, *rest, width // 2)
    train, test = part(source.train), part(source.test) if source.test else None
    return replace(source, shape=shape, train=train, test=test, split=channels, other=f"{source.name}-target")


def _part(a: Source, b: Source, ours: Part, theirs: Part) -> Part:
    if not (ours.names and theirs.names):
        if ours.count != theirs.count:
            raise UserError(
                f"{a.origin} has {plural(ours.count, 'sample')} and {b.origin} {theirs.count:,}; without names pairs "
                "go by order, so both need as many."
            )
        return Part(ours.count, _beside(ours.blocks, theirs.blocks), ours.labels)
    mine, other = (_by_name(part) for part in (ours, theirs))
    both = [name for name in mine if name in other]
    _say_alone(a, b, [name for name in mine if name not in other])
    _say_alone(b, a, [name for name in other if name not in mine])
    if not both:
        raise UserError(f"No file of {a.origin} has the name of one in {b.origin}; pairs go by name, endings aside.")
    rows, partners = (np.array([of[name] for name in both]) for of in (mine, other))
    _check_sizes(a, b, ours, theirs, both, rows, partners)
    assert ours.at and theirs.at
    labels = None if ours.labels is None else ours.labels[rows]
    return Part(len(both), _beside(ours.at(rows), theirs.at(partners)), labels, both)


def _by_name(part: Part) -> dict[str, int]:
    return {PurePosixPath(name).with_suffix("").as_posix(): row for row, name in enumerate(part.names)}


def _say_alone(source: Source, other: Source, names: list[str]) -> None:
    if names:
        more = ", ..." if len(names) > SHOWN else ""
        say(
            f"{source.name}: {plural(len(names), 'sample')} without a partner of the same name in {other.name}, left "
            f"out: {', '.join(names[:SHOWN])}{more}"
        )


def _check_sizes(
    a: Source, b: Source, ours: Part, theirs: Part, names: list[str], rows: np.ndarray, partners: np.ndarray
) -> None:
    """UserError: a partner of another size, which scaling would lay beside its sample."""
    if not (ours.sizes and theirs.sizes):
        return
    for name, row, partner in zip(names, rows, partners):
        (h, w), (h2, w2) = ours.sizes[row], theirs.sizes[partner]
        if abs(h * w2 - h2 * w) > max(h, w, h2, w2):  # other proportions: the crops would not be of the same place
            raise UserError(
                f"{name} has {w}x{h} pixels in {a.origin} and {w2}x{h2} in {b.origin}; partners need the same "
                "proportions."
            )


def _beside(first: Blocks, second: Blocks) -> Blocks:
    def blocks() -> Iterator[np.ndarray]:
        pairs: list[np.ndarray] = []
        for x, y in zip(chain.from_iterable(first()), chain.from_iterable(second())):
            pairs.append(np.concatenate((x, y)))
            if len(pairs) == CHUNK:
                yield from in_blocks(np.stack(pairs))
                pairs = []
        if pairs:
            yield from in_blocks(np.stack(pairs))

    return blocks
