"""What `info` tells of an .aeg file."""

from __future__ import annotations

import shlex
from collections import Counter
from pathlib import Path
from typing import Any

from aegean.cli.outputs import facts
from aegean.codec import CodecError, unpack
from aegean.codec.container import Header, read_header
from aegean.codec.pictures import Header as PictureHeader
from aegean.codec.sounds import SoundHeader
from aegean.config import UserError
from aegean.surface import plural

LIMIT = 4 << 30  # bytes of a file that is read


def described(file: str) -> dict[str, Any]:
    """What an .aeg file says of itself, as plain values. UserError: it is refused."""
    data = read(file)
    try:
        header = read_header(data)
        unpack(data)
    except CodecError as error:
        raise UserError(f"{file} is refused: {error}.") from None
    return {"file": file, "kind": header.kind, "bytes": len(data), "model": header.model.hex()} | of(header, len(data))


def of(header: Header, size: int) -> dict[str, Any]:
    """What is said of pictures or of sounds."""
    common = {"blocks": header.blocks, "names": header.names}
    if isinstance(header, SoundHeader):
        seconds = sum(sound.length / sound.rate for sound in header.sounds)
        return {
            "sounds": len(header.sounds),
            "forms": [{"rate": rate, "channels": channels, "sounds": n} for (rate, channels), n in forms(header)],
            "seconds": seconds,
            "kbit_per_second": 8 * size / seconds / 1000,
            "rate": header.rate,
            "hop": header.hop,
            "depth": header.depth,
            **common,
        }
    values = sum(p.height * p.width * p.channels for p in header.pictures)
    return {
        "pictures": len(header.pictures),
        "sizes": [{"height": h, "width": w, "channels": c, "pictures": n} for (h, w, c), n in sizes(header)],
        "bits_per_value": 8 * size / values,
        "tile": list(header.tile),
        "dtype": header.dtype,
        "range": [header.offset - header.scale, header.offset + header.scale],
        **common,
    }


def forms(header: SoundHeader) -> list[tuple[tuple[int, int], int]]:
    """(rate, channels) and how many sounds have them, the most frequent first."""
    return Counter((sound.rate, len(sound.gains)) for sound in header.sounds).most_common()


def sizes(header: PictureHeader) -> list[tuple[tuple[int, int, int], int]]:
    """(height, width, channels) and how many pictures have it, the most frequent first."""
    return Counter((p.height, p.width, p.channels) for p in header.pictures).most_common()


def description(found: dict[str, Any]) -> str:
    """`described` as text."""
    rows = [("kind", found["kind"]), *(_of_sounds(found) if "sounds" in found else _of_pictures(found))]
    rows.append(("model", f"{found['model']} (fingerprint)"))
    if names := [name for name in found["names"][:3] if name]:
        rows.append(("names", ", ".join(names) + (", ..." if len(found["names"]) > len(names) else "")))
    place = shlex.quote(found["file"])
    return f"{facts(rows)}\nnext: aegean decompress {place} --model RUN --out folder/"


def _of_pictures(found: dict[str, Any]) -> list[tuple[str, str]]:
    shown = [f"{s['pictures']:,} of {s['height']}x{s['width']}x{s['channels']}" for s in found["sizes"][:6]]
    more = ", ..." if len(found["sizes"]) > 6 else ""
    each = found["bytes"] / found["pictures"]
    return [
        ("images", f"{found['pictures']:,}: {', '.join(shown)}{more} (height, width, channels)"),
        ("bytes", f"{found['bytes']:,}, {each:,.1f} an image, {found['bits_per_value']:.3f} bits a value"),
        ("tile", "x".join(map(str, found["tile"])) + f", {found['blocks']:,} blocks"),
        ("values", f"{found['dtype']} from {found['range'][0]:g} to {found['range'][1]:g}"),
    ]


def _of_sounds(found: dict[str, Any]) -> list[tuple[str, str]]:
    shown = [f"{f['sounds']:,} of {f['rate']} Hz, {plural(f['channels'], 'channel')}" for f in found["forms"][:6]]
    more = ", ..." if len(found["forms"]) > 6 else ""
    return [
        ("sounds", f"{found['sounds']:,}: {', '.join(shown)}{more}; {found['seconds']:,.1f} s"),
        ("bytes", f"{found['bytes']:,}, {found['kbit_per_second']:.2f} kbit/s"),
        ("coded at", f"{found['rate']} Hz, {found['depth']} symbols for {1000 * found['hop'] / found['rate']:g} ms"),
    ]


def read(file: str) -> bytes:
    """The bytes of a file. UserError: it is missing or too large."""
    path = Path(file)
    if not path.is_file():
        raise UserError(f"{file} is no file; give one that `aegean compress` has written.")
    if path.stat().st_size > LIMIT:
        raise UserError(f"{file} has more than {LIMIT >> 30} GiB, more than an .aeg file can have.")
    return path.read_bytes()
