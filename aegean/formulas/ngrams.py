"""An n-gram language model with interpolated Kneser-Ney smoothing, and what it and plain counts say of samples."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence

import numpy as np

START, END = -1, 0
REFERENCES, ASKED = 1_000, 500  # texts for self-BLEU
Text = Sequence[int]  # tokens above 0, without an end


class KneserNey:
    """Chen and Goodman 1999, section 2.7, interpolated: of order n

        p(w | h) = max(c(h w) - D, 0) / c(h) + D N(h) / c(h) p(w | h'),

    where c counts at the highest order, and below it the different tokens before; N(h) is how many different tokens
    follow h, and h' is h without its first. Below order 1 every token is equally likely. D of each order is
    n1 / (n1 + 2 n2), of the numbers of things counted once and twice.

    texts: to learn from.
    order: n.
    tokens: how many different ones there are, the end among them.
    """

    def __init__(self, texts: Iterable[Text], order: int, tokens: int):
        self.order, self.tokens = order, tokens
        grams = Counter(
            padded[i : i + order]
            for padded in ((START,) * (order - 1) + (*text, END) for text in texts)
            for i in range(len(padded) - order + 1)
        )
        self.follow: list[dict[tuple[int, ...], dict[int, int]]] = []  # by order, from 1: history -> token -> count
        self.discounts: list[float] = []
        while True:
            follow: dict[tuple[int, ...], dict[int, int]] = defaultdict(dict)
            for gram, count in grams.items():
                follow[gram[:-1]][gram[-1]] = count
            often = Counter(grams.values())
            self.follow.insert(0, follow)
            self.discounts.insert(0, often[1] / (often[1] + 2 * often[2]) if often[1] else 0.5)
            if len(next(iter(grams), (0,))) == 1:
                break
            grams = Counter(gram[1:] for gram in grams)
        self.totals = [{history: sum(found.values()) for history, found in follow.items()} for follow in self.follow]

    def probability(self, history: tuple[int, ...], token: int) -> float:
        """history: the order - 1 tokens before, `START` where there are none."""
        p = 1 / self.tokens
        for n, (follow, totals, discount) in enumerate(zip(self.follow, self.totals, self.discounts)):
            h = history[len(history) - n :]
            if total := totals.get(h):
                found = follow[h]
                p = (max(found.get(token, 0) - discount, 0) + discount * len(found) * p) / total
        return p

    def perplexity(self, texts: Iterable[Text]) -> float:
        """2^(mean bits of a token), ends counted."""
        bits, count = 0.0, 0
        for text in texts:
            whole = (START,) * (self.order - 1) + (*text, END)
            for i in range(self.order - 1, len(whole)):
                bits -= math.log2(self.probability(whole[i - self.order + 1 : i], whole[i]))
            count += len(text) + 1
        return float(2 ** (bits / max(1, count)))

    def draw(self, rng: np.random.Generator, length: int) -> list[int]:
        """A text of at most so many tokens: exact, by going down an order with the probability that the formula
        gives to it."""
        text: list[int] = []
        while len(text) < length:
            history = ((START,) * (self.order - 1) + tuple(text))[len(text) :]
            token = self._next(rng, history)
            if token == END:
                break
            text.append(token)
        return text

    def _next(self, rng: np.random.Generator, history: tuple[int, ...]) -> int:
        for n in reversed(range(self.order)):
            h, discount = history[len(history) - n :], self.discounts[n]
            if not (total := self.totals[n].get(h)):
                continue
            place = rng.random() * total
            for token, count in self.follow[n][h].items():
                place -= count - discount
                if place < 0:
                    return token
        return int(rng.integers(self.tokens))


def self_bleu(texts: Sequence[Text], order: int = 4) -> float:
    """The mean BLEU of a text against the others (Zhu et al. 2018, section 3.3): the more alike they are, the higher.

    Papineni et al. 2002: the geometric mean over orders of the share of a text's n-grams that occur in another one, as
    often as in the one with most of them; here 1 is added to both counts of orders above the first (Lin and Och 2004).
    Up to 1,000 texts, evenly spread over all, of which 500 are asked.
    """
    texts = [text for text in texts if text]
    texts = texts[:: max(1, len(texts) // REFERENCES)][:REFERENCES]
    texts = texts[::2] + texts[1::2]  # the first half is asked
    if len(texts) < 2:
        return 1.0
    counts = [[Counter(zip(*(text[i:] for i in range(n)))) for text in texts] for n in range(1, order + 1)]
    logs = np.zeros(min(ASKED, len(texts)))
    for n, found in enumerate(counts):
        best: dict[tuple[int, ...], tuple[int, int, int]] = {}  # the most, whose it is, and the most of another
        for owner, some in enumerate(found):
            for gram, count in some.items():
                first, who, second = best.get(gram, (0, -1, 0))
                best[gram] = (count, owner, first) if count > first else (first, who, max(second, count))
        for row, some in enumerate(found[: len(logs)]):
            hits = sum(min(c, best[g][2] if best[g][1] == row else best[g][0]) for g, c in some.items())
            logs[row] += math.log(max(1e-9, (hits + (n > 0)) / max(1e-9, sum(some.values()) + (n > 0)))) / order
    return float(np.exp(logs).mean())


def length_distance(texts: Sequence[Text], others: Sequence[Text]) -> float:
    """Half the sum of absolute differences of two histograms of lengths: 0 are equal, 1 share no length."""
    most = max(map(len, (*texts, *others)), default=0) + 1
    a, b = (np.bincount([len(text) for text in some], minlength=most) / max(1, len(some)) for some in (texts, others))
    return float(abs(a - b).sum() / 2)
