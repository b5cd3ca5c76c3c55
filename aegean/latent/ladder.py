"""The posterior of a ladder: what the encoder's features say of each level's draw, given the levels above."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from aegean.config import network
from aegean.latent.bottlenecks import Gaussian, Latent, kl_to_normal
from aegean.latent.names import NATS_TO_BITS
from aegean.nets.blocks import DEEPEST, act, he_, linear


@network
class LadderPosterior(nn.ModuleList):
    """Level by level q(e | x, levels above), relative to the conditional prior, which is N(0, 1) in e.

    levels: shapes of the encoder's features that each level sees, (C, H, W), (C, L) or (C,)
    states: shapes of the decoder's states in which each level draws
    spans: channels that each level draws; the top level is a plain Gaussian bottleneck
    latent: dimensions of all levels together
    """

    def __init__(
        self, levels: Sequence[Sequence[int]], states: Sequence[Sequence[int]], spans: Sequence[int], latent: int
    ):
        assert 0 < len(levels) == len(states) == len(spans) <= DEEPEST
        heads: list[nn.Module] = [
            _Residual(len(level) - 1, level[0] + state[0], span)
            for level, state, span in zip(levels[:-1], states, spans)
        ]
        super().__init__([*heads, Gaussian(levels[-1], spans[-1])])
        self.latent = latent

    def read(self, level: int, features: Tensor, state: Tensor, noise: Tensor | None) -> Latent:
        """The latent of one level: z (B, dimensions it draws), its rate in bits (B,)."""
        if level == len(self) - 1:
            return self[level](features, noise)
        return self[level](features, state, noise)


class _Residual(nn.Module):
    """Features and state (B, C, ...) side by side -> the mean and log variance of e (Vahdat and Kautz 2020, eq. 2)."""

    def __init__(self, axes: int, width: int, span: int):
        super().__init__()
        self.head = he_(linear(axes, width, 2 * span), 0.1)  # near the prior at first

    def forward(self, features: Tensor, state: Tensor, noise: Tensor | None) -> Latent:
        found = self.head(act(torch.cat((features, state.to(features.dtype)), 1))).float()
        mean, log_variance = (part.flatten(1) for part in found.chunk(2, 1))
        log_variance = log_variance.clamp(-20, 10)
        z = mean if noise is None else mean + (log_variance / 2).exp() * noise
        return Latent(z, kl_to_normal(mean, log_variance) * NATS_TO_BITS, (mean, log_variance))
