"""Files of the first release decode for ever; `make_golden.py` says how they were made."""

import gzip
from pathlib import Path

import numpy as np
import pytest

from aegean.codec import unpack
from aegean.compression import decompress
from aegean.model import Model

GOLDEN = Path(__file__).parent / "golden"


@pytest.fixture(params=sorted(folder.name for folder in GOLDEN.iterdir()))
def golden(request, tmp_path):
    """A golden model and its folder."""
    folder = GOLDEN / request.param
    file = tmp_path / "model.safetensors"
    file.write_bytes(gzip.decompress((folder / "model.safetensors.gz").read_bytes()))
    return Model.load(file), folder


def test_golden_files_still_decode(golden):
    model, folder = golden
    expected = np.load(folder / "expected.npz")
    for file in folder.glob("*.aeg"):
        header, blocks = unpack(file.read_bytes())
        assert [picture.name for picture in header.pictures] == [""] * 30 + ["wide/one"]
        coder = model.coder(header.kind)
        *small, (_, wide) = decompress(coder, header, blocks)
        assert wide.shape == expected["wide"].shape
        if header.kind == "lossless":
            assert np.array_equal(np.stack([values for _, values in small]), expected["pictures"])
            assert np.array_equal(wide, expected["wide"])
            continue
        symbols = expected[f"{file.stem} symbols"]
        found = coder.tables.decode(blocks[0][1:], symbols.shape)
        assert np.array_equal(found, symbols)
        pictures = np.stack([values for _, values in small]).astype(int)
        off = np.abs(pictures - expected[f"{file.stem} pixels"].astype(int))
        assert off.max() <= 1  # a float network's rounding


def test_golden_symbols_are_written_as_they_were(golden):
    """The encoder's side, too, is a function of whole numbers."""
    model, folder = golden
    expected = np.load(folder / "expected.npz")
    for file in folder.glob("*.aeg"):
        header, (block,) = unpack(file.read_bytes())
        coder = model.coder(header.kind)
        if header.kind == "lossless":
            continue
        assert coder.tables.encode(expected[f"{file.stem} symbols"]) == block[1:]
