"""Images and sounds to bytes and back: in tiles or chunks, through a model's networks, coded block by block."""

from aegean.lazy import exports

__getattr__, __all__ = exports(
    __name__,
    {
        "coders": ("Lossless", "Lossy", "TileCoder", "check", "coder_for"),
        "kinds": ("KINDS", "LOSSLESS", "LOSSY"),
        "stream": ("compress", "decompress"),
    },
)
