"""Images to files and back: those that lie in files, and tensors in a model's range."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from aegean.codec import Header
from aegean.compression import stream
from aegean.compression.coders import TileCoder
from aegean.compression.stream import compress
from aegean.config import UserError
from aegean.data.info import DataInfo
from aegean.data.io.natural import natural_pictures, write_picture
from aegean.surface import option

__all__ = ["compress", "compress_tensors", "decompress", "decompress_tensors", "read", "size", "told"]

CHUNK = 1 << 22  # values that are turned into pixels at a time


def read(
    inputs: Sequence[str], info: DataInfo, exact: bool, skip_bad: bool, expect: Callable[[int], Any]
) -> Iterator[stream.Named]:
    return natural_pictures(inputs, info, exact, skip_bad, expect)


def size(values: np.ndarray) -> int:
    """Bytes of an image's raw values."""
    return values.nbytes


def told(sizes: Sequence[int], count: int) -> str:
    """What became of images of these sizes in a file of so many bytes."""
    return f"{count:,} bytes, {100 * count / sum(sizes):.1f} % of {sum(sizes):,}"


def decompress(coder: TileCoder, header: Header, blocks: list[bytes]) -> Iterator[tuple[str, Callable[[Path], None]]]:
    """A file's checked content -> names, and functions that write an image to a path without its ending."""
    for picture, values in stream.decompress(coder, header, blocks):
        yield picture.name, partial(write_picture, values)


def compress_tensors(coder: TileCoder, x: Tensor | Sequence[Tensor], rate: int = 0) -> bytes:
    """Images (n, channels, H, W), or a sequence of (channels, H, W) of any sizes, -> the bytes of a file."""
    if rate:
        raise UserError(f"{option('rate', rate)} belongs to sounds, and this model takes images; leave it out.")
    if isinstance(x, Tensor) and x.dim() == 4:
        parts: Sequence[Tensor] = x.split(max(1, CHUNK // max(1, x[:1].numel())))
    else:
        parts = [torch.as_tensor(image)[None] for image in x]
    return compress(coder, (("", raw) for part in map(_checked, parts) for raw in coder.info.restore(part)))


def decompress_tensors(coder: TileCoder, header: Header, blocks: list[bytes]) -> Tensor | list[Tensor]:
    """A file's checked content -> its images: (n, channels, H, W) where all are of one size, else a list."""
    found = [values for _, values in stream.decompress(coder, header, blocks)]
    if len({values.shape for values in found}) == 1:
        return coder.info.normalise(np.stack(found))
    return [coder.info.normalise(values) for values in found]


def _checked(x: Tensor) -> Tensor:
    """UserError: not images (n, channels, H, W) in a model's range."""
    if x.dim() != 4 or not x.is_floating_point() or not x.isfinite().all():
        raise UserError(
            f"Images of shape {tuple(x.shape[1:])} and type {x.dtype} were given: expected (channels, H, W), finite "
            "numbers in model range, from -1 to 1; `model.info.normalise(raw)` makes them of pixels."
        )
    return x
