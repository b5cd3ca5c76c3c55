"""Whole numbers in the midst of training: rounding that passes gradients straight through (Bengio et al. 2013)."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from aegean.codec import shape as plan


class Floor(torch.autograd.Function):
    """floor(x), with the gradient of x."""

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:  # type: ignore[override]
        return x.floor()

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> Tensor:  # type: ignore[override]
        return grad


class Activation(torch.autograd.Function):
    """floor(x) brought into the range of hidden activations, with the gradient of x inside of it."""

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:  # type: ignore[override]
        y = x.floor().clamp_(0, plan.HIDDEN_MOST)
        ctx.save_for_backward(y)
        return y

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> Tensor:  # type: ignore[override]
        (y,) = ctx.saved_tensors
        return torch.ops.aten.hardtanh_backward(grad, y, 0, plan.HIDDEN_MOST)


def floor(x: Tensor) -> Tensor:
    return Floor.apply(x)


def nearest(x: Tensor) -> Tensor:
    return floor(x + 0.5)


def tally(places: Tensor, size: int) -> Tensor:
    """How often each of `size` places occurs among whole numbers of any shape: (size,) float32."""
    found = torch.zeros(size, device=places.device)
    return found.index_add_(0, places.flatten(), torch.ones(places.numel(), device=places.device))
