"""Rate and distortion of trained codecs beside JPEG, WebP and PNG, and how fast files are written and read.

    python benchmarks/codec.py --task digits|mnist|cifar [--data FOLDER] [--qualities 5,20,80] [--images N]
        [--count 1000] [--out FOLDER] [--set name=value ...]

For each quality a `codec` is trained, and a `lossless` beside them; the models are kept under --out, and those that
are there already are taken as they are. Test pictures go into one .aeg file, header counted; the others write a
file for each picture, at every quality (JPEG with and without its coarser colours), and are compared at the PSNR of all
pictures together; "mosaic" is WebP on one picture of all of them. A table, a picture of the curves in --out, and a line
of JSON last.
"""

from __future__ import annotations

import io
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
from common import arguments, finish, note, rounded, show
from PIL import Image
from study import play, trainer_of

import aegean
from aegean.codec import unpack
from aegean.compression import compress, decompress
from aegean.data import Dataset, open_data
from aegean.machine import pick_device
from aegean.recipes import configure
from aegean.training.engine import choose_engine

QUALITIES = (1, 2, 5, 10, 15, 20, 25, 30, 40, 50, 60, 70, 80, 90, 95, 100)
SPEED = 10_000  # test pictures, at most, that are written and read against the clock
OTHERS: dict[str, list[dict[str, Any]]] = {
    "JPEG": [{"optimize": True, "subsampling": 2}, {"optimize": True, "subsampling": 0}],
    "WEBP": [{"method": 6}],
    "mosaic": [{"method": 6}],
}
EXACT: dict[str, dict[str, Any]] = {"PNG": {"optimize": True}, "WEBP": {"lossless": True, "method": 6}}
Curve = list[tuple[float, float]]  # PSNR and bytes a picture, sorted


def main() -> None:
    parser = arguments(__doc__.split("\n")[0])
    parser.add_argument("--task", choices=["digits", "mnist", "cifar"], default="cifar")
    parser.add_argument("--data", help="the folder of MNIST's files or CIFAR-10's batches")
    parser.add_argument("--qualities", default="5,15,50,150,400", help="of the recipe codec, one run each")
    parser.add_argument("--images", type=int, default=100_000, help="that each codec is trained on")
    parser.add_argument(
        "--exact-images", type=int, default=200_000, help="that lossless is trained on; 0: leave it out"
    )
    parser.add_argument("--count", type=int, default=1000, help="test pictures")
    parser.add_argument("--out", default="", help="folder of the models (default: runs/codec-TASK)")
    parser.add_argument("--set", nargs="*", default=[], help="options of the recipe codec")
    options = parser.parse_args()
    if options.quick:
        options.task, options.qualities, options.images, options.exact_images, options.count = (
            "digits",
            "50",
            640,
            640,
            64,
        )
    spec = options.data or ("digits" if options.task == "digits" else None)
    if spec is None:
        parser.error("--data FOLDER is missing")
    out = Path(options.out or f"runs/codec-{options.task}")
    dataset = open_data(spec)
    pictures = dataset.test[: options.count]
    settings = dict(item.split("=", 1) for item in options.set)

    curves = {name: curve(name, pictures) for name in OTHERS}
    rows, points = [], []
    for quality in map(float, options.qualities.split(",")):
        given = {**settings, "quality": quality, "lossless": False}
        model = trained(out / f"quality-{quality:g}.safetensors", "codec", dataset, options.images, given)
        found = lossy(model, pictures, dataset.test[:SPEED])
        found["others"] = {name: rounded(at(curves[name], found["psnr"])) for name in curves}
        points.append({"quality": quality, **found})
        rows.append((quality, found["psnr"], found["bytes"], *found["others"].values(), found["overhead"],
                     found["write_mb_s"], found["read_mb_s"]))  # fmt: skip
    headings = ("quality", "PSNR", "bytes", *OTHERS, "over ideal", "write MB/s", "read MB/s")
    show(f"{options.task}, {len(pictures)} test pictures in one file, bytes a picture", headings, rows)
    plot(out / "curve.png", [(p["psnr"], p["bytes"]) for p in points], curves)
    exact = None
    if options.exact_images:
        model = trained(out / "lossless.safetensors", "lossless", dataset, options.exact_images, {})
        exact = lossless(model, pictures, dataset.test[:SPEED])
        show("exact pixels, bytes a picture", list(exact), [list(exact.values())])
    budget = {"images": options.images, "exact_images": options.exact_images, "seed": 0}
    others = {name.lower(): [[rounded(v) for v in point] for point in found] for name, found in curves.items()}
    device = pick_device("auto")
    finish(
        "codec", device, task=options.task, count=len(pictures), budget=budget, lossy=points, lossless=exact, **others
    )


def trained(file: Path, recipe: str, dataset: Dataset, images: int, settings: dict[str, Any]) -> Any:
    """The model that is kept in a file, or a new one, which then is kept there."""
    if file.exists():
        return aegean.load(file)
    run, device = configure(recipe, dataset.info, {**settings, "images": images}), pick_device("auto")
    trainer = trainer_of(run, dataset, device, choose_engine(run, device, "auto", "auto", 1))
    note(f"training {recipe} {settings.get('quality', '')}")
    play(trainer)
    file.parent.mkdir(parents=True, exist_ok=True)
    model = trainer.model({"recipe": recipe, "images": images, "settings": settings})
    model.save(file)
    return model


