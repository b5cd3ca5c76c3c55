"""Products with zeros, taken out of a recorded step.

The derivative of a convolution along a direction of its input is one convolution; torch computes a second one, of the
input with the direction of the weight, which is zero here, and goes backwards through it too: 27 passes where 23 do.
"""

from __future__ import annotations

from typing import Any

import torch
from torch.fx import Graph, Node

aten = torch.ops.aten

SOURCES = {aten.zeros.default, aten.zeros_like.default, aten.new_zeros.default, aten._efficientzerotensor.default}
SAME = {aten.alias.default, aten.expand.default, aten.view.default, aten.clone.default, aten.detach.default}
CONVOLVE, BACK = aten.convolution.default, aten.convolution_backward.default


def drop_zeros(graph: Graph) -> int:
    """Take convolutions of zeros, and additions of their results, out of a graph; how many convolutions went."""
    zeros: set[Node] = set()
    gone = 0
    for node in list(graph.nodes):
        if node.op != "call_function" or any(_changes(user) for user in node.users):
            continue
        args = node.args
        if node.target in SOURCES or (node.target in SAME and args[0] in zeros):
            zeros.add(node)
        elif node.target is CONVOLVE and (args[0] in zeros or args[1] in zeros) and (not args[2] or args[2] in zeros):
            zeros.add(node)
            gone += 1
        elif (
            node.target is BACK and args[0] not in zeros and args[2] in zeros and list(args[10]) == [True, False, False]
        ):
            zeros.update(user for user in node.users if user.args[1] == 0)  # the gradient of the input
            gone += 1
        elif node.target is aten.add.Tensor and len(args) == 2 and not node.kwargs:
            for zero, other in (args, args[::-1]):
                if zero in zeros and isinstance(other, Node) and _like(node, other):
                    node.replace_all_uses_with(other)
                    break
    return gone


def _changes(user: Node) -> bool:
    """Whether a node writes into one of its inputs."""
    return isinstance(user.target, torch._ops.OpOverload) and user.target._schema.is_mutable


def _like(a: Node, b: Node) -> bool:
    """Whether two values have the same shape and number type."""
    found: list[Any] = [node.meta.get("tensor_meta") for node in (a, b)]
    return None not in found and (found[0].shape, found[0].dtype) == (found[1].shape, found[1].dtype)
