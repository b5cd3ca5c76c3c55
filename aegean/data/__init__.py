"""Data: from files of many formats to memory-mapped arrays, and what models must know about them."""

from aegean.lazy import exports

__getattr__, __all__ = exports(
    __name__,
    {
        "options": ("DataOptions",),
        "sets.dataset": ("Dataset",),
        "info": ("DataInfo",),
        "io.inputs": ("read_inputs", "write_samples"),
        "sets.opening": ("open_data",),
    },
)
