"""What a verb refuses: samples and labels that do not fit, networks that do not fit together, numbers not finite."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from aegean.config import Net, UserError
from aegean.data.batch import Batch
from aegean.data.info import DataInfo
from aegean.objectives import Term
from aegean.paths import Paths


def check_samples(x: Tensor, info: DataInfo) -> None:
    """UserError: other than finite samples (n, *shape)."""
    if tuple(x.shape[1:]) != tuple(info.shape):
        raise UserError(f"Samples of shape {tuple(x.shape[1:])}; this model takes {tuple(info.shape)}.")
    if not is_finite(x):
        raise UserError("Samples hold NaN or infinity; expected finite numbers in the model's range.")


def check_latents(z: Tensor, latent: int) -> None:
    """UserError: other than finite latents (n, latent)."""
    if tuple(z.shape[1:]) != (latent,):
        raise UserError(f"Latents of shape {tuple(z.shape)}; this model decodes (n, {latent}).")
    if not is_finite(z):
        raise UserError("Latents hold NaN or infinity; expected finite numbers.")


def check_labels(labels: Tensor | None, n: int, count: int) -> Tensor:
    """Labels (n,) of one of `count` classes, int64. UserError: they are none."""
    if labels is None:
        raise UserError(f"This model has {count} classes: give a label for each of the {n} samples.")
    if labels.shape != (n,) or (n and (labels.min() < 0 or labels.max() >= count)):
        raise UserError(f"Labels must be {n} whole numbers from 0 to {count - 1}.")
    return labels.long()


def check_finite(value: Any, nets: Mapping[str, nn.Module]) -> None:
    """UserError: values that networks have computed, or hold, are not finite."""
    if is_finite(value):
        return
    bad = [name for name, net in nets.items() if not is_finite(net.state_dict())]
    why = f"weights of network {', '.join(bad)} are not finite" if bad else "the numbers of its networks overflow"
    raise UserError(f"This model has diverged: {why}; use an earlier state of it, or train it again.")


def is_finite(value: Any) -> bool:
    """Whether all tensors in a value, in tuples and dictionaries too, are free of NaN and infinity."""
    if isinstance(value, Tensor):
        return bool(value.isfinite().all())
    if isinstance(value, dict):
        return all(map(is_finite, value.values()))
    return all(map(is_finite, value)) if isinstance(value, tuple | list) else True


@torch.no_grad()
def misfit(specs: Mapping[str, Net], info: DataInfo, bound: Sequence[Term], wiring: type[Paths]) -> str:
    """What does not fit, "" where all does. It loads torch's compiler: for whoever has seen an error before."""
    nets: Any = {name: spec.outline().eval() for name, spec in specs.items()}

    def empty(*shape: int) -> Tensor:
        return torch.empty((2, *shape), device="meta")

    def paths(x: Tensor | None = None) -> Paths:
        labels = torch.zeros(2, dtype=torch.int64, device="meta") if info.classes else None
        return wiring(nets, Batch(x, labels), lambda stream, kind, shape: empty(*shape))

    try:
        data = paths(empty(*info.shape))
        if {"E", "bottleneck"} <= nets.keys():
            _ = data.features, data.latents, data.latent
        if {"E", "bottleneck", "G"} <= nets.keys():
            _ = data.x_hat, [term(data) for term in bound]
        if "G" in nets:
            _ = paths(empty(nets["G"].latent)).x_decoded
        if {"prior", "G"} <= nets.keys():
            _ = paths().x_fake
    except Exception as error:  # networks raise many kinds for what they do not take
        return str(error).split("\n")[0][:200] or type(error).__name__
    return ""
