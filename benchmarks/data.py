"""Is streaming free, is packing quick, and is memory flat?

Streamed: training steps of a VAE on 64x64 colour pictures, the set held in memory, streamed from a memory map, and
decoded from tar shards, taking turns in one process; `ratio` is the resident step's seconds through the streamed
one's, the median over rounds. Packing: `aegean.open_data` of a folder of pictures into an empty cache, with all that
belongs to it (sums of the files, a look at every header, the split by content), against a loop that only decodes the
same files with Pillow, on one thread as such loops do. Memory: the peak of a process of its own that goes through an
epoch of a streamed set and takes training steps on it, for a set and for one ten times as large.
"""

from __future__ import annotations

import io
import json
import subprocess
import sys
import tarfile
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
import torch
from common import BUDGET, FOREVER, alternate, arguments, compared, random_images, results, rounded, shared, show
from PIL import Image, ImageFilter

from aegean.data import DataInfo, open_data
from aegean.data.sets.feed import Feed
from aegean.recipes import configure
from aegean.training.trainer import Trainer

Rows = dict[str, dict[str, float | None]]
Sizes = dict[str, Any]
Measure = Callable[..., Rows]  # (folder, sizes=, until=)
CPU = torch.device("cpu")
SHAPE = (3, 64, 64)
SIZES: Sizes = {
    "widths": (4, 16),
    "streamed": 10_000,
    "packed": 1_000,
    "memory": {"memory map": 4_000, "shards": 500},  # samples of the smaller set
    "times": 10,  # as many has the larger one
}
QUICK: Sizes = {"widths": (4,), "streamed": 200, "packed": 40, "memory": {"shards": 100}, "times": 1}


def main() -> None:
    parser = arguments("Streamed against resident, packing against Pillow, and memory as a set grows, on a CPU.")
    parser.add_argument("--peak", type=Path, metavar="SET", help="print the peak memory of streaming a set")
    options = parser.parse_args()
    if options.peak:
        print(peak_here(options.peak))
        return
    sizes = QUICK if options.quick else SIZES
    measures: dict[str, Measure] = {
        **{f"training a VAE on 64x64 pictures, width {w}": partial(streamed_speed, width=w) for w in sizes["widths"]},
        **{f"packing a folder of 128x128 {form} pictures": partial(packing_speed, form=form) for form in FORMS},
        **{f"peak memory of streaming, {kind}, MB": partial(peak_memory, kind=kind) for kind in sizes["memory"]},
    }
    with tempfile.TemporaryDirectory() as name, results("data", CPU) as found:
        for title, measure, until in shared(measures, 0.0 if options.quick else BUDGET):
            found[title] = measure(Path(name), sizes=sizes, until=until)
            headings = ("", *next(iter(found[title].values())))
            show(title, headings, [(row, *values.values()) for row, values in found[title].items()])


# streamed against resident


