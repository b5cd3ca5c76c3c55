"""Restoring: what a model is asked for and can do, whole pictures, and pictures window by window."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from aegean.config import UserError
from aegean.data.batch import Batch
from aegean.model.checks import check_pictures, check_strength
from aegean.model.windows import Put, Take, Window, blend, enlarger, in_parts, over, scaled
from aegean.surface import option

if TYPE_CHECKING:
    from aegean.model.model import Model


def check(model: Model, mask: Any, strength: float, scale: float) -> None:
    """UserError: what this model cannot do."""
    check_strength(strength)
    if strength and "sharp" not in model.nets:
        raise UserError(
            f"{option('strength', strength)} blends in a sharpened decoder, and this model has none: train it with "
            f"{option('adversary', 'true')}."
        )
    fills, factors = "token" in model.nets, scales(model)
    if mask is not None and not fills:
        raise UserError(f"{option('mask')}: this model fills no holes; train restore with {option('damage', 'holes')}.")
    if mask is None and fills:
        raise UserError(f"This model fills holes, so it must be told where they are: give {option('mask')}.")
    if scale == 1:
        return
    if not factors:
        raise UserError(
            f"{option('scale', f'{scale:g}')}: this model does not scale; train restore with "
            f"{option('damage', 'downscale')}."
        )
    least, most = factors
    if not least <= scale <= most:
        known = f"{least:g}" if least == most else f"{least:g} to {most:g}"
        raise UserError(f"{option('scale', f'{scale:g}')}: this model was trained for {known}.")


def scales(model: Model) -> tuple[float, ...]:
    """Least and most of the factors by which a model enlarges; () where it does not."""
    return getattr(model.nets["damage"], "scales", ())


def restore(model: Model, x: Tensor, mask: Tensor | None, strength: float, scale: float, tile: int) -> Tensor:
    """Pictures (n, C, H, W), whole in memory; see `Model.restore`."""
    check_pictures(x, model.info.shape[0])
    check(model, mask, strength, scale)
    known = None if mask is None else _known(mask, x)
    size = scaled(x.shape[-2:], scale)
    out = x.new_empty(*x.shape[:2], *size, device=model.device)

    def put(rows: slice, columns: slice, restored: Tensor) -> None:
        out[..., rows, columns] = restored

    sweep(model, size, enlarger(lambda r, c: x[..., r, c], x.shape[-2:], size), put, known, strength, tile)
    return out if known is None else torch.where(known.to(out.device), x.to(out.device), out)


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
    known: (n, 1, H, W), True, or False in holes; windows without one stay as they are.
    strength: of the sharpened decoder.
    tile: pixels of a window's side, 0 chooses.
    """
    blended = blend(model, strength)

    def made(window: Window) -> Tensor:
        x = take(*window.seen)
        if known is not None and bool(known[(..., *window.kept)].all()):
            return x
        return through(blended, x, None if known is None else known[(..., *window.seen)].float())

    over(model, size, made, put, tile)


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


def _known(mask: Tensor, x: Tensor) -> Tensor:
    """Holes (n, H, W) or (n, 1, H, W), or one for all -> what is known, bool (n, 1, H, W)."""
    holes = mask.reshape(-1, 1, *mask.shape[-2:])
    if tuple(holes.shape[-2:]) != tuple(x.shape[-2:]) or len(holes) not in (1, len(x)):
        raise UserError(f"A mask of shape {tuple(mask.shape)} for pictures {tuple(x.shape)}; expected (n, H, W).")
    return (holes <= 0).expand(len(x), -1, -1, -1)
