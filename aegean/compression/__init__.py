"""Pictures to bytes and back: cut into tiles, through a model's networks, coded block by block."""

from aegean.compression.coders import LOSSLESS, LOSSY, Lossless, Lossy, TileCoder, check, coder_for
from aegean.compression.stream import compress, decompress

__all__ = ["LOSSLESS", "LOSSY", "Lossless", "Lossy", "TileCoder", "check", "coder_for", "compress", "decompress"]
