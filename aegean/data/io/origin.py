"""Where a sample comes from, said in its file: that it was generated, by which model, from which seed.

PNG and JPEG say it in XMP, in the words of the IPTC (digital source type), WAV in its INFO list, .npz in an entry; of
other files a .json beside them says it. Whoever wants it gone takes it away with one command: it is for the honest.
"""

from __future__ import annotations

import io
import json
import zipfile
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from aegean import __version__
from aegean.config import UserError
from aegean.data.io.signed import Sign
from aegean.files import write_atomically

TYPES = "http://cv.iptc.org/newscodes/digitalsourcetype/"
GENERATED = "trainedAlgorithmicMedia"  # from nothing but a model
COMPOSITE = "compositeWithTrainedAlgorithmicMedia"  # from a user's sample and a model
PNG, JPEG = b"\x89PNG\r\n\x1a\n", b"\xff\xd8"
XMP = """<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>
<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
<rdf:Description rdf:about="" xmlns:Iptc4xmpExt="http://iptc.org/std/Iptc4xmpExt/2008-02-29/"
 xmlns:xmp="http://ns.adobe.com/xap/1.0/" xmlns:aegean="https://huggingface.co/models?library=aegean#"
 Iptc4xmpExt:DigitalSourceType="{type}" xmp:CreatorTool="{tool}" aegean:Model="{model}" aegean:Seed="{seed}"/>
</rdf:RDF></x:xmpmeta>
<?xpacket end="r"?>"""


class Origin(NamedTuple):
    """What a file says of its samples."""

    source: str  # GENERATED or COMPOSITE
    model: str  # fingerprint
    seed: int | None = None  # None: nothing was drawn
    sign: Sign | None = None  # what signs the file with its origin in it

    def values(self) -> dict[str, str | int | None]:
        tool = f"aegean {__version__}"
        return {"digital_source_type": TYPES + self.source, "tool": tool, "model": self.model, "seed": self.seed}


def write_with(path: Path, data: bytes | str, origin: Origin | None) -> None:
    """A file that says its origin, or has it beside it; whole or not at all."""
    if origin is None:
        write_atomically(path, data)
        return
    stamped = None if isinstance(data, str) else with_origin(data, origin)
    if origin.sign and (stamped is None or path.suffix == ".npz"):
        raise UserError(f"{path.name}: only PNG, JPEG and WAV files can be signed.")
    if origin.sign and stamped is not None:
        stamped = origin.sign(stamped, TYPES + origin.source)
    write_atomically(path, data if stamped is None else stamped)
    if stamped is None:
        write_beside(path, origin)


def write_beside(path: Path, origin: Origin) -> None:
    """The origin of a file that has no place for it, in a .json beside it."""
    write_atomically(path.with_name(f"{path.name}.json"), json.dumps(origin.values(), indent=1))


def add_origin(paths: Sequence[Path], origin: Origin | None) -> None:
    """To files that were just written."""
    for path in paths if origin else ():
        write_with(path, path.read_bytes(), origin)


def with_origin(data: bytes, origin: Origin) -> bytes | None:
    """The bytes of a PNG, JPEG, WAV or .npz with its origin; None: another file."""
    if data.startswith(PNG):
        return _in_png(data, _xmp(origin))
    if data.startswith(JPEG):
        return _in_jpeg(data, _xmp(origin))
    if data[:4] == b"RIFF" and data[8:12] == b"WAVE":
        return _in_wav(data, origin)
    return _in_npz(data, origin) if data.startswith(b"PK\x03\x04") else None


def read_origin(data: bytes) -> str:
    """What a PNG, a JPEG or a WAV says of its origin, as it stands there; "": nothing."""
    if data.startswith((PNG, JPEG)):
        begin, end = data.find(b"<x:xmpmeta"), data.find(b"</x:xmpmeta>")
        return data[begin:end].decode(errors="replace") if 0 <= begin < end else ""
    place = data.rfind(b"ICMT")
    length = int.from_bytes(data[place + 4 : place + 8], "little")
    return data[place + 8 : place + 8 + length].rstrip(b"\0").decode(errors="replace") if place >= 0 else ""


def _xmp(origin: Origin) -> bytes:
    values = origin.values()
    seed = "" if origin.seed is None else origin.seed
    text = XMP.format(type=values["digital_source_type"], tool=values["tool"], model=origin.model, seed=seed)
    return text.encode()


def _in_png(data: bytes, xmp: bytes) -> bytes:
    """Behind the header, an iTXt chunk of the keyword that XMP has in PNGs."""
    body = b"iTXt" + b"XML:com.adobe.xmp\0\0\0\0\0" + xmp
    chunk = (len(body) - 4).to_bytes(4, "big") + body + zlib.crc32(body).to_bytes(4, "big")
    after = len(PNG) + 25  # IHDR: length, name, 13 bytes, checksum
    return data[:after] + chunk + data[after:]


def _in_jpeg(data: bytes, xmp: bytes) -> bytes:
    """An APP1 segment behind the first segment, if that is JFIF's, which must stay the first."""
    body = b"http://ns.adobe.com/xap/1.0/\0" + xmp
    segment = b"\xff\xe1" + (len(body) + 2).to_bytes(2, "big") + body
    after = 4 + int.from_bytes(data[4:6], "big") if data[2:4] == b"\xff\xe0" else 2
    return data[:after] + segment + data[after:]


def _in_wav(data: bytes, origin: Origin) -> bytes:
    """A LIST of kind INFO behind the other chunks: software and comment."""
    values = origin.values()
    entries = ((b"ISFT", str(values["tool"])), (b"ICMT", json.dumps(values)))
    body = b"INFO" + b"".join(_entry(name, text.encode() + b"\0") for name, text in entries)
    data += b"\0" * (len(data) % 2) + b"LIST" + len(body).to_bytes(4, "little") + body
    return data[:4] + (len(data) - 8).to_bytes(4, "little") + data[8:]


def _entry(name: bytes, text: bytes) -> bytes:
    return name + len(text).to_bytes(4, "little") + text + b"\0" * (len(text) % 2)


def _in_npz(data: bytes, origin: Origin) -> bytes:
    entry, out = io.BytesIO(), io.BytesIO(data)
    np.lib.format.write_array(entry, np.array(json.dumps(origin.values())), allow_pickle=False)
    with zipfile.ZipFile(out, "a") as archive:
        archive.writestr("origin.npy", entry.getvalue())
    return out.getvalue()
