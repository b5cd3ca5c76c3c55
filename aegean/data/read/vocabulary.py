"""Texts as whole numbers, and back: a vocabulary of words or characters, and bytes for all that it lacks.

Token 0 ends a text and fills the places behind it, tokens 1 to 256 are bytes of UTF-8, and what follows are pieces, the
most frequent first. A text is the concatenation of its pieces, so it comes back exactly when its tokens do.
"""

from __future__ import annotations

import itertools
import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence

import numpy as np

LIMIT = 8_000  # pieces of a vocabulary
TWICE = 2  # occurrences of a piece, at least: what is seen once teaches nothing about itself
COVERED = 0.9  # of all pieces are words of the vocabulary, or else characters serve better
BYTES = tuple(f"<0x{byte:02X}>" for byte in range(256))
END = ""
FIRST = 1 + len(BYTES)  # token that is a piece
WORD = re.compile(r" ?[^\W\d_]+(?:['’][^\W\d_]+)*| ?\d| ?[^\w\s]|\w|\s")
JOINED = ("CJK", "HIRAGANA", "KATAKANA", "THAI", "LAO", "KHMER", "MYANMAR", "TIBETAN")  # scripts without spaces


def pieces(text: str, scheme: str) -> Iterator[str]:
    """The pieces of a text, whose concatenation it is. Words keep the space before them; digits stand alone."""
    if scheme == "words":
        return (found[0] for found in WORD.finditer(text))
    return iter(text)


def spelled(piece: str) -> list[int]:
    """A piece as tokens of its bytes."""
    return [1 + byte for byte in piece.encode()]


def scheme_of(texts: Sequence[str]) -> str:
    """What suits some texts: words, unless most letters are of a script without spaces, or words hardly repeat."""
    letters = Counter(letter for text in texts for letter in text if letter.isalpha())
    joined = sum(n for letter, n in letters.items() if unicodedata.name(letter, "").startswith(JOINED))
    if 2 * joined > letters.total():
        return "characters"
    counts = Counter(itertools.chain.from_iterable(pieces(text, "words") for text in texts))
    return "words" if sum(counts[piece] for piece in _kept(counts)) >= COVERED * counts.total() else "characters"


def vocabulary_of(texts: Sequence[str], scheme: str) -> tuple[tuple[str, ...], int, float]:
    """The vocabulary of training texts; how many different pieces it leaves to bytes, and their share of all."""
    counts = Counter() if scheme == "bytes" else Counter(
        itertools.chain.from_iterable(pieces(text, scheme) for text in texts)
    )  # fmt: skip
    kept = _kept(counts)
    share = 1 - sum(counts[piece] for piece in kept) / max(1, counts.total())
    return (END, *BYTES, *kept), len(counts) - len(kept), share


def _kept(counts: Mapping[str, int]) -> list[str]:
    often = sorted((piece for piece, count in counts.items() if count >= TWICE), key=lambda p: (-counts[p], p))
    return often[:LIMIT]


def scheme_in(vocabulary: Sequence[str]) -> str:
    """The scheme that a vocabulary was made by."""
    found = vocabulary[FIRST:]
    return "bytes" if not found else "characters" if max(map(len, found)) == 1 else "words"


def tokens_of(texts: Iterable[str], vocabulary: Sequence[str]) -> Iterator[Iterator[int]]:
    """The tokens of each text, without an end."""
    scheme, known = scheme_in(vocabulary), {piece: n for n, piece in enumerate(vocabulary) if n >= FIRST}
    codes: dict[str, list[int]] = {}

    def coded(piece: str) -> list[int]:
        if piece not in codes:
            codes[piece] = [known[piece]] if piece in known else spelled(piece)
        return codes[piece]

    for text in texts:
        yield itertools.chain.from_iterable(map(coded, pieces(text, scheme)))


def encoded(texts: Sequence[str], vocabulary: Sequence[str], length: int) -> tuple[np.ndarray, np.ndarray]:
    """Texts -> tokens (n, length) uint16, 0 behind the end; and which of them (n,) were longer, and are cut."""
    out, cut = np.zeros((len(texts), length), np.uint16), np.zeros(len(texts), bool)
    for row, tokens in enumerate(tokens_of(texts, vocabulary)):
        first = list(itertools.islice(tokens, length + 1))
        out[row, : len(first[:length])] = first[:length]
        cut[row] = len(first) > length
    return out, cut


def decoded(raw: np.ndarray, vocabulary: Sequence[str]) -> list[str]:
    """Tokens (n, length) -> texts, each up to its first 0. Bytes that are no UTF-8 become U+FFFD."""
    whole = [piece.encode() for piece in vocabulary]
    whole[1:FIRST] = [bytes([byte]) for byte in range(256)]
    return [b"".join(whole[t] for t in row[: _end(row)]).decode(errors="replace") for row in raw.tolist()]


def _end(row: list[int]) -> int:
    return row.index(0) if 0 in row else len(row)
