"""Restoration beside its baselines and aims, on standard test sets: PSNR in dB, the mean over pictures.

    python benchmarks/restore.py --task NAME [--data FOLDER] [--seconds S | --images N] [--seeds K] [--few N]
        [--masked SHARE] [--set NAME=VALUE ...] [--pictures FILE.png]

NAME is one of TASKS. FOLDER holds `cifar10/` (the binary layout), `mnist/` (idx) and `restoration/` (BSD68, Train400,
classic5). Damage at the test is made with numpy and Pillow, not with the operations of training: noise is not clipped;
a lower resolution is a cubic filter's, in 8 bits; JPEG is libjpeg's. Baselines are computed here, or cited. Seconds are
those of the processor, in one thread. --few trains on so many pictures alone. --masked begins with a masked autoencoder
(`restore` with damage=holes on the same pictures), which takes that share of the seconds.

Several seeds give medians, and the worst. Without FOLDER, and with --quick, pictures of noise are restored. The last
line is JSON.
"""

from __future__ import annotations

import tempfile
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from common import finish, note, rounded, show, training_arguments
from damages import Damage, Given, each, hole, jpeg, noise, repairs, small
from PIL import Image
from study import Trained, trained

from aegean.data import Dataset, open_data
from aegean.data.io.show import tiles
from aegean.formulas import frechet, pictures
from aegean.metrics.features import FeatureNetwork, feature_network
from aegean.metrics.restored import psnr_within
from aegean.model import Model
from aegean.surface import muted

SHOWN = 12
QUICK: dict[str, Any] = {"width": 4, "blocks": 1, "batch": 16}
QUICK_IMAGES = 320
REPAIRED = 200  # pictures at most that slow baselines are computed on
STRENGTHS = {0.0: "restored", 0.5: "half sharpened", 1.0: "sharpened"}
PHOTOGRAPHS = {"flips": "all", "crop": 40}  # many steps of small windows
MASKED = {"damage": "holes", "holes": "0.3,0.7"}


class Task(NamedTuple):
    """What is trained on what, and tested on what."""

    train: str  # below the folder
    settings: dict[str, Any]
    damages: dict[str, Damage]  # by name
    aims: tuple[float, ...]  # dB, one for each damage
    test: str = ""  # a folder of pictures; "": the test part of the data
    seconds: float = 300.0
    cited: dict[str, dict[str, float]] = {}  # baselines of each damage
    count: int = 2_000  # test pictures at most


NOISES = {f"noise {sigma}": partial(noise, sigma=sigma) for sigma in (15, 25, 50)}
TASKS = {
    "cifar-noise": Task(
        "cifar10",
        {"damage": "noise", "noise": "0,55"},
        NOISES,
        (30.5, 27.8, 24.3),
        cited={n: {"non-local means, cited": v} for n, v in zip(NOISES, (28.19, 25.03, 21.47))},
    ),
    "bsd68": Task(
        "restoration/Train400",
        {"damage": "noise", "noise": "0,55", **PHOTOGRAPHS},
        {"noise 25": NOISES["noise 25"]},
        (28.4,),
        test="restoration/BSD68",
        cited={"noise 25": {"BM3D, cited": 28.57, "DnCNN, cited": 29.23}},
    ),
    **{
        f"cifar-x{factor}": Task(
            "cifar10",
            {"damage": "downscale", "scale": factor},
            {f"x{factor}": partial(small, factor=factor)},
            (aim,),
        )
        for factor, aim in ((2, 28.0), (4, 22.3))
    },
    "classic5": Task(
        "restoration/Train400",
        {"damage": "jpeg", "quality": "5,50", **PHOTOGRAPHS},
        {"quality 10": partial(jpeg, quality=10)},
        (28.7,),
        test="restoration/classic5",
        cited={"quality 10": {"ARCNN, cited": 29.03, "DnCNN-3, cited": 29.40}},
    ),
    "cifar-hole": Task(
        "cifar10",
        {"damage": "holes", "holes": "0.1,0.4", "adversary": True, "pull": 1.0},
        {"hole 16": partial(hole, side=16)},
        (17.2,),
    ),
    "mnist-hole": Task(
        "mnist",
        {"damage": "holes", "holes": "0.1,0.4", "flips": "none", "adversary": True, "pull": 1.0},
        {"hole 14": partial(hole, side=14)},
        (11.0,),
        seconds=180.0,
    ),
}


