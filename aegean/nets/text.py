"""Networks of texts: samples are tokens (B, length), whole numbers below `tokens`; 0 ends a text and fills the rest."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.fx.experimental.proxy_tensor import get_proxy_mode

from aegean.config import network
from aegean.nets.blocks import DEEPEST, Residual, Rising, act, he_, one_hot
from aegean.nets.conv import downs, stages

SPREAD = 0.3  # standard deviation of an embedding
FIRST = 257  # token that is a piece of text, not a byte (data.read.vocabulary)
TAPS = 3  # places that a causal convolution sees: its own and two before


def codes(tokens: int, width: int) -> Tensor:
    """Random vectors (tokens, width) of about unit length, always the same. Embeddings and the rows of a softmax begin
    as these, so that what the encoder reads as a word is what the decoder writes as it, however rarely it occurs."""
    return torch.randn(tokens, width, generator=torch.Generator().manual_seed(0)) * width**-0.5


def embedding(tokens: int, width: int) -> nn.Embedding:
    return nn.Embedding(tokens, width, _weight=codes(tokens, width) * SPREAD * width**0.5)


def counted(x: Tensor) -> Tensor:
    """Tokens (B, length) -> whether each counts: the tokens of the text, and the first 0 behind them."""
    return F.pad(x > 0, (1, -1), value=True)


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
    the tokens before it alone. Token number `tokens` is a blank (`Blanks`).

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
        self.embed = embedding(tokens + 1, width)
        self.causal = nn.ModuleList(Causal(width, dilation, len(dilations)) for dilation in dilations)
        self.last = nn.Linear(width, tokens)
        with torch.no_grad():
            self.last.weight.copy_(codes(tokens + 1, width)[:tokens])
            self.last.bias.zero_()

    def forward(self, z: Tensor, labels: Tensor | None, given: Tensor) -> Tensor:
        """given: the tokens (B, length) themselves."""
        return self.last(self.places(z, labels, given))  # type: ignore[no-any-return]

    def places(self, z: Tensor, labels: Tensor | None, given: Tensor) -> Tensor:
        """The same up to the last layer: (B, length, width)."""
        before = F.pad(tokens_in(given, self.embed), (1, -1))
        h = self.plan(z, labels) + self.embed(before).mT
        for layer in self.causal:
            h = layer(h)
        return act(h).mT

    def bits(self, z: Tensor, labels: Tensor | None, given: Tensor, x: Tensor) -> Tensor:
        """What each token of x (B, length) costs after those in `given`: (B, length), 0 behind the end. On a processor
        logits are computed only where a token counts, unless the step is recorded, which needs fixed shapes."""
        h, counts = self.places(z, labels, given), counted(x)
        if x.device.type == "cpu" and get_proxy_mode() is None:
            nats = F.cross_entropy(self.last(h[counts]).float(), x[counts].long(), reduction="none")
            return torch.zeros_like(x).masked_scatter(counts, nats) / math.log(2)
        logits = self.last(h).float().flatten(0, 1)
        return F.cross_entropy(logits, x.long().flatten(), reduction="none").view(x.shape) * counts / math.log(2)

    def plan(self, z: Tensor, labels: Tensor | None) -> Tensor:
        """The latent laid out: (B, width, length)."""
        if self.classes:
            z = torch.cat((z, one_hot(labels, self.classes, z)), 1)
        return self.layout(self.stem(z).unflatten(1, self.top))  # type: ignore[no-any-return]

    def write(self, z: Tensor, labels: Tensor | None = None, noise: Tensor | None = None, heat: float = 0.0) -> Tensor:
        """Latents -> tokens (B, length), one place after another: the likeliest of each; or with noise, uniform
        (B, length), a draw at temperature `heat`."""
        plan, before = self.plan(z, labels), [list[Tensor]() for _ in self.causal]
        token = torch.zeros_like(z[:, 0], dtype=torch.int64)
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
    """Tokens x (B, length) of which the encoder does not see a share, by noise (B, length), uniform; ends are never
    blanked.

    share: of the tokens
    blank: the number of the blank
    exchanged: share of the texts that are told with other tokens
    """

    def __init__(self, share: float, blank: int, exchanged: float = 0.0):
        super().__init__()
        self.share, self.blank, self.exchanged = share, blank, exchanged
        self.first = FIRST if blank > FIRST else 1  # of the tokens that others are exchanged for

    def others(self, x: Tensor, noise: Tensor) -> Tensor:
        """Some texts x (B, length) with other tokens in some places, of each text another share, even from none to all,
        by noise (B, 2 + 2 length), uniform. What is said then must be read from the latent, not known by heart; new
        tokens are as frequent as their rank in the vocabulary lets expect (Zipf 1949)."""
        length = x.shape[1]
        chosen, rate, where, which = noise.split((1, 1, length, length), 1)
        rank = ((self.blank - self.first) ** which).floor() - 1
        exchanged = (chosen < self.exchanged) & (where < rate) & (x > 0)
        return torch.where(exchanged, (self.first + rank).clamp(max=self.blank - 1), x)

    def forward(self, x: Tensor, noise: Tensor) -> Tensor:
        return torch.where((noise < self.share) & (x > 0), float(self.blank), x)

    def before(self, x: Tensor, noise: Tensor) -> Tensor:
        """What the decoder is told of the tokens before each place, by noise (B, 1 + length): of each text another
        share, even from none to all. One that is always told all of them learns to do without the latent (Bowman et
        al. 2016, section 3.2)."""
        return torch.where((noise[:, 1:] < noise[:, :1]) & (x > 0), float(self.blank), x)
