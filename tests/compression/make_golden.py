"""Made the files under golden/, once, with the first release that wrote them; they must decode for ever.

python tests/compression/make_golden.py NAME     adds a set of files; one that is there is never written again
"""

import gzip
import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parent.parent / "training"))
from steps import digits, trainer

from aegean.codec import unpack
from aegean.compression import compress, decompress

GOLDEN = Path(__file__).parent / "golden"
SETTINGS = {
    "codec": ("codec", {"width": 4, "depth": 3, "levels": 6}),
    "transform": ("codec", {"width": 4, "quality": 300.0, "lossless": False}),
    "residual": ("vq_ae", {"width": 4, "depth": 4, "quantiser": "residual", "levels": 8, "stages": 3}),
}


def make(name):
    folder = GOLDEN / name
    folder.mkdir(parents=True)
    recipe, settings = SETTINGS[name]
    t = trainer(recipe, steps=60, **settings)
    for _ in t:
        pass
    model, pictures = t.model(), digits()[0][-30:]
    model.save(folder / "model.safetensors")
    packed = gzip.compress((folder / "model.safetensors").read_bytes(), mtime=0)
    (folder / "model.safetensors").unlink()
    (folder / "model.safetensors.gz").write_bytes(packed)
    wide = np.concatenate(list(pictures[:3]), 2)[:, :, :21]
    named = [("", picture) for picture in pictures] + [("wide/one", wide)]
    files = {"lossy": ("lossy", 0)}
    if name == "codec":
        files["lossless"] = ("lossless", 0)
    if name == "residual":
        files["two-stages"] = ("lossy", 2)
    expected = {"wide": wide, "pictures": pictures}
    for file, (kind, stages) in files.items():
        coder = model.coder(kind, stages)
        data = compress(coder, named)
        (folder / f"{file}.aeg").write_bytes(data)
        if kind == "lossy":
            header, (block,) = unpack(data)
            shape = (header.count, coder.stages if name == "residual" else coder.grid[0], *coder.grid[1:])
            expected[f"{file} symbols"] = coder.tables.decode(block[1:], shape)
            expected[f"{file} pixels"] = np.stack([values for _, values in decompress(coder, header, [block])][:30])
    np.savez_compressed(folder / "expected.npz", **expected)


if __name__ == "__main__":
    make(sys.argv[1])