def streamed_speed(folder: Path, sizes: Sizes, until: float, width: int) -> Rows:
    """Images a second of each way to hold a set, and their share of the resident one's."""
    info, raw = random_images(SHAPE, sizes["streamed"])
    if not (folder / "shards").exists():
        np.save(folder / "set.npy", raw)
        write_shards(folder / "shards", raw[: len(raw) // 10])
    run = configure("vae", info, {"width": width, "images": FOREVER})
    mapped = np.load(folder / "set.npy", mmap_mode="r")
    trainers = {
        "resident": Trainer(run, info, Feed(info, raw, None, CPU, 0), CPU),
        "memory map": Trainer(run, info, streamed(info, mapped), CPU),
        "shards": Trainer(run, info, streamed(*stored(folder / "shards")), CPU),
    }
    steps = {name: trainer.step for name, trainer in trainers.items()}
    *_, times = alternate(steps, CPU, 0.5 if until > time.monotonic() else 0.05, until)
    return compared(times, run.batch)


def streamed(info: DataInfo, raw: Any) -> Feed:
    """A feed that holds no samples, however few they are."""
    with patch("aegean.data.sets.feed.RESIDENT_LIMIT", 0):
        return Feed(info, raw, None, CPU, 0)


def stored(shards: Path) -> tuple[DataInfo, Any]:
    """A folder of shards, not packed however small it is."""
    with patch("aegean.data.sets.feed.RESIDENT_LIMIT", 0), cache(shards.parent / "cache"):
        dataset = open_data(str(shards))
    return dataset.info, dataset.train


def write_shards(folder: Path, raw: np.ndarray) -> None:
    """Pictures (n, 3, height, width) as JPEG in shards of a thousand."""
    folder.mkdir()
    for start in range(0, len(raw), 1000):
        with tarfile.open(folder / f"{start:06d}.tar", "w") as archive:
            for i, sample in enumerate(raw[start : start + 1000], start):
                data = io.BytesIO()
                Image.fromarray(sample.transpose(1, 2, 0)).save(data, "JPEG", quality=90)
                member = tarfile.TarInfo(f"{i:06d}.jpg")
                member.size = data.tell()
                data.seek(0)
                archive.addfile(member, data)


def cache(folder: Path) -> Any:
    return patch.dict("os.environ", {"AEGEAN_CACHE": str(folder)})


# packing against Pillow

FORMS = {"png": {}, "jpg": {"quality": 90}}


def packing_speed(folder: Path, sizes: Sizes, until: float, form: str) -> Rows:
    """Images a second of a bare Pillow loop and of packing, and how many times as fast packing is."""
    pictures, count = folder / form, sizes["packed"]
    pictures.mkdir()
    for i, noise in enumerate(random_images((3, 128, 128), count)[1]):
        smooth = Image.fromarray(noise.transpose(1, 2, 0)).filter(ImageFilter.GaussianBlur(2))  # files as of photos
        smooth.save(pictures / f"{i:05d}.{form}", **FORMS[form])
    files = sorted(pictures.iterdir())

    def pillow() -> None:
        for file in files:
            with Image.open(file) as image:
                np.asarray(image.convert("RGB"))

    def pack() -> None:
        with tempfile.TemporaryDirectory(dir=folder) as fresh, cache(Path(fresh)):
            open_data(str(pictures))

    *_, times = alternate({"pillow": pillow, "packing": pack}, CPU, 0.0, until, warm=0)
    return compared(times, count)


# memory


def peak_memory(folder: Path, sizes: Sizes, until: float, kind: str) -> Rows:
    """Peak resident memory in MB of streaming a set and one of `times` as many samples, and the growth as a ratio."""
    count, times = sizes["memory"][kind], sizes["times"]
    found = {n: peak(write(folder / f"{kind} {n}", kind, n)) for n in {count, times * count}}
    small, large = found[count], found[times * count]
    megabytes = {"set": rounded(small / 1e6), f"{times} times": rounded(large / 1e6)}
    return {kind: {**megabytes, "growth": rounded(large / small)}}


def write(where: Path, kind: str, count: int) -> Path:
    if kind == "shards":
        write_shards(where, random_images(SHAPE, count)[1])
        return where
    file = where.with_suffix(".npy")
    block = random_images(SHAPE, 100)[1]
    values = np.lib.format.open_memmap(file, "w+", np.uint8, (count, *SHAPE))
    for start in range(0, count, len(block)):
        values[start : start + len(block)] = block + np.uint8(start % 251)
    return file


def peak(where: Path) -> int:
    words = [sys.executable, str(Path(__file__)), "--peak", str(where)]
    done = subprocess.run(words, capture_output=True, text=True, check=True)
    return int(json.loads(done.stdout.splitlines()[-1]))


def peak_here(where: Path) -> int:
    """Bytes: of this process, having gone through an epoch and taken a few steps."""
    if where.is_dir():
        info, raw = stored(where)
    else:
        info, raw = random_images(SHAPE, 1)[0], np.load(where, mmap_mode="r")
    feed = streamed(info, raw)
    trainer = Trainer(configure("vae", info, {"width": 4, "images": FOREVER}), info, feed, CPU)
    for _ in range(5):
        trainer.step()
    batch = trainer.run.batch
    for start in range(0, len(raw), batch):
        feed.ready("epoch", start, batch)
        feed.batch("epoch", torch.arange(start, start + batch))
    lines = Path("/proc/self/status").read_text().splitlines()  # getrusage would count the parent's memory as well
    return next(int(line.split()[1]) << 10 for line in lines if line.startswith("VmHWM:"))


if __name__ == "__main__":
    main()
