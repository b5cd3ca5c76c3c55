"""Restoration beside its baselines, on standard test sets: PSNR in dB, the mean over pictures.

    python benchmarks/restore.py --task NAME [--data FOLDER] [--minutes M] [--seeds K] [--source RUN]
        [--set NAME=VALUE ...] [--pictures FILE.png]

NAME is one of TASKS. FOLDER holds `cifar10/` (the binary layout), `mnist/` (idx) and `restoration/` (BSD68, Train400,
classic5). Damage at the test is made with numpy and Pillow, not with the operations of training: noise is not clipped;
a lower resolution is a cubic filter's, in 8 bits; JPEG is libjpeg's. `given` is the damaged picture itself; other
baselines are computed here (Lanczos, the mean of the set in a hole) or cited. --source begins with the networks of
another run, whose seconds count: a masked autoencoder is a run of `restore` with damage=holes. Without FOLDER, and with
--quick, pictures of noise are restored. The last line is JSON.
"""

from __future__ import annotations

import io
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from common import finish, note, rounded, show, training_arguments
from PIL import Image

import aegean
from aegean.data import open_data
from aegean.data.io.show import tiles
from aegean.formulas import pictures
from aegean.metrics.restored import psnr_within
from aegean.model import Model
from aegean.surface import muted

SHOWN = 12
QUICK = {"images": 320, "settings": {"width": 4, "blocks": 1, "batch": 16}}


class Given(NamedTuple):
    """Damaged pictures."""

    x: np.ndarray  # (n, C, h, w), 0 to 255, not clipped
    holes: np.ndarray | None = None  # (H, W) bool
    scale: int = 1


Damage = Callable[[np.ndarray], Given]  # of clean pictures (n, C, H, W) uint8


class Task(NamedTuple):
    """What is trained on what, and tested on what."""

    train: str  # below the folder
    settings: dict[str, Any]
    damages: dict[str, Damage]  # by name
    test: str = ""  # a folder of pictures; "": the test part of the data
    minutes: float = 10.0
    cited: dict[str, dict[str, float]] = {}  # baselines of each damage
    count: int = 2_000  # test pictures at most


def noise(clean: np.ndarray, sigma: float) -> Given:
    return Given(clean + np.random.default_rng(0).normal(0, sigma, clean.shape))


def jpeg(clean: np.ndarray, quality: int) -> Given:
    def again(picture: Image.Image) -> Image.Image:
        file = io.BytesIO()
        picture.save(file, "JPEG", quality=quality)
        return Image.open(file)

    return Given(each(clean, again))


def small(clean: np.ndarray, factor: int) -> Given:
    size = clean.shape[3] // factor, clean.shape[2] // factor
    return Given(each(clean, lambda p: p.resize(size, Image.Resampling.BICUBIC)), scale=factor)


