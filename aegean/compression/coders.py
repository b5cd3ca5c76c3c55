"""Tiles to bytes and back: through an autoencoder's symbols, or exactly. Tables are chosen by whole numbers alone."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Protocol

import numpy as np
import torch
from torch import nn

from aegean.codec import CodecError
from aegean.compression.fingerprint import fingerprint
from aegean.compression.frames import FrameCoder
from aegean.compression.kinds import KINDS
from aegean.config import Net, UserError, to_json
from aegean.data.batch import Batch
from aegean.data.info import DataInfo
from aegean.latent import Quantised
from aegean.nets import CountModel
from aegean.surface import option

GROUP = 3 << 21  # bytes of raw values in a block: so long that its products, not Python, take the time


class TileCoder(Protocol):
    """Raw tiles (n, *shape) of a model's data to bytes and back; `fingerprint` is 16 bytes that another model, with
    which bytes would mean other tiles, has otherwise."""

    kind: str
    info: DataInfo
    fingerprint: bytes

    def encode(self, raw: np.ndarray) -> bytes: ...
    def decode(self, data: bytes, count: int) -> np.ndarray: ...


def check(nets: Mapping[str, Any], info: DataInfo) -> None:
    """AssertionError: networks for coding that do not belong together, in a description that a stranger wrote."""
    if "pixels" in nets:
        assert info.kind in KINDS and info.dtype == "uint8", "exact pixels of no 8-bit images"
        assert nets["pixels"].takes == (info.shape[0], 256), "tables for other pixels"
    if "symbols" in nets:
        bottleneck = nets["bottleneck"]
        assert isinstance(bottleneck, Quantised), "symbols of no quantised bottleneck"
        assert nets["symbols"].takes == (bottleneck.grid[0], bottleneck.levels), "tables for other symbols"
        assert bottleneck.stages == 1 or isinstance(nets["symbols"], CountModel), "stages that look at each other"


def group_size(info: DataInfo) -> int:
    """Tiles in a block."""
    return max(1, GROUP // (int(np.prod(info.shape)) * np.dtype(info.dtype).itemsize))


def coder_for(
    kind: str,
    specs: Mapping[str, Net],
    nets: Mapping[str, nn.Module],
    info: DataInfo,
    run: Callable[..., Any],
    stages: int = 0,
    quality: float = 1.0,
) -> Any:
    """The coder of a model.

    kind: "lossy", "lossless", or the one of its kind of data.
    specs, nets, info: the model's.
    run: its `Model.run`, tiles through a path.
    stages: of a residual quantiser, 0 for all of them.
    quality: of sounds, in (0, 1]: 1 / quality times as coarsely as the codec can they are rounded.
    UserError: more stages than there are, or a quality of images; weights or tables that cannot be whole numbers of
        the size that is allowed.
    """
    if kind not in KINDS[info.kind].files:
        held = next(row.thing for row in KINDS.values() if kind in row.files)
        raise CodecError(f"it holds {held}s, and this model is for {KINDS[info.kind].thing}s")
    try:
        if kind == "lossless":
            return Lossless(nets, info)
        return CODERS[info.kind](specs, nets, info, run, stages, quality)
    except AssertionError as error:
        raise UserError(f"This model's tables are damaged ({error}); restore it from a copy.") from None


def _range(info: DataInfo) -> list[Any]:
    return [info.dtype, list(info.shape), list(info.offset), list(info.scale)]


class Lossless:
    """Exact pixels: an integer network sees the neighbours of each."""

    kind = "lossless"

    def __init__(self, nets: Mapping[str, nn.Module], info: DataInfo):
        self.info = info
        pixels: Any = nets["pixels"]
        self.tables = pixels.frozen()
        self.fingerprint = fingerprint(self.kind, _range(info), self.tables.fingerprint)

    def encode(self, raw: np.ndarray) -> bytes:
        return self.tables.encode(raw)

    def decode(self, data: bytes, count: int) -> np.ndarray:
        return self.tables.decode(data, (count, *self.info.shape)).astype(self.info.dtype)


class Lossy:
    """The symbols of an autoencoder's latent. The decoder that turns them into pictures is a float network, so pixels
    may differ by rounding from one machine to another; the symbols never do.

    `stages`: how many of a residual quantiser's are written, from the first on; 0: all. It is the first byte of every
    block.
    """

    kind = "lossy"

    def __init__(
        self,
        specs: Mapping[str, Net],
        nets: Mapping[str, nn.Module],
        info: DataInfo,
        run: Callable[..., Any],
        stages: int = 0,
        quality: float = 1.0,
    ):
        if quality != 1:
            raise UserError(f"{option('quality', quality)} is for sounds; a codec of images has the one it has learnt.")
        self.nets, self.info, self.run = nets, info, run
        symbols: Any = nets["symbols"]
        self.tables = symbols.frozen()
        bottleneck: Any = nets["bottleneck"]
        if not 0 <= stages <= bottleneck.stages:
            raise UserError(f"{stages} stages: this model has {bottleneck.stages}, of a residual quantiser.")
        self.most, self.stages, self.grid = bottleneck.stages, stages or bottleneck.stages, bottleneck.grid
        state = [value for name in ("bottleneck", "G") for _, value in sorted(nets[name].state_dict().items())]
        described = [to_json(specs[name]) for name in ("bottleneck", "G")]
        self.fingerprint = fingerprint(self.kind, _range(info), described, self.tables.fingerprint, *state)

    def encode(self, raw: np.ndarray) -> bytes:
        symbols = self.symbols(raw)
        if self.stages < self.most:
            symbols = np.ascontiguousarray(symbols[:, : self.stages])
        return bytes([self.stages]) + self.tables.encode(symbols)

    def decode(self, data: bytes, count: int) -> np.ndarray:
        stages, (channels, height, width) = data[0] if data else 0, self.grid
        if not 0 < stages <= self.most:
            raise CodecError(f"a block has {stages} stages of a quantiser that has {self.most}")
        channels = stages if stages < self.most else channels
        return self.pictures(self.tables.decode(data[1:], (count, channels, height, width)))

    def symbols(self, raw: np.ndarray) -> np.ndarray:
        """Raw tiles (n, *shape) -> symbols (n, channels, height, width) int64."""
        return self.run("latent.symbols", Batch(self.info.normalise(raw))).long().cpu().numpy()

    def pictures(self, symbols: np.ndarray) -> np.ndarray:
        """Symbols (n, channels or fewer, height, width) -> raw tiles (n, *shape)."""
        bottleneck: Any = self.nets["bottleneck"]
        G: Any = self.nets["G"]
        x = self.run(lambda p: G.mean(G(bottleneck.to_codes(p.x))), Batch(torch.from_numpy(symbols)))
        return self.info.restore(x)


CODERS: dict[str, Callable[..., Any]] = {"image": Lossy, "audio": FrameCoder}
