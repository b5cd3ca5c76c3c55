"""What a trained codec's files weigh, beside PNG, WebP and JPEG, and how fast they are written and read.

    python benchmarks/codec.py RUN --data cifar/ --count 1000

The test pictures go into one .aeg file, header counted; the other formats write a file for each picture, at every
quality, and are compared at equal PSNR of all pictures together. A table, and a line of JSON last.
"""

from __future__ import annotations

import argparse
import io
import json
import time
from collections.abc import Iterable
from typing import Any

import numpy as np
from PIL import Image

from aegean import api
from aegean.codec import unpack
from aegean.compression import compress, decompress
from aegean.data import open_data

QUALITIES = (1, 2, 5, 10, 15, 20, 25, 30, 40, 50, 60, 70, 80, 90, 95)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("run", help="a run of codec, vq_ae or lossless")
    parser.add_argument("--data", required=True, help="pictures of 8 bits with a test part")
    parser.add_argument("--count", type=int, default=1000)
    options = parser.parse_args()
    model, pictures = api.load(options.run), open_data(options.data).test[: options.count]
    found: dict[str, Any] = {"run": options.run, "count": len(pictures), "shape": list(pictures.shape[1:])}
    if "compress --lossless" in model.can():
        found["lossless"] = lossless(model, pictures)
    if "compress" in model.can():
        found["lossy"] = lossy(model, pictures)
    for kind in ("lossless", "lossy"):
        for name, value in found.get(kind, {}).items():
            print(f"{kind:<8}  {name:<20}  {value:,.4g}" if value is not None else f"{kind:<8}  {name:<20}  -")
    print(json.dumps(found))


def lossless(model: Any, pictures: np.ndarray) -> dict[str, Any]:
    """Bytes a picture (n, channels, H, W), and megabytes of raw values a second."""
    found, again = measured(model, "lossless", pictures)
    assert np.array_equal(again, pictures)
    others = {"PNG": {"optimize": True}, "WEBP": {"lossless": True, "method": 6}}
    for name, options in others.items():
        found[name.lower()] = mean(len(encoded(picture, name, **options)) for picture in pictures)
    return found


def lossy(model: Any, pictures: np.ndarray) -> dict[str, Any]:
    """Bytes a picture, PSNR, and what the others take for the same PSNR; None where they do not reach it."""
    found, again = measured(model, "lossy", pictures)
    found["psnr"] = psnr(pictures, again)
    for name, options in {"JPEG": {"optimize": True}, "WEBP": {"method": 6}}.items():
        curve = []
        for quality in QUALITIES:
            files = [encoded(picture, name, quality=quality, **options) for picture in pictures]
            curve.append(
                (psnr(pictures, np.stack([opened(file, pictures.shape[1]) for file in files])), mean(map(len, files)))
            )
        curve.sort()
        reached = curve[0][0] <= found["psnr"] <= curve[-1][0]
        found[name.lower()] = float(np.interp(found["psnr"], *zip(*curve))) if reached else None
    return found


def measured(model: Any, kind: str, pictures: np.ndarray) -> tuple[dict[str, Any], np.ndarray]:
    """Bytes a picture and speeds, the second time, and the pictures that come back."""
    coder = model.coder(kind)
    for _ in range(2):
        start = time.perf_counter()
        data = compress(coder, (("", picture) for picture in pictures))
        written = time.perf_counter()
        header, blocks = unpack(data)
        again = np.stack([values for _, values in decompress(coder, header, blocks)])
        read = time.perf_counter()
    megabytes = pictures.nbytes / 1e6
    symbols = pictures if kind == "lossless" else coder.symbols(pictures)
    ideal = coder.tables.ideal_bits(symbols) / 8 / len(pictures)
    return {
        "bytes": len(data) / len(pictures),
        "ideal_bytes": ideal,
        "write_mb_s": megabytes / (written - start),
        "read_mb_s": megabytes / (read - written),
    }, again


def psnr(a: np.ndarray, b: np.ndarray) -> float:
    """Of all pictures together, in dB."""
    return float(10 * np.log10(255**2 / np.square(a.astype(float) - b).mean()))


def encoded(picture: np.ndarray, form: str, **options: Any) -> bytes:
    file = io.BytesIO()
    Image.fromarray(picture[0] if len(picture) == 1 else picture.transpose(1, 2, 0)).save(file, form, **options)
    return file.getvalue()


def opened(file: bytes, channels: int) -> np.ndarray:
    picture = Image.open(io.BytesIO(file)).convert("L" if channels == 1 else "RGB")
    return np.atleast_3d(np.asarray(picture)).transpose(2, 0, 1)


def mean(values: Iterable[float]) -> float:
    return float(np.mean(list(values)))


if __name__ == "__main__":
    main()
