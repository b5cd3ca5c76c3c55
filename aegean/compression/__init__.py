"""Images to bytes and back: cut into tiles, through a model's networks, coded block by block."""

from aegean.compression.coders import LOSSLESS, LOSSY, Lossless, Lossy, TileCoder, check, coder_for
from aegean.compression.kinds import KINDS
from aegean.compression.stream import compress, decompress
from aegean.compression.tensors import compress_tensors, decompress_tensors

__all__ = [
    "KINDS",
    "LOSSLESS",
    "LOSSY",
    "Lossless",
    "Lossy",
    "TileCoder",
    "check",
    "coder_for",
    "compress",
    "compress_tensors",
    "decompress",
    "decompress_tensors",
]
