"""A ladder: data -> features of every level; then down, level by level, a draw at each (Sonderby et al. 2016)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import torch
from torch import Tensor

from aegean.latent import Latent
from aegean.paths import PRIOR, each, path, wiring
from aegean.wirings.standard import Standard


class Descent(NamedTuple):
    """One way down a ladder: the latents by level, nearest the data first, and the raw output."""

    latents: tuple[Latent, ...]
    raw: Tensor


@wiring("ladder")
class Ladder(Standard):
    """E gives features, `bottleneck` the posterior of each level's draw, G the way down and the conditional priors.

    `latent` holds the draws of all levels, the top one's first: so a plain prior, `encode` and `decode` are as in any
    model. x_top[k]: the reconstruction from the upper k levels, the others at their priors' means; raw_top[k]: the
    decoder's output before it is brought into the range of the data.
    """

    @classmethod
    def depth(cls, nets: Mapping[str, Any]) -> int:
        return nets["G"].depth

    @classmethod
    def streams(cls, nets: Mapping[str, Any], level: int) -> tuple[str, ...]:
        top = level == cls.depth(nets) - 1
        return (f"{PRIOR[0]} {level}", *((PRIOR[1],) if top else ()))

    @path
    def descent(self) -> Descent:
        G, posterior = self.nets["G"], self.nets["bottleneck"]
        seen = self.features[-G.depth :]
        latents: list[Latent] = []
        h: Tensor | None = None
        for level in reversed(range(G.depth)):
            u = seen[level] if h is None else G.arrive(level, h)
            noise = self.noise and self.noise(f"posterior {level}", "normal", (G.spans[level],))
            latents.append(posterior.read(level, seen[level], u, noise))
            h = G.descend(level, latents[-1].z) if h is None else G.leave(level, u, latents[-1].z)
        return Descent(tuple(reversed(latents)), G.finish(h))

    @path
    def latents(self) -> tuple[Latent, ...]:
        """The latent of each level."""
        return self.descent.latents

    @path
    def latent(self) -> Latent:
        """All levels' draws, the top one's first; their rates added up."""
        z = torch.cat([latent.z for latent in reversed(self.latents)], 1)
        return Latent(z, sum(latent.rate for latent in self.latents))  # type: ignore[arg-type]

    @path
    def raw_hat(self) -> Tensor:
        return self.descent.raw

    @each
    def x_top(self, count: int) -> Tensor:
        return self.x_hat if count == self.nets["G"].depth else self.nets["G"].mean(self.raw_top[count])

    @each
    def raw_top(self, count: int) -> Tensor:
        G = self.nets["G"]
        if count == G.depth:
            return self.raw_hat
        kept = [latent.z for latent in reversed(self.latents)][:count]
        rest = kept[0].new_zeros(len(kept[0]), G.latent - sum(z.shape[1] for z in kept))
        return G(torch.cat((*kept, rest), 1))  # type: ignore[no-any-return]

    @path
    def z(self) -> Tensor:
        return top_down(self)


def top_down(p: Any) -> Tensor:
    """What the prior draws (B, latent), each level's plain noise from a stream of its own, the top level's first.

    A fitted mixture keeps that order: its factors are lower triangular, so noise of a level moves that level and those
    below it, as in the ladder itself.
    """
    G = p.nets["G"]
    levels = reversed(range(G.depth))
    normal = torch.cat([p.draw(f"{PRIOR[0]} {level}", "normal", (G.spans[level],)) for level in levels], 1)
    return p.nets["prior"](normal, p.draw(PRIOR[1], "uniform", (1,)), p.labels)
