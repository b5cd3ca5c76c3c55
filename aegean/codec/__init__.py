"""Bytes and numpy only: entropy coding with integer tables, integer contexts, and the container of .aeg files."""

from aegean.codec.coder import Decoder, Encoder, Tables, frequencies
from aegean.codec.container import CodecError, pack, unpack
from aegean.codec.pictures import Header

__all__ = ["CodecError", "Decoder", "Encoder", "Header", "Tables", "frequencies", "pack", "unpack"]
