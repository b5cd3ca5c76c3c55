"""One player of a phase: the parameters it moves, its gradient in one vector, its Adam state, its guard's memory."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import torch
from torch import Tensor, nn

from aegean.objectives import Term
from aegean.training.schedule import Turn

EPSILON = 1e-8


def parameters(nets: dict[str, nn.Module], names: Iterable[str]) -> dict[str, nn.Parameter]:
    """Parameters of networks or of parts of them, by full name: ("E", "G.log_variance", "D.head")."""
    found = {}
    for name in names:
        net, _, part = name.partition(".")
        mine = {k: p for k, p in nets[net].named_parameters() if not part or k == part or k.startswith(part + ".")}
        assert mine or not part, f"{net} has no part {part!r}"
        found.update({f"{net}.{k}": p for k, p in mine.items()})
    return found


def fused_adam_(
    params: list[Tensor],
    grads: list[Tensor],
    means: list[Tensor],
    squares: list[Tensor],
    count: Tensor,
    lr: Tensor,
    bad: Tensor,
    beta1: float,
    beta2: float,
) -> None:
    """One fused Adam update (Kingma and Ba 2015, algorithm 1), left out where `bad` () is 1. count (): updates so far,
    this one included."""
    if lr.device.type == "mps" and bool(bad):  # its kernel knows no mask
        return
    torch._fused_adam_(
        params,
        [like(g, p) for g, p in zip(grads, params)],
        means,
        squares,
        [],
        [count] * len(params),
        lr=lr,
        beta1=beta1,
        beta2=beta2,
        weight_decay=0.0,
        eps=EPSILON,
        amsgrad=False,
        maximize=False,
        found_inf=None if lr.device.type == "mps" else bad,
    )


# An operator of its own, so that a recorded step calls the same kernel as the eager one.
adam_ = torch.library.custom_op("aegean::adam_", fused_adam_, mutates_args=("params", "means", "squares"))


@adam_.register_fake
def _(params, grads, means, squares, count, lr, bad, beta1, beta2) -> None:
    return None


Passes = list[tuple[list[int], dict[str, nn.Parameter]]]  # terms by number, and whom they train together


def backward_passes(nets: dict[str, nn.Module], terms: Sequence[Term], losses: Sequence[Tensor]) -> Passes:
    """Terms whose losses may go backwards together: none of a group has a way to a parameter that another of the group
    trains and it does not."""
    trained = [set(map(id, parameters(nets, term.trains).values())) for term in terms]
    reached = [leaves(loss) for loss in losses]
    groups: list[list[int]] = []
    for number in range(len(terms)):
        for group in groups:
            members = [*group, number]
            union = set().union(*(trained[i] for i in members))
            if all(reached[i] & union <= trained[i] for i in members):
                group.append(number)
                break
        else:
            groups.append([number])
    return [(group, parameters(nets, (name for i in group for name in terms[i].trains))) for group in groups]


def leaves(loss: Tensor, beside: Tensor | None = None) -> set[int]:
    """The ids of the parameters that a loss has a gradient for; beside those that it reaches through one tensor."""
    found, seen, todo = set(), {getattr(beside, "grad_fn", None)}, [loss.grad_fn]
    while todo:
        node = todo.pop()
        if node is None or node in seen:
            continue
        seen.add(node)
        if hasattr(node, "variable"):
            found.add(id(node.variable))
        todo += [following for following, _ in node.next_functions]
    return found


def like(values: Tensor, param: Tensor) -> Tensor:
    """The values in the parameter's own memory layout. The fused Adam walks all its tensors in the order of memory
    and does not look at strides: a gradient of another layout would move the wrong weights, in silence."""
    if values.stride() == param.stride():
        return values
    return torch.empty_like(param).copy_(values)


class Player:
    """One turn's parameters, Adam state and running gradient norm.

    `flat`, where a batch has several shards, is what they add up: the gradients of all parameters, each in the order
    of its parameter's memory, then the losses of the turn's terms, then what is observed: for networks that learn from
    sums, and for the balance, whose running means are `slopes` (terms,).
    """

    def __init__(
        self, turn: Turn, nets: dict[str, nn.Module], device: torch.device, shards: int = 1, recorded: bool = False
    ):
        self.turn = turn
        self.adam_ = adam_ if recorded else fused_adam_
        self.params = parameters(nets, turn.trains)
        self.means = {k: torch.zeros_like(p) for k, p in self.params.items()}
        self.squares = {k: torch.zeros_like(p) for k, p in self.params.items()}
        self.size = sum(p.numel() for p in self.params.values())
        self.sizes_observed = [int(nets[name].observed_size) for name in turn.observes]  # type: ignore[arg-type]
        self.slopes = torch.zeros(len(turn.terms) if turn.balance else 0, device=device)
        self.sizes_observed += [len(self.slopes)] if turn.balance else []
        whole = self.size + len(turn.terms) + sum(self.sizes_observed)
        self.flat = torch.zeros(whole if shards > 1 else 0, device=device)
        self.passes: dict[tuple[Term, ...], Passes] = {}  # once known
        self.count, self.lr, self.norm = (torch.zeros((), device=device) for _ in range(3))
        self.fault = torch.full((), -1, dtype=torch.int64, device=device)  # first bad step's image count
        self.fault_repeat = torch.zeros_like(self.fault)

    def flatten(self, losses: Iterable[Tensor], grads: Iterable[Tensor], sums: Iterable[Tensor]) -> Tensor:
        """Losses, gradients of all parameters in their order, and sums -> one vector, laid out as `flat`."""
        pieces = [g.permute(_order(p)).reshape(-1) for g, p in zip(grads, self.params.values())]
        return torch.cat([*pieces, torch.stack([loss.detach() for loss in losses]), *sums])

    def unflatten(self, flat: Tensor, shards: int) -> tuple[Tensor, list[Tensor], list[Tensor]]:
        """The inverse, after as many shards were added up: mean losses (terms,), mean gradients, each in its
        parameter's shape and memory layout, and sums."""
        params = list(self.params.values())
        grads = []
        flat, losses, sums = flat.split((self.size, len(self.turn.terms), sum(self.sizes_observed)))
        for p, piece in zip(params, (flat / shards).split([p.numel() for p in params])):
            order = _order(p)
            back = sorted(range(len(order)), key=order.__getitem__)
            grads.append(piece.view([p.shape[i] for i in order]).permute(back))
        return losses / shards, grads, list(sums.split(self.sizes_observed))

    def update(self, grads: list[Tensor], bad: Tensor) -> None:
        """One Adam update with the rate in `lr`, left out if `bad` () bool."""
        missed = bad.float()
        self.count.add_(1 - missed)
        with torch.no_grad():
            self.adam_(
                list(self.params.values()),
                grads,
                list(self.means.values()),
                list(self.squares.values()),
                self.count,
                self.lr,
                missed,
                self.turn.beta1,
                self.turn.beta2,
            )

    def tensors(self) -> dict[str, Tensor]:
        """What must be kept to resume."""
        means = {f"{k}.mean": v for k, v in self.means.items()}
        squares = {f"{k}.square": v for k, v in self.squares.items()}
        slopes = {"slopes": self.slopes} if self.turn.balance else {}
        return {**means, **squares, **slopes, "count": self.count, "norm": self.norm}

    def everything(self) -> list[Tensor]:
        """Every tensor that an update reads or writes, but the parameters."""
        return [*self.tensors().values(), self.flat, self.lr, self.fault, self.fault_repeat]


def _order(p: Tensor) -> list[int]:
    """The dimensions of a dense tensor from the slowest to the fastest in memory."""
    stride = p.stride()
    order = sorted(range(p.dim()), key=lambda i: (-stride[i], -p.shape[i], i))
    assert p.permute(order).is_contiguous(), f"a parameter of shape {tuple(p.shape)} is not dense in memory"
    return order
