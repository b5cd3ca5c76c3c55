"""What can be compressed: the networks that it takes, and the kinds of data, one row a kind."""

from __future__ import annotations

import importlib
from collections.abc import Iterable
from typing import Any, NamedTuple

from aegean.data.info import DataInfo

LOSSY = ("E", "bottleneck", "G", "symbols")  # networks that a lossy file needs
LOSSLESS = ("pixels",)  # and an exact one


class Kind(NamedTuple):
    """What compression asks of a kind.

    module: carries things of this kind into a file and back; named, so that asking needs no torch. It has
        read(inputs, info, exact, skip_bad, expect) -> (name, thing), one after another;
        compress(coder, named things) -> the bytes of a file;
        decompress(coder, header, blocks) -> (name, function that writes the thing to a path without its ending);
        and the same for tensors: compress_tensors, decompress_tensors.
    needs: networks beside LOSSY.
    files: kinds of files that hold such things.
    """

    module: str
    thing: str
    ending: str  # of a file with one of them
    needs: tuple[str, ...] = ()
    files: tuple[str, ...] = ("lossy", "lossless")

    def room(self) -> Any:
        return importlib.import_module(self.module)


KINDS: dict[str, Kind] = {
    "image": Kind("aegean.compression.images", "image", ".png"),
    "audio": Kind("aegean.compression.sounds", "sound", ".wav", needs=("level",), files=("sound",)),
}


def takes(info: DataInfo, nets: Iterable[str]) -> bool:
    """Whether networks of these names can put data of this kind into files."""
    return info.kind in KINDS and set(KINDS[info.kind].needs) <= set(nets)
