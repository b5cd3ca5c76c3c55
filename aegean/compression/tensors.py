"""Images as tensors in a model's range to bytes and back, for those who call from Python."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from aegean.codec import Header
from aegean.compression.coders import TileCoder
from aegean.compression.stream import compress, decompress
from aegean.config import UserError

CHUNK = 1 << 22  # values that are turned into pixels at a time


def compress_tensors(coder: TileCoder, x: Tensor | Sequence[Tensor]) -> bytes:
    """Images (n, channels, H, W), or a sequence of (channels, H, W) of any sizes, -> the bytes of a file."""
    if isinstance(x, Tensor) and x.dim() == 4:
        parts: Sequence[Tensor] = x.split(max(1, CHUNK // max(1, x[:1].numel())))
    else:
        parts = [torch.as_tensor(image)[None] for image in x]
    return compress(coder, (("", raw) for part in map(_checked, parts) for raw in coder.info.restore(part)))


def decompress_tensors(coder: TileCoder, header: Header, blocks: list[bytes]) -> Tensor | list[Tensor]:
    """A file's checked content -> its images: (n, channels, H, W) where all are of one size, else a list."""
    found = [values for _, values in decompress(coder, header, blocks)]
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
