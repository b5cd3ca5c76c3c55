"""What tells a model with which bytes would mean something else."""

from __future__ import annotations

import hashlib
import json
from typing import Any

from torch import Tensor


def fingerprint(*parts: Any) -> bytes:
    """16 bytes of tensors, bytes and JSON values."""
    digest = hashlib.blake2b(digest_size=16)
    for part in parts:
        if isinstance(part, Tensor):
            part = part.detach().cpu().contiguous().numpy()
            part = part.astype(part.dtype.newbyteorder("<")).tobytes()
        elif not isinstance(part, bytes):
            part = json.dumps(part, sort_keys=True).encode()
        digest.update(len(part).to_bytes(8, "little") + part)
    return digest.digest()
