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
    """AssertionError: the networks of a file are no restorer or translator of such pictures, of any size."""
    kinds = {
        **dict.fromkeys("EF", "ConvEncoder"),
        **dict.fromkeys(("U", "V", "sharp"), "UDecoder"),
        **dict.fromkeys("ST", "Residuals"),
        **{"damage": "Damage", "token": "MaskToken"},
    }
    wrong = [name for name, kind in kinds.items() if name in specs and specs[name].kind != kind]
    assert "E" in specs and not wrong, f"odd networks {', '.join(wrong)}"
    halves = [specs[name] for name in ("E", "F", "U", "V", "sharp") if name in specs]
    plain = [{key: value for key, value in spec.args.items() if key != "shape"} for spec in halves]
    assert all(args == plain[0] for args in plain), "encoder and decoder do not fit together"
    sides = {"E": info, "U": info.target or info, "sharp": info.target or info, "F": info.target or info, "V": info}
    for name, side in sides.items():
        assert name not in specs or specs[name].args["shape"][0] == side.shape[0], f"{name} is for other samples"


def check(model: Model, mask: Any, strength: float, scale: float) -> None:
    """UserError: what this model cannot do."""
    check_strength(strength)
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


def check_strength(strength: float) -> None:
    if not 0 <= strength <= 1:
        raise UserError(f"{option('strength', f'{strength:g}')}: expected a number from 0 to 1.")


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
    blended = blend(model, strength)

    def made(window: Window) -> Tensor:
        return through(blended, take(*window.seen), None if known is None else known[(..., *window.seen)])

    over(model, size, made, put, tile)


def over(model: Model, size: tuple[int, int], made: Callable[[Window], Tensor], put: Put, tile: int) -> None:
    """Put what is made of each window, its middle alone."""
    stride, radius = model.wiring.reach(model.nets)  # type: ignore[attr-defined]
    tile = -(-(tile or TILE) // stride) * stride
    parts = list(windows(size, tile, radius))
    for number in model.progress(range(len(parts))):
        put(*parts[number].kept, parts[number].middle(made(parts[number])))


def translate(model: Model, x: Tensor, back: bool, strength: float, tile: int) -> Tensor:
    """Pictures (n, C, H, W), whole in memory; see `Model.translate`."""
    ours, theirs = (model.info.target, model.info) if back else (model.info, model.info.target)
    assert ours and theirs
    check_pictures(x, ours.shape[0])
    out = x.new_empty(len(x), theirs.shape[0], *x.shape[2:], device=model.device)

    def put(rows: slice, columns: slice, made: Tensor) -> None:
        out[..., rows, columns] = made

    translation(model, x.shape[-2:], lambda r, c: x[..., r, c], put, back, strength, tile)
    return out


def translation(
    model: Model, size: Any, take: Take, put: Put, back: bool = False, strength: float = 1.0, tile: int = 0
) -> None:
    """The same window by window; the parameters are those of `sweep`. UserError: there is no way back."""
    path = model.wiring.back if back else "x_hat"  # type: ignore[attr-defined]
    if not path:
        raise UserError(f"{option('back', True)}: this model goes one way; train unit, or translate the other way.")
    check_strength(strength)
    blended = blend(model, strength if "sharp" in model.nets else 0.0)

    def made(window: Window) -> Tensor:
        x = take(*window.seen).float()
        return in_parts(blended, path, Batch(target=x) if back else Batch(x))

    over(model, tuple(size), made, put, tile)


def through(model: Model, x: Tensor, known: Tensor | None) -> Tensor:
    """A window (n, C, H, W) through a restorer. One of grey pictures restores every channel by itself; one of colours
    is given grey as a colour."""
    n, channels, height, width = x.shape
    ours = model.info.shape[0]
    if ours == 1 < channels:
        x = x.flatten(0, 1)[:, None]
        known = None if known is None else known.repeat_interleave(channels, 0)
    elif channels == 1 < ours:
        x = x.expand(-1, ours, -1, -1)
    out = in_parts(model, "x_hat", Batch(x.float(), mask=known))
    return out.view(n, channels, height, width) if ours == 1 else out.mean(1, keepdim=True) if channels == 1 else out


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
