"""Dense encoder and its mirror, the decoder, for rows and for small pictures."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from aegean.config import network
from aegean.nets.blocks import DEEPEST, LogVariance, Rising, act, he_, in_range, one_hot


@network
class MLPEncoder(Rising):
    """Samples (B, *shape) -> a tuple of hidden levels (B, widths[i])."""

    def __init__(self, shape: Sequence[int], widths: Sequence[int]):
        super().__init__()
        assert 0 < len(widths) <= DEEPEST
        self.levels = [(w,) for w in widths]
        self.stem = he_(nn.Linear(math.prod(shape), widths[0]))
        self.layers = nn.ModuleList(he_(nn.Linear(a, b)) for a, b in zip(widths, widths[1:]))

    def rise(self, level: int, below: Tensor) -> Tensor:
        return self.layers[level - 1](act(below)) if level else self.stem(below.flatten(1))

    def parts(self, level: int) -> list[str]:
        """The names of the modules that make a level of the one below it."""
        return [f"layers.{level - 1}" if level else "stem"]


@network
class MLPDecoder(nn.Module):
    """Latents (B, latent) -> samples (B, *shape): `forward` gives the raw output, `mean` and `log_variance` are as in
    ConvDecoder.

    shape: of a sample, any
    latent: dimensions of a latent
    widths: units of each hidden layer, counted from the data upwards
    classes: of a conditional decoder; 0: it is told none
    output: "linear" or "logits", as in ConvDecoder
    """

    def __init__(
        self,
        shape: Sequence[int],
        latent: int,
        widths: Sequence[int],
        classes: int = 0,
        output: str = "linear",
    ):
        super().__init__()
        assert 0 < len(widths) <= DEEPEST
        self.shape, self.latent, self.classes, self.output = tuple(shape), latent, classes, output
        upwards = [math.prod(shape), *widths]
        self.stem = he_(nn.Linear(latent + classes, widths[-1]))
        self.layers = nn.ModuleList(
            he_(nn.Linear(b, a), 1.0 if i else 0.5) for i, (a, b) in enumerate(zip(upwards, upwards[1:]))
        )
        self.log_variance = LogVariance()

    def forward(self, z: Tensor, labels: Tensor | None = None) -> Tensor:
        if self.classes:
            z = torch.cat((z, one_hot(labels, self.classes, z)), 1)
        h = self.stem(z)
        for layer in reversed(self.layers):  # type: ignore[call-overload]
            h = layer(act(h))
        return h.unflatten(1, self.shape)

    def mean(self, raw: Tensor) -> Tensor:
        return in_range(raw, self.output)
