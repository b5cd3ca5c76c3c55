"""How much of texts comes back: tokens (n, length) against what became of them."""

from __future__ import annotations

import numpy as np

from aegean.data.info import DataInfo
from aegean.data.read.vocabulary import decoded, scheme_in


def words_restored(originals: np.ndarray, restored: np.ndarray, info: DataInfo) -> float:
    """The share of words that stand in the same place again; of characters where those are the pieces of the
    vocabulary, or bytes."""
    split = str.split if scheme_in(info.vocabulary) == "words" else list
    found = total = 0
    pairs = zip(*(decoded(values.astype(np.int64), info.vocabulary) for values in (originals, restored)))
    for a, b in pairs:
        words, again = split(a), split(b)
        total += len(words)
        found += sum(one == other for one, other in zip(words, again))
    return found / max(1, total)


def restored_exactly(originals: np.ndarray, restored: np.ndarray) -> float:
    """The share of texts that come back token for token."""
    return float((originals == restored).all(1).mean())
