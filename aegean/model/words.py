"""Texts in and out of a model of texts."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor

from aegean.config import UserError
from aegean.data.info import DataInfo
from aegean.data.kinds import kind_of
from aegean.data.read.vocabulary import decoded, encoded
from aegean.surface import plural, say


def tokens(info: DataInfo, given: Sequence[str]) -> Tensor:
    """Texts -> x (n, length)."""
    check(info)
    if isinstance(given, str) or not all(isinstance(text, str) for text in given):
        raise UserError("Expected a list of texts (str).")
    raw, cut = encoded(list(given), info.vocabulary, info.shape[0])
    if cut.any():
        say(f"{plural(int(cut.sum()), 'text')} of {len(raw):,} longer than {info.shape[0]} tokens, cut")
    return info.normalise(raw)


def texts(info: DataInfo, x: Tensor) -> list[str]:
    """x (n, length) -> texts."""
    check(info)
    return decoded(info.restore(x), info.vocabulary)


def check(info: DataInfo) -> None:
    """UserError: these are no data of texts."""
    if not info.vocabulary:
        raise UserError(f"This model takes {kind_of(info).samples}, not texts.")
