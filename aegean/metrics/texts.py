"""Texts beside held-out ones: how surprising they are to a language model of real text, and it to one of theirs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from aegean.data.read.vocabulary import scheme_in
from aegean.formulas.ngrams import KneserNey, Text, length_distance, self_bleu

if TYPE_CHECKING:
    from aegean.data import Dataset

ORDERS = {"words": 5, "characters": 3, "bytes": 6}  # of language models, by the vocabulary
LEARNT = 50_000  # training texts of the language model of real text, at most


class TextReference:
    """Held-out texts, what training texts score in the place of samples (`floor`), and texts drawn from a language
    model of n-grams (`sampler`).

    dataset: whose training part the model of real text learns from.
    real: held-out texts (n, length), as tokens.
    train: as many training texts.
    """

    blurred: dict[str, float] = {}

    def __init__(self, dataset: Dataset, real: np.ndarray, train: np.ndarray):
        self.info, self.real = dataset.info, list(map(text_of, real))
        self.order, self.tokens = ORDERS[scheme_in(self.info.vocabulary)], len(self.info.vocabulary)
        known = list(map(text_of, np.asarray(dataset.train[:LEARNT])))
        self.known, self.model = Counter(map(tuple, known)), KneserNey(known, self.order, self.tokens)
        found = self.distances(train)
        # a held-out text is never a training text as well; what the source repeats is told by the training part
        repeated = float(np.mean([self.known[tuple(text)] > 1 for text in known]))
        self.floor = found | {f"forward@{self.order}-gram": self.model.perplexity(self.real), "verbatim": repeated}

    def __call__(self, fake: np.ndarray) -> dict[str, tuple[float, float]]:
        """(score, floor) of samples, by name."""
        return {name: (value, self.floor[name]) for name, value in self.distances(fake).items()}

    def distances(self, fake: np.ndarray) -> dict[str, float]:
        return self.scores(list(map(text_of, fake)))

    def scores(self, fake: list[Text]) -> dict[str, float]:
        """Forward: the perplexity of samples under real text. Reverse: that of held-out text under samples."""
        theirs = KneserNey(fake, self.order, self.tokens)
        return {
            f"forward@{self.order}-gram": self.model.perplexity(fake),
            f"reverse@{self.order}-gram": theirs.perplexity(self.real),
            "self_bleu": self_bleu(fake),
            "verbatim": float(np.mean([tuple(text) in self.known for text in fake])),
            "distinct": len(set(map(tuple, fake))) / len(fake),
            "lengths": length_distance(fake, self.real),
        }

    @cached_property
    def sampler(self) -> dict[str, float]:
        """What texts drawn from the n-gram model score, as many as held-out ones."""
        rng = np.random.default_rng(0)
        return self.scores([self.model.draw(rng, self.info.shape[0]) for _ in self.real])


def text_of(row: np.ndarray) -> list[int]:
    """Tokens (length,) up to the end."""
    found: Iterable[int] = row.astype(np.int64).tolist()
    tokens = list(found)
    return tokens[: tokens.index(0)] if 0 in tokens else tokens