def hole(clean: np.ndarray, side: int) -> Given:
    """In the middle."""
    holes = np.zeros(clean.shape[2:], bool)
    top, left = ((size - side) // 2 for size in holes.shape)
    holes[top : top + side, left : left + side] = True
    return Given(np.where(holes, 127.5, clean), holes)


def each(raw: np.ndarray, change: Callable[[Image.Image], Image.Image]) -> np.ndarray:
    """A function of Pillow's pictures on arrays (n, C, H, W) uint8."""
    shown = [change(Image.fromarray(p[0] if len(p) == 1 else p.transpose(1, 2, 0))) for p in raw]
    return np.stack([np.atleast_3d(np.asarray(p)).transpose(2, 0, 1) for p in shown])


NOISES = {f"noise {sigma}": partial(noise, sigma=sigma) for sigma in (15, 25, 50)}
TASKS = {
    "cifar-noise": Task(
        "cifar10",
        {"damage": "noise", "noise": "0,55"},
        NOISES,
        cited={n: {"non-local means": v} for n, v in zip(NOISES, (28.19, 25.03, 21.47))},
    ),
    "bsd68": Task(
        "restoration/Train400",
        {"damage": "noise", "noise": "0,55", "flips": "all"},
        {"noise 25": NOISES["noise 25"]},
        test="restoration/BSD68",
        minutes=15,
        cited={"noise 25": {"BM3D": 28.57, "DnCNN": 29.23}},
    ),
    "cifar-x2": Task("cifar10", {"damage": "downscale", "scale": 2, "flips": "all"}, {"x2": partial(small, factor=2)}),
    "cifar-x4": Task("cifar10", {"damage": "downscale", "scale": 4, "flips": "all"}, {"x4": partial(small, factor=4)}),
    "classic5": Task(
        "restoration/Train400",
        {"damage": "jpeg", "quality": "5,50", "flips": "all"},
        {"quality 10": partial(jpeg, quality=10)},
        test="restoration/classic5",
        minutes=15,
        cited={"quality 10": {"ARCNN": 29.03, "DnCNN-3": 29.40}},
    ),
    "cifar-hole": Task(
        "cifar10",
        {"damage": "holes", "holes": "0.1,0.4"},
        {"hole 16": partial(hole, side=16)},
        cited={"hole 16": {"biharmonic": 16.23}},
    ),
    "mnist-hole": Task(
        "mnist",
        {"damage": "holes", "holes": "0.1,0.4", "flips": "none"},
        {"hole 14": partial(hole, side=14)},
        cited={"hole 14": {"biharmonic": 9.41}},
    ),
}


def clean_pictures(task: Task, folder: str | None, run: Path) -> list[np.ndarray]:
    """Test pictures, in stacks of one size (n, C, H, W) uint8."""
    if not task.test or folder is None:
        dataset = open_data(str(data_of(task, folder, run)))
        return [np.asarray(dataset.test[: task.count])]
    stacks: dict[Any, list[np.ndarray]] = {}
    for file in sorted((Path(folder) / task.test).iterdir()):
        raw = np.atleast_3d(np.asarray(Image.open(file))).transpose(2, 0, 1)
        stacks.setdefault(raw.shape, []).append(raw)
    return [np.stack(stack) for stack in stacks.values()]


def data_of(task: Task, folder: str | None, run: Path) -> Path:
    if folder is not None:
        return Path(folder) / task.train
    file = run / "noise.npy"
    if not file.exists():
        np.save(file, np.random.default_rng(0).integers(0, 256, (60, 1, 16, 16), np.uint8))
    return file


def restored(model: Model, given: Given, strength: float = 0.0) -> np.ndarray:
    x = torch.from_numpy(np.float32(given.x / 127.5 - 1))
    mask = None if given.holes is None else torch.from_numpy(given.holes)
    made = model.restore(x, mask, strength, given.scale)
    return ((made.numpy() + 1) * 127.5).round().clip(0, 255)


def psnr(clean: list[np.ndarray], made: list[np.ndarray], givens: list[Given]) -> float:
    """Mean over pictures; in a hole alone where there is one."""
    values = []
    for stack, other, given in zip(clean, made, givens):
        a, b = (np.float32(raw / 127.5 - 1) for raw in (stack, other))
        if given.holes is None:
            values += [pictures.psnr(a[i : i + 1], b[i : i + 1]) for i in range(len(a))]
        else:
            holes = torch.from_numpy(given.holes).expand(len(a), 1, -1, -1)
            values.append(psnr_within(torch.from_numpy(a), torch.from_numpy(b), holes))
    return float(np.mean(values))


def baselines(clean: list[np.ndarray], givens: list[Given], mean: np.ndarray) -> dict[str, float]:
    """What needs no training."""
    if givens[0].scale > 1:
        size = clean[0].shape[:1:-1]
        large = [each(np.uint8(g.x), lambda p: p.resize(size, Image.Resampling.LANCZOS)) for g in givens]
        return {"Lanczos": psnr(clean, large, givens)}
    if givens[0].holes is not None:
        return {"mean": psnr(clean, [np.broadcast_to(mean, stack.shape) for stack in clean], givens)}
    return {"given": psnr(clean, [g.x.clip(0, 255) for g in givens], givens)}


def main() -> None:
    parser = training_arguments(__doc__, TASKS, "cifar-noise")
    parser.add_argument("--count", type=int, default=0, help="test pictures at most")
    args = parser.parse_args()
    task = TASKS[args.task]
    task = task._replace(count=args.count or (20 if args.quick else task.count))
    settings = {**task.settings, **dict(word.split("=", 1) for word in args.settings)}
    settings |= QUICK["settings"] if args.quick else {}
    budget = {"images": QUICK["images"]} if args.quick else {"minutes": args.minutes or task.minutes}
    found: list[dict[str, float]] = []
    with tempfile.TemporaryDirectory() as place:
        data = data_of(task, args.data, Path(place))
        clean = clean_pictures(task, args.data, Path(place))
        mean = np.asarray(open_data(str(data)).train[:5_000]).mean(0)
        for seed in range(args.seeds):
            out = Path(place) / f"run-{seed}"
            with muted():
                model = aegean.train(
                    "restore", str(data), out, seed=seed, evaluations=1, source=args.source, settings=settings, **budget
                )
            row: dict[str, float] = {}
            for name, damage in task.damages.items():
                givens = [damage(stack) for stack in clean]
                row |= {f"{name}: {k}": v for k, v in baselines(clean, givens, mean).items()}
                row |= {f"{name}: {k}": v for k, v in task.cited.get(name, {}).items()}
                for strength in (0.0, 1.0) if "sharp" in model.nets else (0.0,):
                    made = [restored(model, given, strength) for given in givens]
                    row[f"{name}: {'sharpened' if strength else 'restored'}"] = psnr(clean, made, givens)
                if args.pictures and seed == 0:
                    save(args.pictures, clean[0], givens[0], made[0])
            if settings["damage"] != "holes":
                kept = [restored(model, Given(stack)) for stack in clean]
                row["clean: restored"] = psnr(clean, kept, [Given(stack) for stack in clean])
            note(f"seed {seed}: {row}; {model.about['images']:,} images in {model.about['seconds']:.0f} s")
            found.append({**row, "images": model.about["images"], "seconds": model.about["seconds"]})
    rows = {name: float(np.median([row[name] for row in found])) for name in found[0]}
    show(f"{args.task}, {args.seeds} seeds, PSNR in dB", ("", "median"), rows.items())
    finish("restore", torch.device("cpu"), task=args.task, settings=settings,
           rows={name: rounded(value, 6) for name, value in rows.items()},
           seeds=[{k: rounded(v, 6) for k, v in row.items()} for row in found])  # fmt: skip


def save(file: str, clean: np.ndarray, given: Given, made: np.ndarray) -> None:
    """Rows of clean, damaged and restored pictures."""
    damaged = np.uint8(given.x[:SHOWN].clip(0, 255).round())
    size = clean.shape[:1:-1]
    rows = [clean[:SHOWN], each(damaged, lambda p: p.resize(size, Image.Resampling.NEAREST)), made[:SHOWN]]
    stack = np.concatenate([np.uint8(row) for row in rows]).transpose(0, 2, 3, 1)
    Path(file).write_bytes(tiles(np.repeat(stack, 3, 3) if stack.shape[3] == 1 else stack, len(rows[0])))


if __name__ == "__main__":
    main()
