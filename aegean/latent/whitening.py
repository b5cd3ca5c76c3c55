"""The affine map between plain noise and latents, as a prior or folded into the networks on either side of z."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from aegean.config import UserError, network
from aegean.latent.bottlenecks import Identity

RIDGE = 1e-4  # of the mean variance, added to every direction: a latent that never moves keeps a width


def checked(z: Tensor) -> Tensor:
    """Latents z (n, latent) as they are. UserError: fewer than two, or not finite."""
    if len(z) < 2:
        raise UserError(f"A prior needs the latents of 2 samples at least, not {len(z)}; train on more data.")
    if not z.isfinite().all():
        raise UserError("The latents are not finite, so no prior can be fitted; train with a lower rate.")
    return z


def moments(z: Tensor) -> tuple[Tensor, Tensor]:
    """Latents z (n, latent) -> their mean (latent,) and L (latent, latent), lower triangular with positive diagonal,
    so that mean + L n has their covariance, but for the ridge, where n is N(0, 1); float64, on the CPU."""
    points = checked(z).detach().double().cpu()
    mean = points.mean(0)
    centred = points - mean
    covariance = centred.T @ centred / len(points)
    ridge = RIDGE * covariance.diagonal().mean().clamp(min=1e-8)
    return mean, torch.linalg.cholesky(covariance + ridge * torch.eye(z.shape[1], dtype=torch.float64))


def whitened(z: Tensor, mean: Tensor, factor: Tensor) -> Tensor:
    """L^-1 (z - mean): z (n, latent) -> (n, latent)."""
    return torch.linalg.solve_triangular(factor, (z - mean).T, upper=False).T


@network
class WhiteningPrior(nn.Module):
    """z = mean + L n: one Gaussian with the mean and covariance of all latents, pooled over the classes, since a first
    layer that reads z and label side by side holds one matrix for z. Made, it is N(0, 1); `fold` makes it so again."""

    mean: Tensor
    factor: Tensor

    def __init__(self, latent: int, classes: int = 0):
        super().__init__()
        self.latent, self.classes = latent, classes
        self.register_buffer("mean", torch.zeros(latent))
        self.register_buffer("factor", torch.eye(latent))

    def forward(self, normal: Tensor, uniform: Tensor, labels: Tensor | None = None) -> Tensor:
        return self.mean + normal @ self.factor.T

    def fit(self, z: Tensor, labels: Tensor | None = None) -> None:
        """Fit to latents z (n, latent). UserError: fewer than two, or not finite."""
        mean, factor = moments(z)
        self.mean.copy_(mean)
        self.factor.copy_(factor)


def foldable(bottleneck: nn.Module) -> bool:
    """Whether the latents that a bottleneck gives can be whitened by its own layer."""
    return isinstance(bottleneck, Identity)


@torch.no_grad()
def fold(prior: WhiteningPrior, bottleneck: Any, decoder: Any) -> None:
    """Move the prior's map into both networks, so that the latent between them is white; the prior is left as N(0, 1).

    decoder(n) is then what decoder(mean + L n) was: its first layer, `stem`, takes W L for its columns W of z, and
    W mean into its bias; the columns of the classes stay. bottleneck(h) is then L^-1 (z - mean): so reconstructions
    are what they were. Both but for rounding: the products are taken in float64.

    UserError: a bottleneck that cannot be changed so. A Gaussian one draws every dimension of z by itself; under a map
    that mixes dimensions they would depend on each other, which it cannot say.
    """
    if not foldable(bottleneck):
        raise UserError(
            f"Whitening cannot be folded through a {type(bottleneck).__name__} bottleneck, whose noise is independent "
            "in every dimension and would not be after it; leave the map in the prior."
        )
    mean, factor = prior.mean.double(), prior.factor.double()
    _fold_first(decoder.stem, mean, factor)
    _fold_last(bottleneck.project, mean, factor)
    prior.mean.zero_()
    prior.factor.copy_(torch.eye(prior.latent))


def _fold_first(stem: nn.Linear, mean: Tensor, factor: Tensor) -> None:
    """W (mean + L n) + b = (W L) n + (W mean + b)."""
    columns = stem.weight[:, : len(mean)].double()
    stem.bias.copy_(stem.bias.double() + columns @ mean)
    stem.weight[:, : len(mean)] = (columns @ factor).to(stem.weight.dtype)


def _fold_last(project: Any, mean: Tensor, factor: Tensor) -> None:
    """L^-1 (W h + b - V y - mean) = (L^-1 W) h + L^-1 (b - mean) - (L^-1 V) y."""
    linear = project.features
    linear.weight.copy_(torch.linalg.solve_triangular(factor, linear.weight.double(), upper=False))
    linear.bias.copy_(whitened(linear.bias.double()[None], mean, factor)[0])
    if project.label is not None:
        project.label.weight.copy_(torch.linalg.solve_triangular(factor, project.label.weight.double(), upper=False))
