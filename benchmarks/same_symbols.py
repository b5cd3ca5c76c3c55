"""Are compressed files the same bits on a GPU and on the processor? With the models of tests/compression/golden.

    python benchmarks/same_symbols.py [--device cuda]

For each model and kind of file: the files of the first release, and one that is written here on the processor, decode
on the device to the same symbols; pixels are exact in lossless files and within 1 in lossy ones, whose decoder is a
float network. Symbols that were decoded are written on the device as the same bytes. Not demanded: that the encoder,
a float network, too, gives the same symbols on both: `encoder` is the share that does. The last line is JSON.
"""

from __future__ import annotations

import argparse
import gzip
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import torch
from common import arguments, line, results, rounded

from aegean.codec import unpack
from aegean.compression import Lossy, compress, decompress
from aegean.model import Model

GOLDEN = Path(__file__).parent.parent / "tests" / "compression" / "golden"
CPU = torch.device("cpu")


def main() -> None:
    parser = arguments(__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("--device", default="cpu", choices=("cpu", "cuda"))
    asked = parser.parse_args()
    device, count = torch.device(asked.device), 20 if asked.quick else 2_000
    with results("same_symbols", device, files={}) as found:
        line("", "symbols", "bytes", "pixels", "encoder")
        for folder in sorted(GOLDEN.iterdir()):
            models = [load(folder, place) for place in (CPU, device)]
            expected = np.load(folder / "expected.npz")
            pictures = np.tile(expected["pictures"], (-(-count // 30), 1, 1, 1))[:count]
            files = {file.name: file.read_bytes() for file in sorted(folder.glob("*.aeg"))}
            for kind in sorted({unpack(data)[0].kind for data in files.values()}):
                files[f"fresh {kind}"] = compress(models[0].coder(kind), [("", picture) for picture in pictures])
            for name, data in files.items():
                row = compare(models, data, pictures)
                found["files"][f"{folder.name} {name}"] = row
                line(f"{folder.name} {name}", *row.values())
    wrong = [name for name, row in found["files"].items() if not all((row["symbols"], row["bytes"], row["pixels"]))]
    if wrong:
        raise SystemExit(f"{len(wrong)} of {len(found['files'])} files differ: {', '.join(wrong)}")


def load(folder: Path, device: torch.device) -> Model:
    with tempfile.TemporaryDirectory() as name:
        file = Path(name) / "model.safetensors"
        file.write_bytes(gzip.decompress((folder / "model.safetensors.gz").read_bytes()))
        return Model.load(file).to(device)


def compare(models: list[Model], data: bytes, pictures: np.ndarray) -> dict[str, Any]:
    """Whether a file's symbols, bytes and pixels are the same by two models, and the share of the symbols of pictures
    (n, *shape) that their encoders agree on."""
    header, blocks = unpack(data)
    here, there = coders = [model.coder(header.kind) for model in models]
    shape, head, kind = here.info.shape, 0, header.dtype
    if isinstance(here, Lossy):
        stages, (channels, *grid) = blocks[0][0], here.grid
        shape, head, kind = (stages if stages < here.most else channels, *grid), 1, "int64"
    symbols = written = True
    for number, block in enumerate(blocks):
        count = min(header.group, header.count - number * header.group)
        mine, other = (coder.tables.decode(block[head:], (count, *shape)).astype(kind) for coder in coders)
        symbols &= np.array_equal(mine, other)
        written &= there.tables.encode(mine) == block[head:]
    pixels = ([values.astype(int) for _, values in decompress(coder, header, blocks)] for coder in coders)
    off = max(int(np.abs(mine - other).max()) for mine, other in zip(*pixels))
    share = float(np.mean(here.symbols(pictures) == there.symbols(pictures))) if head else None
    return {"symbols": symbols, "bytes": written, "pixels": off <= head, "encoder": rounded(share)}


if __name__ == "__main__":
    main()
