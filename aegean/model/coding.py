"""A model's images as the bytes of a file, and back."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import TYPE_CHECKING

from torch import Tensor

from aegean.codec import CodecError, unpack
from aegean.compression import TileCoder, coder_for, compress_tensors, decompress_tensors
from aegean.config import UserError
from aegean.model.checks import check_finite
from aegean.model.verbs import VERBS
from aegean.surface import option

if TYPE_CHECKING:
    from aegean.model.model import Model


def compress(model: Model, x: Tensor | Sequence[Tensor], lossless: bool, stages: int) -> bytes:
    """See `Model.compress`."""
    if lossless and stages:
        raise UserError(f"{option('stages', stages)} belongs to lossy files; leave it out, or lossless.")
    return compress_tensors(coder(model, "lossless" if lossless else "lossy", stages), x)


def decompress(model: Model, data: bytes) -> Tensor | list[Tensor]:
    """See `Model.decompress`."""
    try:
        header, blocks = unpack(data)
        x = decompress_tensors(coder(model, header.kind), header, blocks)
    except CodecError as error:
        raise CodecError(f"These bytes are refused: {error}.") from None
    return x.to(model.device) if isinstance(x, Tensor) else [image.to(model.device) for image in x]


def coder(model: Model, kind: str, stages: int = 0) -> TileCoder:
    """See `Model.coder`."""
    verb = "compress_lossless" if kind == "lossless" else "compress"
    model.need(verb)
    check_finite([model.nets[name].state_dict() for name in VERBS[verb].needs if name in model.nets], model.nets)
    silent = copy.copy(model)  # blocks are coded side by side: no bar for each
    silent.progress = iter
    return coder_for(kind, model.specs, model.nets, model.info, silent.run, stages)
