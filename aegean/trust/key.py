"""A key: the secret of a mark, and what is known of the pictures that it marks."""

from __future__ import annotations

import hashlib
import json
import re
import secrets
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from aegean.config import UserError, parse_json
from aegean.files import read_text, write_atomically
from aegean.nets.marked import BITS
from aegean.trust.kinds import LEAST, MOST

DIGITS = 64  # hexadecimal, of a secret


@dataclass(frozen=True)
class Key:
    """secret: DIGITS hexadecimal digits; carriers and bits follow from it.
    shape: of the pictures, (C, H, W); () before a model was marked.
    band: places in the cosine spectrum (C, H, W) that carry the mark, flat.
    mean: (C, H, W) of unmarked pictures, in [-1, 1], flat.
    mixing: (BITS, BITS), which makes readings of unmarked pictures independent.
    chances: how many times as often as one place would, some place of an unmarked picture agrees.
    """

    secret: str
    shape: tuple[int, ...] = ()
    band: tuple[int, ...] = ()
    mean: tuple[float, ...] = ()
    mixing: tuple[tuple[float, ...], ...] = ()
    chances: float = 1.0

    @property
    def bits(self) -> np.ndarray:
        """(BITS,) of -1 and 1."""
        digest = hashlib.sha256(f"bits {self.secret}".encode()).digest()
        return 2.0 * np.unpackbits(np.frombuffer(digest, np.uint8))[:BITS] - 1

    def random(self) -> np.random.Generator:
        """That of the carriers: a stream of numbers that nobody tells without the secret."""
        digest = hashlib.sha256(f"carriers {self.secret}".encode()).digest()
        return np.random.default_rng(np.frombuffer(digest, np.uint32))


def new_key() -> Key:
    return Key(secrets.token_hex(DIGITS // 2))


def read_key(file: str | Path) -> Key:
    """A key file: one of ours, or a line of DIGITS hexadecimal digits. UserError: neither."""
    path = Path(file)
    if not path.is_file():
        raise UserError(f"{file} is no file; `aegean mark RUN --key {file} --out RUN2` makes a key.")
    text = read_text(path).strip()
    if not text.startswith("{"):
        return Key(checked(text, file))
    found = parse_json(text, str(file))
    try:
        assert isinstance(found, dict)
        channels, height, width = shape = tuple(found["shape"])
        band = tuple(found["band"])
        mixing, mean = np.array(found["mixing"], np.float64), np.array(found["mean"], np.float64)
        chances = float(found["chances"])
        assert channels in (1, 3) and all(type(n) is int and LEAST <= n <= MOST for n in (height, width))
        assert all(type(n) is int and 0 <= n < np.prod(shape) for n in band) and len(set(band)) == len(band) >= BITS
        assert mixing.shape == (BITS, BITS) and mean.shape == (np.prod(shape),)
        assert np.isfinite(mixing).all() and (mixing**2).sum(1).min() > 0
        assert np.isfinite(mean).all() and 0 < chances < 1e9
    except (AssertionError, KeyError, TypeError, ValueError):
        raise UserError(f"{file} is not a whole key; restore it from a copy, or mark the model anew.") from None
    rows = tuple(map(tuple, mixing.tolist()))
    return Key(checked(str(found.get("secret")), file), shape, band, tuple(mean.tolist()), rows, chances)


def checked(secret: str, file: str | Path) -> str:
    """UserError: it is no secret."""
    if not re.fullmatch(f"[0-9a-fA-F]{{{DIGITS}}}", secret):
        what = f"{len(secret)} characters" if len(secret) != DIGITS else "other characters"
        raise UserError(
            f"{file} holds {what}; a key has {DIGITS} hexadecimal digits, as `openssl rand -hex {DIGITS // 2}` "
            "gives them."
        )
    return secret.lower()


def write_key(key: Key, file: str | Path) -> None:
    """For its owner alone."""
    path = Path(file)
    path.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(path, json.dumps(key.__dict__))
    path.chmod(0o600)
