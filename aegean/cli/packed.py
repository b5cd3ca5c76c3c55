"""What `info` tells of an .aeg file."""

from __future__ import annotations

import shlex
from collections import Counter
from pathlib import Path
from typing import Any

from aegean.cli.outputs import facts
from aegean.codec import CodecError, Header, unpack
from aegean.codec.container import read_header
from aegean.config import UserError

LIMIT = 4 << 30  # bytes of a file that is read


def described(file: str) -> dict[str, Any]:
    """What an .aeg file says of itself, as plain values. UserError: it is refused."""
    data = read(file)
    try:
        header = read_header(data)
        unpack(data)
    except CodecError as error:
        raise UserError(f"{file} is refused: {error}.") from None
    values = sum(p.height * p.width * p.channels for p in header.pictures)
    return {
        "file": file,
        "kind": header.kind,
        "pictures": len(header.pictures),
        "sizes": [{"height": h, "width": w, "channels": c, "pictures": n} for (h, w, c), n in sizes(header)],
        "bytes": len(data),
        "bits_per_value": 8 * len(data) / values,
        "model": header.model.hex(),
        "tile": list(header.tile),
        "dtype": header.dtype,
        "range": [header.offset - header.scale, header.offset + header.scale],
        "blocks": header.blocks,
        "names": [picture.name for picture in header.pictures],
    }


def sizes(header: Header) -> list[tuple[tuple[int, int, int], int]]:
    """(height, width, channels) and how many pictures have it, the most frequent first."""
    return Counter((p.height, p.width, p.channels) for p in header.pictures).most_common()


def description(found: dict[str, Any]) -> str:
    """`described` as text."""
    shown = [f"{s['pictures']:,} of {s['height']}x{s['width']}x{s['channels']}" for s in found["sizes"][:6]]
    more = ", ..." if len(found["sizes"]) > 6 else ""
    each = found["bytes"] / found["pictures"]
    rows = [
        ("kind", found["kind"]),
        ("images", f"{found['pictures']:,}: {', '.join(shown)}{more} (height, width, channels)"),
        ("bytes", f"{found['bytes']:,}, {each:,.1f} an image, {found['bits_per_value']:.3f} bits a value"),
        ("model", f"{found['model']} (fingerprint)"),
        ("tile", "x".join(map(str, found["tile"])) + f", {found['blocks']:,} blocks"),
        ("values", f"{found['dtype']} from {found['range'][0]:g} to {found['range'][1]:g}"),
    ]
    if names := [name for name in found["names"][:3] if name]:
        rows.append(("names", ", ".join(names) + (", ..." if found["pictures"] > len(names) else "")))
    place = shlex.quote(found["file"])
    return f"{facts(rows)}\nnext: aegean decompress {place} --model RUN --out folder/"


def read(file: str) -> bytes:
    """The bytes of a file. UserError: it is missing or too large."""
    path = Path(file)
    if not path.is_file():
        raise UserError(f"{file} is no file; give one that `aegean compress` has written.")
    if path.stat().st_size > LIMIT:
        raise UserError(f"{file} has more than {LIMIT >> 30} GiB, more than an .aeg file can have.")
    return path.read_bytes()
