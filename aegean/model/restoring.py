"""Restoring pictures of any size: in windows that overlap by as much as a pixel depends on, so nobody sees them."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

import torch
from torch import Tensor, nn

from aegean.config import Net, UserError
from aegean.data.batch import Batch
from aegean.data.info import DataInfo
from aegean.nets.resample import enlarging
from aegean.surface import option

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


def check_nets(specs: Mapping[str, Net], info: DataInfo) -> None:
    """AssertionError: the networks of a file are no restorer of such pictures, of any size."""
    kinds = {"E": "ConvEncoder", "U": "UDecoder", "sharp": "UDecoder", "damage": "Damage", "token": "MaskToken"}
    wrong = [name for name, kind in kinds.items() if name in specs and specs[name].kind != kind]
    assert "E" in specs and not wrong, f"odd networks {', '.join(wrong)}"
    assert specs["E"].args == specs["U"].args == specs.get("sharp", specs["U"]).args, "E and U do not fit together"
    assert specs["U"].args["shape"][0] == info.shape[0], "U is for other samples"


def check(model: Model, mask: Any, strength: float, scale: float) -> None:
    """UserError: what this model cannot do."""
    if not 0 <= strength <= 1:
        raise UserError(f"{option('strength', strength)}: expected a number from 0 to 1.")
    if strength and "sharp" not in model.nets:
        raise UserError(
            f"{option('strength', strength)} blends in a sharpened decoder, and this model has none: train it with "
            f"{option('adversary', 'true')}."
        )
    fills, scales = "token" in model.nets, getattr(model.nets["damage"], "scales", ())
    if mask is not None and not fills:
        raise UserError(f"{option('mask')}: this model fills no holes; train restore with {option('damage', 'holes')}.")
    if mask is None and fills:
        raise UserError(f"This model fills holes, so it must be told where they are: give {option('mask')}.")
    if scale == 1:
        return
    if not scales:
        raise UserError(
            f"{option('scale', f'{scale:g}')}: this model does not scale; train restore with "
            f"{option('damage', 'downscale')}."
        )
    if not scales[0] <= scale <= scales[1]:
        known = f"{scales[0]:g}" if scales[0] == scales[1] else f"{scales[0]:g} to {scales[1]:g}"
        raise UserError(f"{option('scale', f'{scale:g}')}: this model was trained for {known}.")


def restore(model: Model, x: Tensor, mask: Tensor | None, strength: float, scale: float, tile: int) -> Tensor:
    """Pictures (n, C, H, W), whole in memory; see `Model.restore`."""
    check(model, mask, strength, scale)
    known = None if mask is None else _known(mask, x)
    size = scaled(x.shape[-2:], scale)
    out = x.new_empty(*x.shape[:2], *size, device=model.device)

    def put(rows: slice, columns: slice, restored: Tensor) -> None:
        out[..., rows, columns] = restored

    sweep(model, size, enlarger(lambda r, c: x[..., r, c], x.shape[-2:], size), put, known, strength, tile)
    return out if known is None else torch.where(known.to(out.device) > 0, x.to(out.device), out)


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


def damaged(model: Model, x: Tensor, seed: int, start: int) -> tuple[Tensor, Tensor]:
    """Clean pictures, damaged as in training, none of them left out; see `Model.damage`."""
    spec = model.specs["damage"]
    every = copy.copy(model)
    every.nets = {**model.nets, "damage": spec.replace(args={**spec.args, "clean": 0.0}).build()}
    given, known = every.run(lambda p: p.damaged, Batch(x.float()), seed=seed, start=start)
    return given, known == 0


def sweep(
    model: Model,
    size: tuple[int, int],
    take: Take,
    put: Put,
    known: Tensor | None = None,
    strength: float = 0.0,
    tile: int = 0,
) -> None:
    """Pictures window by window through a restorer, in memory for one window.

    size: height and width.
    take: gives a part of them, (n, C, rows, columns).
    put: takes what became of a part.
    known: (n, 1, H, W), 1 or 0 in holes.
    strength: of the sharpened decoder.
    tile: pixels of a window's side, 0 chooses.
    """
    U: Any = model.nets["U"]
    tile = -(-(tile or TILE) // U.stride) * U.stride
    parts = list(windows(size, tile, U.radius))
    blended = blend(model, strength)
    for number in model.progress(range(len(parts))):
        window = parts[number]
        mask = None if known is None else known[(..., *window.seen)]
        put(*window.kept, window.middle(through(blended, take(*window.seen), mask)))


def through(model: Model, x: Tensor, known: Tensor | None) -> Tensor:
    """A window (n, C, H, W) through the networks. A model of grey pictures restores every channel by itself; one of
    colours is given grey as a colour."""
    n, channels, height, width = x.shape
    ours = model.info.shape[0]
    if ours == 1 < channels:
        x = x.flatten(0, 1)[:, None]
        known = None if known is None else known.repeat_interleave(channels, 0)
    elif channels == 1 < ours:
        x = x.expand(-1, ours, -1, -1)
    step = max(1, AT_ONCE // (height * width))
    found = [
        model.run("x_hat", Batch(x[s : s + step].float(), mask=None if known is None else known[s : s + step]))
        for s in range(0, len(x), step)
    ]
    out = torch.cat(found)
    return out.view(n, channels, height, width) if ours == 1 else out.mean(1, keepdim=True) if channels == 1 else out


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


def check_pictures(x: Tensor, channels: int) -> None:
    """UserError: other than finite pictures (n, C, H, W) of a number of channels that the model takes."""
    if len(x.shape) - 1 != 3 or not math.prod(x.shape):
        raise UserError(f"Pictures of shape {tuple(x.shape)}; expected (n, channels, height, width).")
    if not (x.shape[1] == channels or 1 in (x.shape[1], channels)):
        raise UserError(f"Pictures of {x.shape[1]} channels; this model restores {channels}, or one.")
    if not bool(x.isfinite().all()):
        raise UserError("Pictures hold NaN or infinity; expected finite numbers in the model's range.")


def _known(mask: Tensor, x: Tensor) -> Tensor:
    """Holes (n, H, W) or (n, 1, H, W), or one for all -> what is known, (n, 1, H, W)."""
    holes = mask.reshape(-1, 1, *mask.shape[-2:])
    if tuple(holes.shape[-2:]) != tuple(x.shape[-2:]) or len(holes) not in (1, len(x)):
        raise UserError(f"A mask of shape {tuple(mask.shape)} for pictures {tuple(x.shape)}; expected (n, H, W).")
    return (holes <= 0).float().expand(len(x), -1, -1, -1)
