"""Networks of texts: samples are tokens (B, length), whole numbers below `tokens`; 0 ends a text and fills the rest."""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from aegean.config import network
from aegean.nets.blocks import DEEPEST, Residual, Rising, act, he_, one_hot
from aegean.nets.conv import downs, stages

TAPS = 3  # places that a causal convolution sees: its own and two before


def embedding(tokens: int, width: int) -> nn.Embedding:
    layer = nn.Embedding(tokens, width)
    nn.init.normal_(layer.weight, std=0.3)
    return layer


def tokens_in(x: Tensor, layer: nn.Embedding) -> Tensor:
    """Numbers as tokens that an embedding knows: a graph that leaves this house may be given any."""
    return x.long().clamp(0, layer.num_embeddings - 1)


@network
class TextEncoder(Rising):
    """Tokens (B, length) -> a tuple of levels (B, widths[i], length / 2^i), nearest the data first: residual
    convolutions on embeddings. Token number `tokens` is a blank (`Blanks`).

    shape: (length,)
    tokens: how many there are
    widths: channels of each level
    blocks: residual blocks of each level
    """

    def __init__(self, shape: Sequence[int], tokens: int, widths: Sequence[int], blocks: int = 1):
        super().__init__()
        self.levels = [(widths[0], *shape)]
        for width in widths[1:]:
            self.levels.append((width, (self.levels[-1][1] + 1) // 2))
        self.embed = embedding(tokens + 1, widths[0])
        self.stages = stages(widths, blocks, axes=1)
        self.downs = downs(widths, axes=1)

    def rise(self, level: int, below: Tensor) -> Tensor:
        if level:
            return self.stages[level](self.downs[level - 1](below))  # type: ignore[no-any-return]
        return self.stages[0](self.embed(tokens_in(below, self.embed)).mT)  # type: ignore[no-any-return]


class Causal(nn.Module):
    """h + W act(conv(act(h))), where the convolution sees a place and those `dilation` and twice `dilation` before."""

    def __init__(self, width: int, dilation: int, depth: int):
        super().__init__()
        self.dilation = dilation
        self.first = he_(nn.Conv1d(width, width, TAPS, dilation=dilation), depth**-0.5)
        self.last = he_(nn.Conv1d(width, width, 1), 0.0)

    def forward(self, h: Tensor) -> Tensor:
        seen = F.pad(act(h), ((TAPS - 1) * self.dilation, 0))
        return h + self.last(act(self.first(seen)))  # type: ignore[no-any-return]

    def step(self, h: Tensor, before: list[Tensor]) -> Tensor:
        """The same of one place h (B, width); `before` holds the acted inputs of the earlier ones, and gets this."""
        before.append(act(h))
        place, blank = len(before) - 1, torch.zeros_like(h)
        back = (place - tap * self.dilation for tap in reversed(range(TAPS)))
        taps = torch.stack([before[at] if at >= 0 else blank for at in back], 2).flatten(1)
        inner = F.linear(taps, self.first.weight.flatten(1), self.first.bias)
        return h + F.linear(act(inner), self.last.weight[..., 0], self.last.bias)


@network
class TextDecoder(nn.Module):
    """Latents (B, latent) and the tokens (B, length) themselves -> logits (B, length, tokens), of which each place sees
    the tokens before it alone.

    The latent is laid out over all places by a dense layer and residual convolutions, and added to the embedding of
    the token before; dilated causal convolutions follow (van den Oord et al. 2016, section 2.1; Yang et al. 2017, for
    texts).

    shape: (length,)
    tokens: how many there are
    widths: channels; the first is meant, for all places are of one level
    latent: dimensions
    classes: of labels (B,), 0 for none
    dilations: of the causal convolutions
    blocks: residual convolutions of the laid out latent
    heat: temperature that samples are drawn at, where none is asked for; 0: the likeliest token at each place
    """

    def __init__(
        self,
        shape: Sequence[int],
        tokens: int,
        widths: Sequence[int],
        latent: int,
        classes: int = 0,
        dilations: Sequence[int] = (1, 2, 4, 8),
        blocks: int = 2,
        output: str = "tokens",
        heat: float = 0.0,
    ):
        super().__init__()
        self.heat = heat
        assert output == "tokens" and 0 < len(dilations) + blocks <= DEEPEST
        width = widths[0]
        self.latent, self.classes, self.tokens, self.top = latent, classes, tokens, (width, *shape)
        self.stem = he_(nn.Linear(latent + classes, width * shape[0]))
        self.layout = nn.Sequential(*(Residual(width, blocks, 1) for _ in range(blocks)))
        self.embed = embedding(tokens, width)
        self.causal = nn.ModuleList(Causal(width, dilation, len(dilations)) for dilation in dilations)
        self.last = he_(nn.Linear(width, tokens), 0.5)

    def forward(self, z: Tensor, labels: Tensor | None, given: Tensor) -> Tensor:
        """given: the tokens (B, length) themselves."""
        before = F.pad(tokens_in(given, self.embed), (1, -1))
        h = self.plan(z, labels) + self.embed(before).mT
        for layer in self.causal:
            h = layer(h)
        return self.last(act(h).mT)  # type: ignore[no-any-return]

    def plan(self, z: Tensor, labels: Tensor | None) -> Tensor:
        """The latent laid out: (B, width, length)."""
        if self.classes:
            z = torch.cat((z, one_hot(labels, self.classes, z)), 1)
        return self.layout(self.stem(z).view(len(z), *self.top))  # type: ignore[no-any-return]

    def write(self, z: Tensor, labels: Tensor | None = None, noise: Tensor | None = None, heat: float = 0.0) -> Tensor:
        """Latents -> tokens (B, length), one place after another: the likeliest of each; or with noise, uniform
        (B, length), a draw at temperature `heat`."""
        plan, before = self.plan(z, labels), [list[Tensor]() for _ in self.causal]
        token = torch.zeros(len(z), dtype=torch.int64, device=z.device)
        alive, written = torch.ones_like(token), list[Tensor]()
        for place in range(self.top[1]):
            h = plan[:, :, place] + self.embed(token)
            for layer, seen in zip(self.causal, before):
                h = layer.step(h, seen)  # type: ignore[operator]
            logits = self.last(act(h)).float()
            if noise is None or not heat:
                token = logits.argmax(1)
            else:
                share = (logits / heat).softmax(1).cumsum(1)
                token = (noise[:, place, None] * share[:, -1:] > share).sum(1).clamp(max=self.tokens - 1)
            token = token * alive
            alive = alive * (token > 0)
            written.append(token)
        return torch.stack(written, 1).float()


@network
class Blanks(nn.Module):
    """Tokens x (B, length) of which a share is blanked, by noise (B, length), uniform; ends never are.

    share: of the tokens
    blank: the number of the blank
    """

    def __init__(self, share: float, blank: int):
        super().__init__()
        self.share, self.blank = share, blank

    def forward(self, x: Tensor, noise: Tensor) -> Tensor:
        return torch.where((noise < self.share) & (x > 0), float(self.blank), x)
