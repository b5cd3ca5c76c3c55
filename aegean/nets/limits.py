"""What networks may ask of a machine, known before a tensor is made: their descriptions may come from a stranger."""

from __future__ import annotations

from collections.abc import Mapping

from aegean.config import Net, UserError
from aegean.machine import free_memory
from aegean.surface import option


def check_memory(nets: Mapping[str, Net]) -> None:
    """UserError: a description cannot be built, or the networks' weights alone do not fit into the free memory."""
    needed = 0
    for spec in nets.values():
        needed += sum(tensor.numel() * tensor.element_size() for tensor in spec.outline().state_dict().values())
    free = free_memory()
    if needed > free:
        raise UserError(
            f"These networks have {needed / 1e9:,.0f} GB of weights, and {free / 1e9:,.1f} GB of memory are free: "
            f"choose smaller ones ({option('width', '...')}, {option('latent', '...')})."
        )
