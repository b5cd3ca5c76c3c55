"""A model's images or sounds as the bytes of a file, and back."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from torch import Tensor

from aegean.codec import CodecError, unpack
from aegean.compression import KINDS, coder_for
from aegean.config import UserError
from aegean.model.checks import check_finite
from aegean.model.verbs import VERBS
from aegean.surface import option

if TYPE_CHECKING:
    from aegean.model.model import Model


def compress(
    model: Model, x: Tensor | Sequence[Tensor], lossless: bool, stages: int, rate: int, quality: float
) -> bytes:
    """See `Model.compress`."""
    for name, given, usual in (("stages", stages, 0), ("quality", quality, 1)):
        if lossless and given != usual:
            raise UserError(f"{option(name, given)} belongs to lossy files; leave it out, or lossless.")
    model.need("compress_lossless" if lossless else "compress")
    kind = KINDS[model.info.kind]
    mine = coder(model, "lossless" if lossless else kind.files[0], stages, quality)
    return kind.room().compress_tensors(mine, x, rate)  # type: ignore[no-any-return]


def decompress(model: Model, data: bytes) -> Tensor | list[Tensor]:
    """See `Model.decompress`."""
    try:
        header, blocks = unpack(data)
        mine = coder(model, header.kind)
        x = KINDS[model.info.kind].room().decompress_tensors(mine, header, blocks)
    except CodecError as error:
        raise CodecError(f"These bytes are refused: {error}.") from None
    return x.to(model.device) if isinstance(x, Tensor) else [one.to(model.device) for one in x]


def coder(model: Model, kind: str, stages: int = 0, quality: float = 1.0) -> Any:
    """See `Model.coder`."""
    verb = "compress_lossless" if kind == "lossless" else "compress"
    model.need(verb)
    check_finite([model.nets[name].state_dict() for name in VERBS[verb].needs if name in model.nets], model.nets)
    silent = copy.copy(model)  # blocks are coded side by side: no bar for each
    silent.progress = iter
    return coder_for(kind, model.specs, model.nets, model.info, silent.run, stages, quality)
