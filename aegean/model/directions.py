"""Directions in a model's latent space along which its pictures change: found without labels, as numbers.

Three ways: "components", the principal components of the latents (Harkonen et al. 2020, GANSpace, section 2.1);
"weights", the directions that the decoder's first layer amplifies most (Shen and Zhou 2021, SeFa, eq. 4 to 7); "axes",
the latent's own coordinates, which a variational model with a larger beta makes meaningful (Higgins et al. 2017).
"""

from __future__ import annotations

from typing import Any, NamedTuple

import torch
from torch import Tensor

from aegean.config import UserError, nearest
from aegean.data.batch import Batch
from aegean.latent.names import NATS_TO_BITS
from aegean.latent.priors import NormalPrior
from aegean.latent.quantised import Quantised
from aegean.model.checks import check_finite
from aegean.model.model import Model
from aegean.model.verbs import hint
from aegean.paths import Paths

WAYS = ("components", "weights", "axes")
DRAWN = 10_000  # latents of the prior that are looked at where there are no data


class Directions(NamedTuple):
    """k directions, the most telling first; float32, on the processor."""

    vectors: Tensor  # (k, latent), rows of length 1, their largest number above 0
    scale: Tensor  # (k,) standard deviation of the latents along each
    centre: Tensor  # (latent,) the latents' mean
    share: Tensor  # (k,) of the variance, of the first layer's squared weights, or (axes) of the rate in bits


class Latents(NamedTuple):
    """Latents that directions are sought in."""

    z: Tensor  # (n, latent): posteriors' means of data, or draws of the prior
    deviation: Tensor | None = None  # (n, latent) posteriors' standard deviations, where the bottleneck has some
    rate: Tensor | None = None  # (latent,) mean bits of each number: KL(q(z_i|x) || N(0, 1))


def directions(
    model: Model,
    way: str = "",
    x: Tensor | None = None,
    labels: Tensor | None = None,
    count: int = 0,
    seed: int = 0,
) -> Directions:
    """Directions in the latent space of a model.

    way: "components", "weights" or "axes"; "" chooses components, or weights where all directions of the latents are
        equal.
    x: data (n, *shape) in the model's range whose latents are looked at; without it, or without an encoder, those of
        the prior.
    labels: (n,), where the model has classes.
    count: so many at most, 0 for all.
    seed: of the prior's draws.
    UserError: no such way, a quantised model, none with a decoder, nothing that latents could be taken from.
    """
    way = chosen_way(model, way, x)
    encoded = x is not None and "encode" in model.can()
    found = data_latents(model, x, labels) if encoded else prior_latents(model, seed)  # type: ignore[arg-type]
    z = found.z.double()
    centre = z.mean(0)
    covariance = (z - centre).T @ (z - centre) / (len(z) - 1)
    vectors, share = _vectors(model, way, covariance, found.rate)
    vectors = vectors * vectors.gather(1, vectors.abs().argmax(1, keepdim=True)).sign()
    scale = ((vectors @ covariance) * vectors).sum(1).clamp(min=0).sqrt()
    keep = slice(count or None)
    return Directions(vectors[keep].float(), scale[keep].float(), centre.float(), share[keep].float())


def chosen_way(model: Model, way: str = "", x: Tensor | None = None) -> str:
    """The way that `directions` takes. UserError: as there."""
    check_way(model, way)
    if not isinstance(model.nets.get("prior"), NormalPrior) or (x is not None and "encode" in model.can()):
        return way or "components"
    if way == "components":
        raise UserError(
            "The prior of this model is the same in all directions, so it has no principal components: take the way "
            "weights, or for a model with an encoder give data."
        )
    return way or "weights"


def walk(found: Directions, start: Tensor, steps: int = 7, span: float = 2.0) -> Tensor:
    """Latents (k, steps, latent) on straight lines through start (latent,) along each direction, from -span to +span
    standard deviations; the middle one of an odd number is the start."""
    far = torch.linspace(-span, span, steps, dtype=torch.float64) * found.scale[:, None]  # (k, steps)
    return (start.cpu() + far[:, :, None] * found.vectors[:, None]).float()


def levels_of(model: Model) -> list[int]:
    """The level that each number of a latent belongs to, counted from 0, nearest the data: the top level's first."""
    spans = model.nets["G"].spans if model.depth > 1 else ()
    if sum(spans) != model.latent:  # type: ignore[arg-type]  # flat, or a stack, whose latent is the top level's
        return [model.depth - 1] * model.latent
    return [level for level in reversed(range(model.depth)) for _ in range(spans[level])]  # type: ignore[index]


