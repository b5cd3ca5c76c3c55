"""Files that are either the old one or the new one, whenever the power goes."""

from __future__ import annotations

import contextlib
import errno
import os
from pathlib import Path

from aegean.config import UserError

FULL = (errno.ENOSPC, errno.EDQUOT)


def write_atomically(file: Path, data: bytes | str) -> None:
    """Write to a temporary name beside `file`, flush to disk, rename. The old file stays until then.

    UserError: no space left on the device; nothing has changed.
    """
    temporary = file.with_name(f".{file.name}.{os.getpid()}.tmp")
    try:
        with temporary.open("wb") as out:
            out.write(data.encode() if isinstance(data, str) else data)
            out.flush()
            os.fsync(out.fileno())
        temporary.replace(file)
    except OSError as error:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)
        if error.errno in FULL:
            raise UserError(f"No space left to write {file} ({len(data):,} bytes); free some and resume.") from None
        raise
