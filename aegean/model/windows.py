"""Pictures of any size, in windows that overlap by as much as a pixel depends on, so nobody sees them."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, NamedTuple

import torch
from torch import Tensor, nn

from aegean.data.batch import Batch
from aegean.nets.resample import enlarging

if TYPE_CHECKING:
    from aegean.model.model import Model

TILE = 512  # pixels of a window's side, without what is seen around it
AT_ONCE = 1 << 20  # pixels that go through the networks together
Take = Callable[[slice, slice], Tensor]  # rows, columns -> (n, C, rows, columns) in model range
Put = Callable[[slice, slice, Tensor], None]


class Window(NamedTuple):
    """A part of a picture: what is seen, and what is kept of it."""

    seen: tuple[slice, slice]
    kept: tuple[slice, slice]

    def middle(self, x: Tensor) -> Tensor:
        """What is kept (..., H, W) of what was made of what is seen."""
        rows, columns = (slice(k.start - s.start, k.stop - s.start) for s, k in zip(self.seen, self.kept))
        return x[..., rows, columns]


def windows(size: tuple[int, int], tile: int, margin: int) -> Iterator[Window]:
    """A picture (height, width) in windows of `tile` pixels a side, seen with a margin as far as there is one."""

    def along(length: int) -> list[tuple[slice, slice]]:
        starts = range(0, length, tile)
        return [
            (slice(max(0, s - margin), min(length, s + tile + margin)), slice(s, min(length, s + tile))) for s in starts
        ]

    for rows in along(size[0]):
        for columns in along(size[1]):
            yield Window((rows[0], columns[0]), (rows[1], columns[1]))


def over(model: Model, size: tuple[int, int], made: Callable[[Window], Tensor], put: Put, tile: int) -> None:
    """Put what is made of each window, its middle alone."""
    stride, radius = model.wiring.reach(model.nets)  # type: ignore[attr-defined]
    tile = -(-(tile or TILE) // stride) * stride
    parts = list(windows(size, tile, radius))
    for number in model.progress(range(len(parts))):
        put(*parts[number].kept, parts[number].middle(made(parts[number])))


def scaled(size: Any, scale: float) -> tuple[int, int]:
    """Height and width, times a factor."""
    return max(1, round(size[0] * scale)), max(1, round(size[1] * scale))


def enlarger(take: Take, size: Any, to: tuple[int, int]) -> Take:
    """The same picture in a larger size, made window by window."""
    if tuple(size) == to:
        return take

    def larger(rows: slice, columns: slice) -> Tensor:
        top, bottom, down = enlarging(size[0], to[0], rows.start, rows.stop)
        left, right, across = enlarging(size[1], to[1], columns.start, columns.stop)
        x = take(slice(top, bottom), slice(left, right)).float()
        return down.to(x.device) @ x @ across.mT.to(x.device)

    return larger


def in_parts(model: Model, path: str, batch: Batch) -> Tensor:
    """A path for pictures (n, C, H, W), so many at once as memory is meant for."""
    held = next(t for t in batch if t is not None)
    step = max(1, AT_ONCE // (held.shape[-1] * held.shape[-2]))
    parts = [Batch(*(None if t is None else t[s : s + step] for t in batch)) for s in range(0, len(held), step)]
    return torch.cat([model.run(path, part) for part in parts])


def blend(model: Model, strength: float) -> Model:
    """The model without a bar of its own, and with a decoder on the way from the exact to the sharpened one, weight by
    weight (Wang et al. 2018, section 3.4)."""
    silent = copy.copy(model)
    silent.progress = iter
    if strength:
        U: nn.Module = copy.deepcopy(model.nets["U"])
        with torch.no_grad():
            for mine, theirs in zip(U.parameters(), model.nets["sharp"].parameters()):
                mine.lerp_(theirs, strength)
        silent.nets = {**model.nets, "U": U}
    return silent
