"""The squared gradient of a discriminator at its input, |grad_x D(x)|^2, which gradient penalties are made of."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from typing import Any

import torch
import torch.autograd.forward_ad as forward_ad
from torch import Tensor

from aegean.nets import DiscriminatorOutput


def with_squared_gradient(
    discriminator: Callable[[Tensor], DiscriminatorOutput], x: Tensor, forward_mode: bool
) -> tuple[DiscriminatorOutput, Tensor]:
    """The output for samples x (B, ...), and |grad_x sum of the logits|^2 of each, or of each pack: (B / pack,).

    Two exact forms. Double backward differentiates the gradient v = grad_x D. Forward mode holds v fixed and takes
    t, the derivative of D along v: t = |v|^2 and d|v|^2/dtheta = 2 dt/dtheta, so |v|^2 + 2 (t - stop(t)) has the
    value and the gradient, and one backward pass serves the logits and the squared gradient together.
    """
    x = _at_least_float32(x).clone().requires_grad_()
    with torch.enable_grad():
        output = discriminator(x)
        total = _per_sample(output)
        (v,) = torch.autograd.grad(total.sum(), x, create_graph=not forward_mode)
        squared = v.square().reshape(len(total), -1).sum(1)
        if not forward_mode:
            return output, squared
        with forward_ad.dual_level():
            dual = discriminator(forward_ad.make_dual(x.detach(), v))
            t = forward_ad.unpack_dual(_per_sample(dual)).tangent
            return DiscriminatorOutput(*map(_primal, dual)), squared + 2 * (t - t.detach())


def apart(
    values: Sequence[Tensor | None], pack: int, every: int
) -> tuple[tuple[Tensor | None, ...], tuple[Tensor | None, ...]]:
    """Every so many packs of a batch, and the others: of each of the values (B, ...), B a multiple of pack * every."""
    rows = [None if v is None else v.unflatten(0, (-1, every, pack)) for v in values]
    return (
        tuple(None if v is None else v[:, 0].flatten(0, 1) for v in rows),
        tuple(None if v is None else v[:, 1:].flatten(0, 2) for v in rows),
    )


def together(ours: Any, theirs: Any) -> Any:
    """The inverse, of what a discriminator says: one row a pack."""
    if isinstance(ours, tuple):
        parts = (together(a, b) for a, b in zip(ours, theirs))
        return type(ours)(*parts) if hasattr(ours, "_fields") else tuple(parts)
    if ours is None:
        return None
    return torch.cat((ours[:, None], theirs.unflatten(0, (len(ours), -1)).to(ours.dtype)), 1).flatten(0, 1)


def parted(output: DiscriminatorOutput, names: Collection[str]) -> dict[str, DiscriminatorOutput]:
    """What a discriminator says of as many samples of each of several paths, by path."""

    def part(values: Any, number: int) -> Any:
        if isinstance(values, tuple):
            parts = (part(value, number) for value in values)
            return type(values)(*parts) if hasattr(values, "_fields") else tuple(parts)
        return None if values is None else values.chunk(len(names))[number]

    return {name: part(output, number) if len(names) > 1 else output for number, name in enumerate(names)}


def _per_sample(output: DiscriminatorOutput) -> Tensor:
    """The sum of all logits of each sample or pack: (B / pack,)."""
    totals = [_at_least_float32(logit).reshape(len(logit), -1).sum(1) for logit in output.logits]
    return sum(totals[1:], totals[0])


def _at_least_float32(values: Tensor) -> Tensor:
    return values.to(torch.promote_types(values.dtype, torch.float32))


def _primal(value: Any) -> Any:
    if isinstance(value, tuple):
        return tuple(map(_primal, value))
    return None if value is None else forward_ad.unpack_dual(value).primal
