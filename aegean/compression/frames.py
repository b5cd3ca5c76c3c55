"""Sounds to symbols, symbols to bytes, and back: places of a grid along time."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import torch
from torch import nn

from aegean.codec.pictures import BLOCK_VALUES
from aegean.compression.fingerprint import fingerprint
from aegean.config import Net, UserError, to_json
from aegean.data.batch import Batch
from aegean.data.info import DataInfo
from aegean.surface import option, say

ROW = 128  # places of a row: so many products one after another
GROUP = 256  # rows of a block, at most


class FrameCoder:
    """Even sounds of one channel, at the model's rate, to bytes and back. The sounds come from a float network and may
    differ by rounding from one machine to another; symbols never do.

    `quality`: by which they are quieter than even, and so rounded more coarsely; below what training has heard it is
    said that they may suffer.

    A chunk of a sound or of its symbols comes with up to `reach` hops of what is before and behind it, all that it can
    depend on: so chunks change nothing but rounding.
    """

    kind = "sound"

    def __init__(
        self,
        specs: Mapping[str, Net],
        nets: Mapping[str, nn.Module],
        info: DataInfo,
        run: Callable[..., Any],
        stages: int = 0,
        quality: float = 1.0,
    ):
        if stages:
            raise UserError(f"{stages} stages: this model has no residual quantiser.")
        if not 0 < quality <= 1:
            raise UserError(f"{option('quality', quality)}: expected a number above 0, at most 1.")
        self.nets, self.info, self.run, self.quality = nets, info, run, quality
        level: Any = nets["level"]
        learnt = 10 ** (-level.spread / 20)
        if quality < 0.99 * learnt:
            say(f"note: this codec has learnt qualities from {learnt:.2g} on, not {quality:g}: it may sound too poor")
        symbols: Any = nets["symbols"]
        self.tables = symbols.frozen()
        E: Any = nets["E"]
        G: Any = nets["G"]
        self.hop, self.grid, self.reach = G.hop, G.grid, max(E.radius, G.radius)
        self.depth = math.prod(self.grid)
        self.group = max(1, min(GROUP, BLOCK_VALUES // (self.depth * ROW)))
        state = [value for name in ("bottleneck", "G") for _, value in sorted(nets[name].state_dict().items())]
        described = [to_json(specs[name]) for name in ("bottleneck", "G")]
        self.fingerprint = fingerprint(self.kind, info.rate, described, self.tables.fingerprint, *state)

    def encode(self, rows: np.ndarray) -> bytes:
        """Rows of symbols (n, depth, ROW) -> bytes."""
        return self.tables.encode(rows.reshape(len(rows), *self.grid, ROW).astype(np.int64))

    def decode(self, data: bytes, count: int) -> np.ndarray:
        """The inverse, (count, depth, ROW) uint8."""
        return self.tables.decode(data, (count, *self.grid, ROW)).reshape(count, self.depth, ROW).astype(np.uint8)

    def symbols(self, chunk: np.ndarray, before: int, count: int) -> np.ndarray:
        """Of the `count` samples after the first `before` of even sounds (m, n), the symbols (m, depth, places) uint8;
        the last hop may be cut off."""
        found = self.run(self._symbols, Batch(torch.from_numpy(chunk)[:, None])).flatten(1, 2)
        first, places = before // self.hop, -(-count // self.hop)
        return found[:, :, first : first + places].to(torch.uint8).cpu().numpy()

    def sounds(self, chunk: np.ndarray, before: int, count: int) -> np.ndarray:
        """Of the `count` places after the first `before` of symbols (m, depth, n), the even sounds (m, count * hop)."""
        found = self.run(self._sounds, Batch(torch.from_numpy(chunk)))[:, 0]
        return found[:, before * self.hop : (before + count) * self.hop].cpu().numpy()

    def _symbols(self, p: Any) -> torch.Tensor:
        return p.nets["bottleneck"](p.nets["E"](p.x)[-1]).symbols

    def _sounds(self, p: Any) -> torch.Tensor:
        G = p.nets["G"]
        return G.mean(G(p.nets["bottleneck"].to_codes(p.x)))