def clean_pictures(task: Task, folder: str | None, dataset: Dataset) -> list[np.ndarray]:
    """Test pictures, in stacks of one size (n, C, H, W) uint8."""
    if not task.test or folder is None:
        return [np.asarray(dataset.test[: task.count])]
    stacks: dict[Any, list[np.ndarray]] = {}
    for file in sorted((Path(folder) / task.test).iterdir()):
        raw = np.atleast_3d(np.asarray(Image.open(file))).transpose(2, 0, 1)
        stacks.setdefault(raw.shape, []).append(raw)
    return [np.stack(stack) for stack in stacks.values()]


def data_of(task: Task, folder: str | None, few: int) -> Dataset:
    with muted(), tempfile.TemporaryDirectory() as place:
        if folder is None:
            np.save(Path(place) / "noise.npy", np.random.default_rng(0).integers(0, 256, (60, 1, 24, 24), np.uint8))
        dataset = open_data(str(Path(place) / "noise.npy" if folder is None else Path(folder) / task.train))
    few = few or len(dataset.train)
    labels = None if dataset.train_labels is None else dataset.train_labels[:few]
    return replace(dataset, train=dataset.train[:few], train_labels=labels, info=dataset.info.replace(count=few))


def restored(model: Model, given: Given, strength: float = 0.0) -> np.ndarray:
    x = torch.from_numpy(np.float32(given.x / 127.5 - 1))
    mask = None if given.holes is None else torch.from_numpy(given.holes)
    made = model.restore(x, mask, strength, given.scale)
    return ((made.numpy() + 1) * 127.5).round().clip(0, 255)


def psnr(clean: list[np.ndarray], made: list[np.ndarray], holes: np.ndarray | None = None) -> float:
    """Mean over pictures; in a hole alone where there is one."""
    values = []
    for a, b in ((np.float32(x / 127.5 - 1) for x in pair) for pair in zip(clean, made)):
        if holes is None:
            values += [pictures.psnr(a[i : i + 1], b[i : i + 1]) for i in range(len(a))]
        else:
            mask = torch.from_numpy(holes).expand(len(a), 1, -1, -1)
            values.append(psnr_within(torch.from_numpy(a), torch.from_numpy(b), mask))
    return float(np.mean(values))


def baselines(clean: list[np.ndarray], givens: list[Given], mean: np.ndarray) -> dict[str, float]:
    """PSNR of what needs no training, on the first pictures of each stack where it is slow."""
    known = mean if all(stack.shape[1:] == mean.shape for stack in clean) else None
    found = {}
    for name, repair in repairs(givens[0], known):
        few = REPAIRED if name.startswith(("TV", "non-local")) else None
        made = [repair(given.x[:few]) for given in givens]
        found[name] = psnr([stack[:few] for stack in clean], made, givens[0].holes)
    return found


def scores(model: Model, clean: list[np.ndarray], damages: dict[str, list[Given]],
           network: FeatureNetwork | None) -> dict[str, float]:  # fmt: skip
    """PSNR of what a model makes of damaged pictures, and of clean ones; with an adversary the Fréchet distance."""
    found: dict[str, float] = {}
    for name, givens in damages.items():
        for strength, who in STRENGTHS.items() if "sharp" in model.nets else ((0.0, "restored"),):
            made = [restored(model, given, strength) for given in givens]
            found[f"{name}: {who}"] = psnr(clean, made, givens[0].holes)
            if network:
                found[f"{name}: {who}, fd"] = distance(network, clean[0], made[0])
    if "token" not in model.nets:
        found["clean: restored"] = psnr(clean, [restored(model, Given(stack)) for stack in clean])
    return found


def distance(network: FeatureNetwork, clean: np.ndarray, made: np.ndarray) -> float:
    ends = (frechet.moments(network(torch.from_numpy(np.float32(x / 127.5 - 1)))) for x in (clean, made))
    return float(frechet.frechet_from_moments(*next(ends), *next(ends)))


