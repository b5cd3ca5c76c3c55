"""Texts as whole numbers, and back: a vocabulary of words or characters, and parts of words and bytes for all that it
lacks.

Token 0 ends a text and fills the places behind it, tokens 1 to 256 are bytes of UTF-8, and what follows are pieces:
words or characters, the most frequent first, then parts of words. A text is the concatenation of its pieces, so it
comes back exactly when its tokens do.
"""

from __future__ import annotations

import itertools
import re
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence

import numpy as np

LIMIT = 8_000  # pieces of a vocabulary
TWICE = 2  # occurrences of a word, at least: what is seen once teaches nothing about itself, and its parts do
PARTS = 500  # parts of words, at most
OFTEN = 8  # different words that a part stands in, at least
SPOKEN = 40  # letters of a word that parts are looked for in, at most
LOOKED = 20_000  # different words that parts are looked for in, at most
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


def spelled(piece: str, known: Mapping[str, int], longest: int) -> list[int]:
    """A piece as tokens of its parts, the longest known ones first, else of its bytes.

    longest: length of a known piece, at most
    """
    tokens, at = list[int](), 0
    while at < len(piece):
        ends = range(min(at + longest, len(piece)), at, -1)
        end = next((end for end in ends if piece[at:end] in known), 0)
        tokens += [known[piece[at:end]]] if end else [1 + byte for byte in piece[at].encode()]
        at = end or at + 1
    return tokens


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
    kept = _kept(counts, TWICE if scheme == "words" else 1)  # three bytes of a rare character displace all behind it
    share = 1 - sum(counts[piece] for piece in kept) / max(1, counts.total())
    parts = sorted(set(parts_of(sorted(counts))) - set(kept)) if scheme == "words" and len(counts) > len(kept) else ()
    return (END, *BYTES, *kept, *parts), len(counts) - len(kept), share


def parts_of(words: Sequence[str]) -> list[str]:
    """Parts that many different words share, by merging the most frequent pair of neighbours again and again (Sennrich
    et al. 2016, algorithm 1)."""
    rows = [list(word) for word in words[:: 1 + len(words) // LOOKED] if len(word) <= SPOKEN]
    counts, where = Counter[tuple[str, str]](), defaultdict[tuple[str, str], set[int]](set)

    def count(row: int, sign: int) -> None:
        for pair in set(itertools.pairwise(rows[row])):
            counts[pair] += sign
            where[pair].add(row)

    for row in range(len(rows)):
        count(row, 1)
    found = list[str]()
    while counts and len(found) < PARTS:
        pair = max(counts, key=lambda some: (counts[some], some))
        if counts[pair] < OFTEN:
            break
        found.append("".join(pair))
        for row in where.pop(pair):
            count(row, -1)
            rows[row] = _merged(rows[row], pair)
            count(row, 1)
        del counts[pair]
    return found


def _merged(row: list[str], pair: tuple[str, str]) -> list[str]:
    out, at = list[str](), 0
    while at < len(row):
        size = 1 + (tuple(row[at : at + 2]) == pair)
        out.append("".join(row[at : at + size]))
        at += size
    return out


def _kept(counts: Mapping[str, int], least: int = TWICE) -> list[str]:
    often = sorted((piece for piece, count in counts.items() if count >= least), key=lambda p: (-counts[p], p))
    return often[:LIMIT]


def scheme_in(vocabulary: Sequence[str]) -> str:
    """The scheme that a vocabulary was made by."""
    found = vocabulary[FIRST:]
    return "bytes" if not found else "characters" if max(map(len, found)) == 1 else "words"


def tokens_of(texts: Iterable[str], vocabulary: Sequence[str]) -> Iterator[Iterator[int]]:
    """The tokens of each text, without an end."""
    scheme, known = scheme_in(vocabulary), {piece: n for n, piece in enumerate(vocabulary) if n >= FIRST}
    codes, longest = dict[str, list[int]](), max(map(len, known), default=0)

    def coded(piece: str) -> list[int]:
        if piece not in codes:
            codes[piece] = spelled(piece, known, longest)
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
