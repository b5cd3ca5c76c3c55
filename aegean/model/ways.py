"""The way from one latent to another."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from aegean.latent import NormalPrior
from aegean.model.model import Model


def between(model: Model, first: Tensor, last: Tensor, steps: int) -> Tensor:
    """Two latents (d,) of a model -> (steps, d): an arc where its latents lie near a sphere, else a straight line."""
    return (arc if spherical(model) else line)(first, last, steps)


def spherical(model: Model) -> bool:
    """Whether latents of a model lie around zero, near a sphere."""
    return isinstance(model.nets.get("prior"), NormalPrior) and model.latent > 2


def line(first: Tensor, last: Tensor, steps: int) -> Tensor:
    """Two latents (d,) -> (steps, d), straight and even."""
    t = torch.linspace(0, 1, steps, device=first.device)[:, None]
    return first + t * (last - first)


def arc(first: Tensor, last: Tensor, steps: int) -> Tensor:
    """Two latents (d,) -> (steps, d): their direction along the great circle (Shoemake 1985, section 3.3), their length
    evenly from one to the other. Straight where they point the same or the opposite way, or one is zero."""
    lengths = first.norm(), last.norm()
    if min(lengths) < 1e-6:
        return line(first, last, steps)
    a, b = first / lengths[0], last / lengths[1]
    angle = torch.acos((a @ b).clamp(-1, 1))
    if angle < 1e-3 or angle > math.pi - 1e-3:
        return line(first, last, steps)
    t = torch.linspace(0, 1, steps, device=first.device)[:, None]
    direction = (torch.sin((1 - t) * angle) * a + torch.sin(t * angle) * b) / torch.sin(angle)
    return direction * (lengths[0] + t * (lengths[1] - lengths[0]))
