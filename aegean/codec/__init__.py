"""Bytes and numpy only: entropy coding with integer tables, integer contexts, and the container of .aeg files."""

from aegean.codec.coder import Decoder, Encoder, Tables, frequencies
from aegean.codec.container import Header, Refused, pack, unpack

__all__ = ["Decoder", "Encoder", "Header", "Refused", "Tables", "frequencies", "pack", "unpack"]