def begin(
    masked: float, dataset: Dataset, settings: dict[str, Any], seed: int, seconds: float, images: int
) -> Trained | None:
    """A masked autoencoder for a share of the seconds, or beside so many images."""
    if not masked:
        return None
    shared = {name: value for name, value in settings.items() if name in ("width", "blocks", "batch", "crop", "flips")}
    budget = {"seconds": masked * seconds} if seconds else {"images": round(masked * images)}
    return trained("restore", dataset, {**MASKED, **shared}, seed, **budget)


def main() -> None:
    parser = training_arguments(__doc__, TASKS, "cifar-noise")
    parser.add_argument("--count", type=int, default=0, help="test pictures at most")
    parser.add_argument("--few", type=int, default=0, help="training pictures")
    parser.add_argument("--masked", type=float, default=0.0, help="share of the seconds of a masked autoencoder")
    args = parser.parse_args()
    task = TASKS[args.task]
    task = task._replace(count=args.count or (20 if args.quick else task.count))
    settings = {**task.settings, **dict(word.split("=", 1) for word in args.settings), **(QUICK if args.quick else {})}
    images = QUICK_IMAGES if args.quick else args.images
    seconds = 0.0 if images else args.seconds or task.seconds
    dataset = data_of(task, args.data, args.few)
    clean = clean_pictures(task, args.data, dataset)
    damages = {name: [damage(stack) for stack in clean] for name, damage in task.damages.items()}
    mean = np.asarray(dataset.train[:5_000]).mean(0)
    fixed: dict[str, float] = {}
    for name, givens in damages.items():
        found = baselines(clean, givens, mean) | task.cited.get(name, {})
        fixed |= {f"{name}: {k}": v for k, v in found.items()}
    note(str(fixed))
    sharp = str(settings.get("adversary", False)).lower() == "true"
    network = feature_network(dataset) if sharp and not args.quick else None
    rows: list[dict[str, float]] = []
    for seed in range(args.seeds):
        with muted():
            source = begin(args.masked, dataset, settings, seed, seconds, images)
            budget = {"seconds": seconds} if seconds else {"images": images}
            run = trained("restore", dataset, settings, seed, **budget, source=source)
            rows.append({**scores(run.model, clean, damages, network), "images": run.images, "seconds": run.seconds})
        note(f"seed {seed}: {rows[-1]}")
        if args.pictures and seed == 0:
            given = next(iter(damages.values()))[0]
            save(args.pictures, clean[0], given, restored(run.model, given))
    aims = {f"{name}: restored": aim for name, aim in zip(task.damages, task.aims)}
    table: list[tuple[Any, ...]] = [(name, value, None, None) for name, value in fixed.items()]
    for name in rows[0]:
        values = [row[name] for row in rows]
        table.append((name, float(np.median(values)), min(values), aims.get(name)))
    shown = [(row[0], *(None if value is None else f"{value:,.2f}" for value in row[1:])) for row in table]
    show(f"{args.task}, {args.seeds} seeds, PSNR in dB", ("", "median", "lowest", "aim"), shown)
    finish("restore", torch.device("cpu"), task=args.task, settings=settings, few=args.few, masked=args.masked,
           rows={row[0]: rounded(row[1], 6) for row in table}, aims=aims,
           seeds=[{k: rounded(v, 6) for k, v in row.items()} for row in rows])  # fmt: skip


def save(file: str, clean: np.ndarray, given: Given, made: np.ndarray) -> None:
    """Rows of clean, damaged and restored pictures."""
    damaged = np.uint8(given.x[:SHOWN].clip(0, 255).round())
    size = clean.shape[:1:-1]
    rows = [clean[:SHOWN], each(damaged, lambda p: p.resize(size, Image.Resampling.NEAREST)), made[:SHOWN]]
    stack = np.concatenate([np.uint8(row) for row in rows]).transpose(0, 2, 3, 1)
    Path(file).write_bytes(tiles(np.repeat(stack, 3, 3) if stack.shape[3] == 1 else stack, len(rows[0])))


if __name__ == "__main__":
    main()
