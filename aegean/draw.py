"""Random numbers as a function of where they are used, not of when.

Every draw is a hash of (seed, stream, global sample index, element): there is no generator whose state could
be lost. So a run resumes exactly, and one process, two processes and gradient accumulation see the same noise.
"""

from __future__ import annotations

import hashlib
import math

import torch
from torch import Tensor

_GOLDEN = 0x9E3779B97F4A7C15 - 2**64  # as signed 64-bit
_MIX_1 = 0xBF58476D1CE4E5B9 - 2**64
_MIX_2 = 0x94D049BB133111EB - 2**64


def key(seed: int, *stream: str | int) -> int:
    """A signed 64-bit key for a seed and the names of a stream, as (7, "phase", "D", "prior")."""
    digest = hashlib.blake2b(repr((seed, *stream)).encode(), digest_size=8).digest()
    return int.from_bytes(digest, "little", signed=True)


def _mix(h: Tensor) -> Tensor:
    # The finaliser of SplitMix64 (Steele, Lea and Flood 2014); the masks make shifts logical.
    h = (h ^ ((h >> 30) & 0x3FFFFFFFF)) * _MIX_1
    h = (h ^ ((h >> 27) & 0x1FFFFFFFFF)) * _MIX_2
    return h ^ ((h >> 31) & 0x1FFFFFFFF)


def bits(stream: int, index: Tensor, count: int) -> Tensor:
    """64 random bits for each of `count` elements of the samples `index` (B,) int64 -> (B, count) int64."""
    sample = _mix(stream + (index[:, None] + 1) * _GOLDEN)
    element = torch.arange(1, count + 1, device=index.device)
    return _mix(sample + element * _GOLDEN)


def uniform(stream: int, index: Tensor, shape: tuple[int, ...]) -> Tensor:
    """Uniform on (0, 1), never exactly 0 or 1: index (B,) int64 -> (B, *shape) float32."""
    h = bits(stream, index, math.prod(shape))
    return (((h >> 41) & 0x7FFFFF).float() + 0.5).mul(2.0**-23).reshape(len(index), *shape)


def normal(stream: int, index: Tensor, shape: tuple[int, ...]) -> Tensor:
    """Standard normal by Box and Muller 1958: index (B,) int64 -> (B, *shape) float32."""
    count = math.prod(shape)
    h = bits(stream, index, (count + 1) // 2)
    radius = (((h >> 32) & 0xFFFFFFFF).float() + 0.5).mul(2.0**-32).clamp(max=1.0).log().mul(-2).sqrt()
    angle = (h & 0xFFFFFFFF).float().mul(2 * math.pi * 2.0**-32)
    return torch.cat((radius * angle.cos(), radius * angle.sin()), 1)[:, :count].reshape(len(index), *shape)


ROUNDS = 24  # each moves a place with probability 1/2: all but 6 in 10^8 are moved


def permutation(stream: int, place: Tensor, n: int) -> Tensor:
    """Where a shuffle of n things puts the one at `place` (...,) int64 in [0, n): a function of its arguments alone,
    so no order of n things is ever kept. The swap-or-not shuffle (Hoang, Morris and Rogaway 2012, figure 1)."""
    for round_ in range(ROUNDS):
        round_key = key(stream, round_)
        partner = (round_key % n - place) % n
        coin = _mix(round_key + (torch.maximum(place, partner) + 1) * _GOLDEN) & 1
        place = torch.where(coin.bool(), partner, place)
    return place
