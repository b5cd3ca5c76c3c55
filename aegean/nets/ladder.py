"""Top-down decoders that draw at several levels: the generative half of a ladder, or a generator with many scales."""

from __future__ import annotations

import math
from collections.abc import Sequence

from torch import Tensor, nn

from aegean.config import network
from aegean.nets.blocks import DEEPEST, LogVariance, act, channels_last, he_, in_range, linear, upsample
from aegean.nets.conv import sizes, stages


class Draw(nn.Module):
    """A conditional prior and what it draws: state u (B, c, ...) and e (B, *span) -> u + W (mean(u) + scale(u) e).

    With e ~ N(0, 1) this is z ~ p(z | levels above) (Sonderby et al. 2016, eq. 4). A posterior that is given relative
    to this prior, as in Vahdat and Kautz 2020, section 3.2, is a Gaussian of e; and the divergence of the two is
    that of e from N(0, 1), which an affine map does not change.
    """

    def __init__(self, axes: int, width: int, draws: int):
        super().__init__()
        self.prior = he_(linear(axes, width, 2 * draws), 0.0)  # N(0, 1) at first
        self.merge = he_(linear(axes, draws, width), 0.3)

    def forward(self, u: Tensor, e: Tensor) -> Tensor:
        mean, log_scale = self.prior(act(u)).chunk(2, 1)
        return u + self.merge(mean + log_scale.clamp(-5, 5).exp() * e.to(u.dtype))


class _Ladder(nn.Module):
    """Latents (B, latent), the top level's first -> raw output: `mean` brings it into [-1, 1].

    Levels are counted from 0, nearest the data; `depth` of them draw. The top one draws a vector; each other one adds
    a draw to the state on its way down. What is drawn is e ~ N(0, 1), so that one plain prior serves all levels;
    zeros are the conditional priors' means. `spans` are the dimensions that each level draws.
    """

    classes = 0
    draws: nn.ModuleList

    def __init__(self, shapes: Sequence[tuple[int, ...]], output: str):
        super().__init__()
        self.shapes, self.output = tuple(shapes), output
        self.spans = tuple(math.prod(shape) for shape in shapes)
        self.depth, self.latent = len(shapes), sum(self.spans)
        self.log_variance = LogVariance()

    def split(self, z: Tensor) -> tuple[Tensor, ...]:
        """(B, latent) -> what each level draws, by level."""
        return tuple(reversed(z.split(self.spans[::-1], 1)))

    def forward(self, z: Tensor, labels: Tensor | None = None) -> Tensor:
        drawn = self.split(z)
        h = drawn[-1]
        for level in reversed(range(self.depth)):
            h = self.descend(level, h, drawn[level])
        return self.finish(h)

    def descend(self, level: int, above: Tensor, noise: Tensor | None = None) -> Tensor:
        """One level down: the state above (for the top level its latent) and its draw (B, span) -> its state."""
        return self.leave(level, self.arrive(level, above), noise)

    def arrive(self, level: int, above: Tensor) -> Tensor:
        """The state in which a level draws: (B, *states[level])."""
        raise NotImplementedError

    def leave(self, level: int, u: Tensor, noise: Tensor | None) -> Tensor:
        """The state after the draw (zeros without one), which is handed down."""
        if level < self.depth - 1:
            shape = (u.shape[0], *self.shapes[level])
            u = self.draws[level](u, u.new_zeros(shape) if noise is None else noise.reshape(shape))
        return self.stage(level, u)

    def stage(self, level: int, u: Tensor) -> Tensor:
        raise NotImplementedError

    def finish(self, h: Tensor) -> Tensor:
        """From the state of level 0 to the raw output (B, *shape)."""
        raise NotImplementedError

    def mean(self, raw: Tensor) -> Tensor:
        return in_range(raw, self.output)


@network
class ConvLadder(_Ladder):
    """Maps and sequences, drawn at several resolutions; the rest is as in ConvDecoder.

    floors: levels that draw, from the top
    latent: dimensions that the top level draws
    channels: maps that each other level draws
    pictures: a layer shows the state of each level as a sample of its size (Karnewar and Wang 2020), for a generator
        that draws at all resolutions
    """

    def __init__(
        self,
        shape: Sequence[int],
        latent: int,
        widths: Sequence[int],
        floors: int = 2,
        channels: int = 1,
        blocks: int = 1,
        output: str = "linear",
        pictures: bool = False,
    ):
        assert 0 < floors <= len(widths)
        axes, self.lowest = len(shape) - 1, len(widths) - floors
        scales, upper = sizes(shape, len(widths)), widths[self.lowest :]
        super().__init__([*((channels, *size) for size in scales[self.lowest : -1]), (latent,)], output)
        self.scales = scales
        self.states = [(w, *size) for w, size in zip(upper, scales[self.lowest :])]
        self.top = (widths[-1], *scales[-1])
        self.stem = he_(nn.Linear(latent, math.prod(self.top)))
        self.stages = stages(widths, blocks, axes)
        self.ups = nn.ModuleList(he_(linear(axes, b, a)) for a, b in zip(widths, widths[1:]))
        self.draws = nn.ModuleList(Draw(axes, w, channels) for w in upper[:-1])
        self.last = he_(linear(axes, widths[0], shape[0], 3), 0.5)
        self.shown = nn.ModuleList(he_(linear(axes, w, shape[0], 3), 0.5) for w in upper[1:] if pictures)

    def arrive(self, level: int, above: Tensor) -> Tensor:
        if level == self.depth - 1:
            return channels_last(self.stem(above).unflatten(1, self.top))
        return self._up(self.lowest + level, above)

    def stage(self, level: int, u: Tensor) -> Tensor:
        return self.stages[self.lowest + level](u)

    def finish(self, h: Tensor) -> Tensor:
        for i in reversed(range(self.lowest)):
            h = self.stages[i](self._up(i, h))
        return self.last(act(h))

    def show(self, level: int, h: Tensor) -> Tensor:
        """The state of a level as a picture of its size."""
        return self.shown[level - 1](act(h)) if level else self.last(act(h))

    def _up(self, i: int, h: Tensor) -> Tensor:
        return upsample(self.ups[i](h), self.scales[i])


@network
class DenseLadder(_Ladder):
    """Samples of any shape, by dense layers; every level draws `latent` dimensions. The rest is as in MLPDecoder."""

    def __init__(
        self, shape: Sequence[int], latent: int, widths: Sequence[int], floors: int = 2, output: str = "linear"
    ):
        assert 0 < floors <= len(widths) <= DEEPEST
        super().__init__([(latent,)] * floors, output)
        self.shape, self.lowest = tuple(shape), len(widths) - floors
        upwards = [math.prod(shape), *widths]
        self.states = [(w,) for w in widths[self.lowest :]]
        self.stem = he_(nn.Linear(latent, widths[-1]))
        self.layers = nn.ModuleList(
            he_(nn.Linear(b, a), 1.0 if i else 0.5) for i, (a, b) in enumerate(zip(upwards, upwards[1:]))
        )
        self.draws = nn.ModuleList(Draw(0, w, latent) for w in widths[self.lowest : -1])

    def arrive(self, level: int, above: Tensor) -> Tensor:
        return self.stem(above) if level == self.depth - 1 else self.layers[self.lowest + level + 1](act(above))

    def stage(self, level: int, u: Tensor) -> Tensor:
        return u

    def finish(self, h: Tensor) -> Tensor:
        for i in reversed(range(self.lowest + 1)):
            h = self.layers[i](act(h))
        return h.unflatten(1, self.shape)
