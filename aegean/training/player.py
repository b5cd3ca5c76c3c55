"""One player of a phase: the parameters it moves, its Adam state, and the guard's memory of it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor, nn

from aegean.training.schedule import Turn


def parameters(nets: dict[str, nn.Module], names: Iterable[str]) -> dict[str, nn.Parameter]:
    """Parameters of networks or of parts of them, by full name: ("E", "G.log_variance", "D.head")."""
    found = {}
    for name in names:
        net, _, part = name.partition(".")
        mine = {k: p for k, p in nets[net].named_parameters() if not part or k == part or k.startswith(part + ".")}
        assert mine or not part, f"{net} has no part {part!r}"
        found.update({f"{net}.{k}": p for k, p in mine.items()})
    return found


def like(values: Tensor, param: Tensor) -> Tensor:
    """The values in the parameter's own memory layout. The fused Adam walks all its tensors in the order of memory
    and does not look at strides: a gradient of another layout would move the wrong weights, in silence."""
    if values.stride() == param.stride():
        return values
    return torch.empty_like(param).copy_(values)


class Player:
    """One turn's parameters, Adam state and running gradient norm."""

    def __init__(self, turn: Turn, nets: dict[str, nn.Module], device: torch.device):
        self.turn = turn
        self.params = parameters(nets, turn.trains)
        self.lr = torch.zeros((), device=device)
        betas = (turn.beta1, turn.beta2)
        fused = device.type in ("cpu", "cuda")
        self.adam: Any = torch.optim.Adam(self.params.values(), lr=self.lr, betas=betas, fused=fused)
        self.norm = torch.zeros((), device=device)  # running mean of the gradient's norm
        self.fault = torch.full((), -1, dtype=torch.int64, device=device)  # first bad step's image count

    def tensors(self) -> dict[str, Tensor]:
        state = {f"{k}.{name}": v for k, p in self.params.items() for name, v in self.adam.state[p].items()}
        return {**state, "norm": self.norm}

    def load(self, tensors: dict[str, Tensor]) -> None:
        for k, p in self.params.items():
            names = [n for n in ("step", "exp_avg", "exp_avg_sq") if f"{k}.{n}" in tensors]
            self.adam.state[p] = {n: tensors[f"{k}.{n}"].to(self.norm.device) for n in names}
            for n in names[1:]:
                self.adam.state[p][n] = like(self.adam.state[p][n].clone(), p)
        self.norm.copy_(tensors["norm"])