def lossy(model: Any, pictures: np.ndarray, many: np.ndarray) -> dict[str, Any]:
    """Bytes a picture, PSNR, speeds."""
    found, again = measured(model, "lossy", pictures, many)
    return found | {"psnr": psnr(pictures, again)}


def lossless(model: Any, pictures: np.ndarray, many: np.ndarray) -> dict[str, Any]:
    """The same, and what others take; every pixel is compared."""
    found, again = measured(model, "lossless", pictures, many)
    assert np.array_equal(again, pictures)
    others = {
        name.lower(): mean(len(encoded(picture, name, **given)) for picture in pictures)
        for name, given in EXACT.items()
    }
    return found | others


def measured(model: Any, kind: str, pictures: np.ndarray, many: np.ndarray) -> tuple[dict[str, Any], np.ndarray]:
    """Bytes a picture (n, channels, H, W), what is above the tables' own ideal length, megabytes of raw values a
    second (with `many` pictures in one file, in memory; the best of three), and the pictures that come back."""
    coder, megabytes = model.coder(kind), many.nbytes / 1e6
    writing, reading = [], []
    for _ in range(3):
        start = time.perf_counter()
        data = compress(coder, (("", picture) for picture in many))
        written = time.perf_counter()
        for _ in decompress(coder, *unpack(data)):
            pass
        writing.append(written - start)
        reading.append(time.perf_counter() - written)
    data = compress(coder, (("", picture) for picture in pictures))
    again = np.stack([values for _, values in decompress(coder, *unpack(data))])
    ideal = coder.tables.ideal_bits(pictures if kind == "lossless" else coder.symbols(pictures)) / 8
    found = {
        "bytes": len(data) / len(pictures),
        "overhead": len(data) / ideal - 1,
        "write_mb_s": megabytes / min(writing),
        "read_mb_s": megabytes / min(reading),
    }
    return {name: rounded(value) for name, value in found.items()}, again


def curve(name: str, pictures: np.ndarray) -> Curve:
    """What a format takes for the PSNR that it gives: the best of its ways, at all qualities."""
    points: Curve = []
    form, count = "WEBP" if name == "mosaic" else name, len(pictures)
    pictures = mosaic(pictures)[None] if name == "mosaic" else pictures
    for options in OTHERS[name]:
        for quality in QUALITIES:
            files = [encoded(picture, form, quality=quality, **options) for picture in pictures]
            again = np.stack([opened(file, pictures.shape[1]) for file in files])
            points.append((psnr(pictures, again), sum(map(len, files)) / count))
    return [p for p in sorted(points) if not any(q[0] >= p[0] and q[1] < p[1] for q in points)]


def mosaic(pictures: np.ndarray) -> np.ndarray:
    """Pictures (n, C, H, W) side by side in one (C, ...), as near to a square as n allows."""
    n, channels, height, width = pictures.shape
    down = max(k for k in range(1, int(n**0.5) + 1) if n % k == 0)
    rows = pictures.reshape(down, n // down, channels, height, width).transpose(2, 0, 3, 1, 4)
    return np.ascontiguousarray(rows.reshape(channels, down * height, -1))


def at(points: Curve, level: float) -> float | None:
    """Bytes for a PSNR, between the points; below the first of them as many as that takes, above the last None."""
    return None if level > points[-1][0] else float(np.interp(level, *zip(*points)))


def plot(path: Path, ours: Curve, curves: dict[str, Curve]) -> None:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(6, 4), dpi=120, layout="constrained")
    axes = figure.add_subplot(xlabel="bytes a picture", ylabel="PSNR, dB", xscale="log")
    for name, points in {"codec": sorted(ours), **curves}.items():
        axes.plot([p[1] for p in points], [p[0] for p in points], marker="o", markersize=3, label=name)
    axes.grid(alpha=0.3, which="both")
    axes.legend()
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path)


def psnr(a: np.ndarray, b: np.ndarray) -> float:
    """Of all pictures together, in dB."""
    return float(10 * np.log10(255**2 / max(np.square(a.astype(float) - b).mean(), 1e-9)))


def encoded(picture: np.ndarray, form: str, **options: Any) -> bytes:
    file = io.BytesIO()
    grey = {} if len(picture) > 1 or form != "JPEG" else {"subsampling": -1}
    raw = picture[0] if len(picture) == 1 else picture.transpose(1, 2, 0)
    Image.fromarray(raw).save(file, form, **{**options, **grey})
    return file.getvalue()


def opened(file: bytes, channels: int) -> np.ndarray:
    picture = Image.open(io.BytesIO(file)).convert("L" if channels == 1 else "RGB")
    return np.atleast_3d(np.asarray(picture)).transpose(2, 0, 1)


def mean(values: Iterable[float]) -> float:
    return float(np.mean(list(values)))


if __name__ == "__main__":
    main()
