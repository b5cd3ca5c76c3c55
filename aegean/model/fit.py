"""Whether the networks of a model fit together: every path that a verb takes, played by outlines without memory."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from aegean.config import Net
from aegean.data.batch import Batch
from aegean.data.info import DataInfo
from aegean.objectives import Term
from aegean.paths import Paths


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