def check_way(model: Model, way: str = "") -> None:
    """UserError: no such way; a quantised model, or one without a decoder."""
    if way and way not in WAYS:
        raise UserError(f"There is no way {way!r} to find directions.{nearest(way, WAYS)}")
    if "decode" not in model.can():
        raise UserError("This model has no decoder, so no direction of its latents can be shown: train vae or gan.")
    if isinstance(model.nets.get("bottleneck"), Quantised):
        raise UserError(
            "The latents of this model are quantised: between two symbols there is nothing, so no direction can be "
            "followed; train ae, vae or beta_vae."
        )


def data_latents(model: Model, x: Tensor, labels: Tensor | None = None) -> Latents:
    """The posteriors of data x (n, *shape), with labels (n,) where the model has classes."""
    if len(x) < 2:
        raise UserError(f"Directions are found in at least 2 samples, not {len(x)}; give more data.")
    if tuple(x.shape[1:]) != tuple(model.info.shape):
        raise UserError(f"Samples of shape {tuple(x.shape[1:])}; this model takes {tuple(model.info.shape)}.")
    if model.conditional and labels is None:
        raise UserError(f"This model has {len(model.info.classes)} classes: give a label for each of the samples.")
    labels = labels.long() if labels is not None and model.conditional else None
    z, *stats = model.run(_posterior, Batch(x.float(), labels))
    if not stats:
        return Latents(z.float().cpu())
    mean, log_variance = (value.float().cpu() for value in stats)
    return Latents(z.float().cpu(), (log_variance / 2).exp(), _rates(mean, log_variance).mean(0))


def _posterior(p: Paths) -> tuple[Tensor, ...]:
    """The latents; beside them their means and log variances, where the bottleneck states both."""
    stats = [latent.stats for latent in reversed(p.latents)]
    if any(len(pair) != 2 for pair in stats):
        return (p.latent.z,)
    return (p.latent.z, *(torch.cat(parts, 1) for parts in zip(*stats)))


def prior_latents(model: Model, seed: int = 0, n: int = DRAWN, labels: Tensor | None = None) -> Latents:
    """The latents of `model.sample(n, seed, labels)`."""
    if "sample" not in model.can():
        raise UserError(f"Without data latents are drawn from the prior: give data, or {hint('sample')}.")
    if model.conditional and labels is None:
        labels = model.sample_labels(n, seed)
    return Latents(model.run("z", Batch(labels=labels if model.conditional else None), n, seed=seed).float().cpu())


def _vectors(model: Model, way: str, covariance: Tensor, rate: Tensor | None) -> tuple[Tensor, Tensor]:
    """Vectors (k, latent) and shares (k,), the largest first."""
    if way == "components":
        values, vectors = torch.linalg.eigh(covariance)
        return vectors.T.flip(0), _shares(values.flip(0).clamp(min=0))
    if way == "weights":
        _, values, vectors = torch.linalg.svd(_first_layer(model), full_matrices=False)
        below = model.latent - vectors.shape[1]  # numbers of a hierarchy's lower levels, which it does not see
        return torch.nn.functional.pad(vectors, (0, below)), _shares(values.square())
    each = covariance.diagonal() if rate is None else rate.double()
    order = each.argsort(descending=True, stable=True)
    return torch.eye(len(each), dtype=torch.float64)[order], _shares(each)[order]


def _first_layer(model: Model) -> Tensor:
    """The weights (out, numbers) of the decoder's first layer; of a hierarchy of the top level's alone."""
    G: Any = model.nets["G"]
    check_finite(G.state_dict(), {"G": G})
    stem = getattr(G[-1] if isinstance(G, torch.nn.ModuleList) else G, "stem", None)
    if not isinstance(stem, torch.nn.Linear):
        raise UserError("The first layer of this model's decoder is not linear: take the way components or axes.")
    top = sum(level == model.depth - 1 for level in levels_of(model))
    return stem.weight.detach().double().cpu()[:, :top]  # behind them: classes, or a level's noise


def _shares(values: Tensor) -> Tensor:
    return values / values.sum().clamp(min=1e-12)


def _rates(mean: Tensor, log_variance: Tensor) -> Tensor:
    return 0.5 * (log_variance.exp() + mean.square() - 1 - log_variance) * NATS_TO_BITS
