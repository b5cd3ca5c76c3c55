"""Translating whole pictures, and pictures window by window."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from torch import Tensor

from aegean.config import UserError
from aegean.data.batch import Batch
from aegean.model.checks import check_pictures, check_strength
from aegean.model.windows import Put, Take, Window, blend, in_parts, over
from aegean.surface import option

if TYPE_CHECKING:
    from aegean.model.model import Model


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
    placing: Any = blended.nets.get("placing")
    if placing and placing.moves:  # it must see the whole picture
        whole = take(slice(None), slice(None)).float().to(model.device)
        whole = placing(whole, back)(whole)
        take = partial(_part, whole)
    blended.nets = {name: net for name, net in blended.nets.items() if name != "placing"}

    def made(window: Window) -> Tensor:
        x = take(*window.seen).float()
        return in_parts(blended, path, Batch(target=x) if back else Batch(x))

    over(model, tuple(size), made, put, tile)


def _part(whole: Tensor, rows: slice, columns: slice) -> Tensor:
    return whole[..., rows, columns]
