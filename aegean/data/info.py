"""What the rest of the house must know about a data set: shape, range, classes. Stored with every model."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from aegean.config import Config
from aegean.data.column import Column, trained

if TYPE_CHECKING:
    from torch import Tensor

    from aegean.data.coder import Coder

INTEGERS = {"uint8": 255, "uint16": 65535}
DRAWN = 0.2  # of neighbouring pixels that are equal: drawings have more of them, photographs fewer
KIND_OF_AXES = {1: "table", 3: "image"}  # where a file of format 1 does not say it


@dataclass(frozen=True)
class DataInfo(Config):
    """A data set as its models see it.

    A model's value is (raw - offset) / scale: in [-1, 1] for pictures and ranged arrays, standardised for
    tables. `offset` and `scale` hold one number, or one per column.
    """

    name: str
    shape: tuple[int, ...]  # of a sample: (channels, height, width), (columns,), ...
    offset: tuple[float, ...]
    scale: tuple[float, ...]
    dtype: str = "uint8"  # of the raw samples: uint8, uint16, float32, or float64 of columns that float32 would blur
    count: int = 0  # training samples
    test_count: int = 0
    classes: tuple[str, ...] = ()  # names; empty without labels
    class_counts: tuple[int, ...] = ()  # training samples of each class
    columns: tuple[str, ...] = ()  # names of a table's columns
    table: tuple[Column, ...] = ()  # what they hold, where they are not all numbers (data.column)
    fingerprint: str = ""  # sha256 of the packed content: runs compare only where it agrees
    kind: str = ""  # image, table, audio, text (data.kinds.KINDS); "": by the number of axes
    flat: float = 1.0  # share of neighbouring pixels that are equal; 1 where there are none
    rate: int = 0  # samples a second, of audio
    vocabulary: tuple[str, ...] = ()  # of text; token 0 ends and pads
    target: DataInfo | None = None  # of data with two sides: the other one
    paired: bool = False  # whether each sample has its own partner on the other side

    def __post_init__(self) -> None:
        if not self.kind:
            object.__setattr__(self, "kind", KIND_OF_AXES.get(len(self.shape), ""))

    @property
    def packed(self) -> tuple[int, ...]:
        """The shape of a sample as it is stored: of mixed columns one value each, which becomes more in a model; pairs
        lie on each other, the other side's channels behind."""
        if self.table:
            return (len(trained(self.table)),)
        if not (self.paired and self.target):
            return self.shape
        return (self.shape[0] + self.target.shape[0], *self.shape[1:])

    @property
    def textured(self) -> bool:
        """Whether these are images with texture nearly everywhere, such as photographs; drawings, digits and symbols
        have flat areas."""
        return self.flat < DRAWN

    @property
    def choices(self) -> bool:
        """Whether samples are choices between states, which have probabilities: described columns, or tokens."""
        return bool(self.table or self.vocabulary)

    @cached_property
    def coder(self) -> Coder:
        """Of mixed columns: their raw values to those of a model, and back."""
        from aegean.data.coder import Coder

        return Coder(self.table)

    def normalise(self, raw: np.ndarray | Tensor) -> Tensor:
        """Raw samples (n, *shape) of any number type -> float32 model values."""
        import torch

        if self.table:
            return self.coder(torch.tensor(raw) if isinstance(raw, np.ndarray) else raw.double())
        exact = "float64" if self.dtype == "float64" else "float32"  # subtracted before it is rounded
        raw = torch.as_tensor(np.array(raw, exact) if isinstance(raw, np.ndarray) else raw)
        dtype = getattr(torch, exact)
        offset, scale = (torch.tensor(v, dtype=dtype, device=raw.device) for v in (self.offset, self.scale))
        return ((raw.to(dtype) - offset) / scale).float()

    def restore(self, x: Tensor) -> np.ndarray:
        """Model values (n, *shape) -> raw samples of `dtype`, rounded and clipped where it is an integer."""
        import torch

        if self.table:
            return self.coder.restore(x)
        offset, scale = (torch.tensor(v, dtype=torch.float64) for v in (self.offset, self.scale))
        values = x.detach().cpu().to(torch.float64, copy=True).mul_(scale).add_(offset)
        if self.dtype in INTEGERS:
            values.round_().clamp_(0, INTEGERS[self.dtype])
        return values.numpy().astype(self.dtype)
