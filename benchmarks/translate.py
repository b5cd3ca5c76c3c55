"""Translation beside its baselines and aims.

    python benchmarks/translate.py --task NAME [--data FOLDER] [--seconds S | --images N] [--seeds K] [--masked SHARE]
        [--set NAME=VALUE ...] [--pictures FILE.png]

NAME is one of TASKS; FOLDER holds `noto_emoji/` (outline, blob, new), `mnist/` (idx) and `usps/` (npz).

outline: outlines -> emoji, pairs; every fifth name is held out. PSNR in dB and the Fréchet distance, of the exact and
of the sharpened decoder, beside a table of two colours, the partner of the nearest outline and the mean. --masked
begins with a masked autoencoder of the emoji (`restore` with damage=holes), which takes that share of the seconds.
emoji: blob <-> new, without pairs. The share of translations whose nearest neighbour among all pictures of the other
side is the glyph of the same name, beside that of the given pictures (identity).
digits: MNIST <-> USPS, without pairs, both ways. Classifiers of the target, nearest neighbours by cosine and a small
network, are shown translated training digits with the labels of their originals, and tested on real ones; beside them
the same with digits that are cropped to their box instead of translated, with untranslated ones, and with real ones of
the target. The share of translations that keep their label says whether classes were exchanged.

Seconds are those of the processor, in one thread. Several seeds give medians, and the worst. Without FOLDER, and with
--quick, pictures of noise are translated. The last line is JSON.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from common import finish, note, rounded, show, training_arguments
from digit_sets import Rows, known_digits, score_digits
from PIL import Image
from study import Trained, trained

import aegean
from aegean.data import DataOptions, Dataset
from aegean.data.io.show import tiles
from aegean.formulas import frechet, pictures
from aegean.metrics.features import feature_network
from aegean.metrics.translated import beside_partners
from aegean.model import Model
from aegean.surface import muted

SHOWN = 12
QUICK: dict[str, Any] = {"width": 4, "blocks": 1, "batch": 16}
QUICK_IMAGES = 320


def outline(folder: Path, place: Path) -> DataOptions:
    """Pairs by name, every fifth for the test."""
    for side in ("outline", "blob"):
        names = sorted(set(files(folder / "noto_emoji" / "outline")) & set(files(folder / "noto_emoji" / "blob")))
        for part in ("train", "test"):
            (place / f"{part}-{side}").mkdir()
        for number, name in enumerate(names):
            part = "test" if number % 5 == 0 else "train"
            (place / f"{part}-{side}" / name).symlink_to((folder / "noto_emoji" / side / name).resolve())
    return DataOptions(
        str(place / "train-outline"),
        test=str(place / "test-outline"),
        target=str(place / "train-blob"),
        test_target=str(place / "test-blob"),
        pairs="name",
    )


def files(folder: Path) -> list[str]:
    return [file.name for file in folder.iterdir() if file.suffix == ".png"]


def emoji(folder: Path, place: Path) -> DataOptions:
    return DataOptions(str(folder / "noto_emoji/blob"), target=str(folder / "noto_emoji/new"), pairs="none")


def digits(folder: Path, place: Path) -> DataOptions:
    for part in ("train", "test"):
        found = np.load(folder / "usps" / f"usps_{part}.npz")
        np.savez(place / f"usps-{part}.npz", x=found["images"], y=found["labels"])
    return DataOptions(
        str(folder / "mnist"),
        target=str(place / "usps-train.npz"),
        test_target=str(place / "usps-test.npz"),
        pairs="none",
    )


def noise(paired: bool) -> Callable[[Path, Path], DataOptions]:
    def made(folder: Path, place: Path) -> DataOptions:
        rng = np.random.default_rng(0)
        for name in "ab":
            x, y = rng.integers(0, 256, (60, 1, 16, 16), np.uint8), np.arange(60) % 3
            np.savez(place / f"{name}.npz", x=x, y=y)
        return DataOptions(str(place / "a.npz"), target=str(place / "b.npz"), pairs="name" if paired else "none")

    return made


def score_pairs(model: Model, data: Dataset, folder: Path | None) -> Rows:
    """PSNR and Fréchet distance of both decoders."""
    assert data.target
    given, wanted = data.info.normalise(data.test), data.target.info.normalise(data.target.test)
    network = feature_network(data.target)
    real = frechet.moments(network(wanted))
    found = {}
    for name, strength in (("exact", 0.0), ("sharpened", 1.0)) if "sharp" in model.nets else (("exact", 0.0),):
        made = model.translate(given, strength=strength)
        found[name] = pictures.psnr(wanted.numpy(), made.numpy())
        found[f"{name}, fd"] = float(frechet.frechet_from_moments(*real, *frechet.moments(network(made))))
    return found


def known_pairs(data: Dataset, folder: Path | None) -> Rows:
    """What needs no translator."""
    assert data.target
    given, wanted = data.info.normalise(data.test), data.target.info.normalise(data.target.test)
    scores = dict(beside_partners(data, given, wanted, {"": wanted}))["psnr"]
    known, others = data.info.normalise(data.train), data.target.info.normalise(data.target.train)
    dark = known.mean(1, keepdim=True) < 0
    colours = [(others * mask).sum((0, 2, 3)) / mask.sum((0, 2, 3)) for mask in (~dark, dark)]
    table = torch.where(given.mean(1, keepdim=True) < 0, *(c[:, None, None] for c in reversed(colours)))
    found = {"table of two colours": pictures.psnr(wanted.numpy(), table.expand_as(wanted).numpy())}
    return found | {"mean": scores.mean or 0.0, "partner of the nearest": scores.neighbour or 0.0}


def score_glyphs(model: Model, data: Dataset, folder: Path | None) -> Rows:
    """Partners found by nearest neighbour, among all pictures of the other side."""
    a, b = both_sides(data, folder)
    return {"there: found": partners(model.translate(a), b), "back: found": partners(model.translate(b, back=True), a)}


def known_glyphs(data: Dataset, folder: Path | None) -> Rows:
    a, b = both_sides(data, folder)
    return {"there: identity": partners(a, b), "back: identity": partners(b, a)}


def both_sides(data: Dataset, folder: Path | None) -> list[torch.Tensor]:
    """Pictures (n, C, H, W) in [-1, 1] of both sides, partners at the same places."""
    if folder is None:
        assert data.target
        return [side.info.normalise(np.asarray(side.train)) for side in (data, data.target)]
    sides = [folder / "noto_emoji" / side for side in ("blob", "new")]
    names = sorted(set(files(sides[0])) & set(files(sides[1])))

    def read(file: Path) -> np.ndarray:
        with Image.open(file) as image:
            clear = image.convert("RGBA")
        white = Image.new("RGBA", clear.size, "white")
        white.alpha_composite(clear)
        return np.asarray(white.convert("RGB")).transpose(2, 0, 1)

    stacks = (np.stack([read(side / name) for name in names]) for side in sides)
    return [2 * torch.from_numpy(stack / np.float32(255)) - 1 for stack in stacks]


def partners(made: torch.Tensor, known: torch.Tensor) -> float:
    """The share of samples whose nearest known one is at their own place."""
    near = torch.cdist(made.flatten(1), known.flatten(1)).argmin(1)
    return float((near == torch.arange(len(near))).float().mean())


class Task(NamedTuple):
    """What is trained, and how it is judged."""

    recipe: str
    make: Callable[[Path, Path], DataOptions]
    score: Callable[[Model, Dataset, Path | None], Rows]
    without: Callable[[Dataset, Path | None], Rows]  # a translator
    settings: dict[str, Any]
    aims: Rows
    seconds: float = 300.0


TASKS = {
    "outline": Task("translate", outline, score_pairs, known_pairs, {"flips": "sides"}, {"exact": 14.5}),
    "emoji": Task("unit", emoji, score_glyphs, known_glyphs, {"flips": "none"}, {}),
    "digits": Task(
        "unit",
        digits,
        score_digits,
        known_digits,
        {"flips": "none", "width": 16},
        {"there: translated": 0.95, "back: translated": 0.92},
    ),
}


def begin(
    masked: float, data: Dataset, settings: dict[str, Any], seed: int, seconds: float, images: int
) -> Trained | None:
    """A masked autoencoder of the other side, for a share of the seconds, or beside so many images."""
    if not masked:
        return None
    assert data.target
    shared = {name: value for name, value in settings.items() if name in ("width", "blocks", "batch", "crop", "flips")}
    budget = {"seconds": masked * seconds} if seconds else {"images": round(masked * images)}
    return trained("restore", data.target, {"damage": "holes", "holes": "0.3,0.7", **shared}, seed, **budget)


def main() -> None:
    parser = training_arguments(__doc__, TASKS, "outline")
    parser.add_argument("--masked", type=float, default=0.0, help="share of the seconds of a masked autoencoder")
    args = parser.parse_args()
    task = TASKS[args.task]
    settings = {**task.settings, **dict(word.split("=", 1) for word in args.settings), **(QUICK if args.quick else {})}
    images = QUICK_IMAGES if args.quick else args.images
    seconds = 0.0 if images else args.seconds or task.seconds
    folder, found = Path(args.data) if args.data else None, list[Rows]()
    with tempfile.TemporaryDirectory() as place, muted():
        make = task.make if folder else noise(task.recipe == "translate")
        data = aegean.open_data(make(folder or Path(), Path(place)))
        fixed = task.without(data, folder)
        note(str(fixed))
        for seed in range(args.seeds):
            source = begin(args.masked, data, settings, seed, seconds, images)
            budget = {"seconds": seconds} if seconds else {"images": images}
            run = trained(task.recipe, data, settings, seed, **budget, source=source)
            found.append({**task.score(run.model, data, folder), "images": run.images, "seconds": run.seconds})
            note(f"seed {seed}: {found[-1]}")
            if args.pictures and seed == 0:
                save(args.pictures, run.model, data)
    rows: list[tuple[Any, ...]] = [(name, value, None, None) for name, value in fixed.items()]
    for name in found[0]:
        values = [row[name] for row in found]
        rows.append((name, float(np.median(values)), min(values), task.aims.get(name)))
    show(f"{args.task}, {args.seeds} seeds", ("", "median", "lowest", "aim"), rows)
    finish("translate", torch.device("cpu"), task=args.task, settings=settings, masked=args.masked,
           rows={row[0]: rounded(row[1], 6) for row in rows}, aims=task.aims,
           seeds=[{k: rounded(v, 6) for k, v in row.items()} for row in found])  # fmt: skip


def save(file: str, model: Model, data: Dataset) -> None:
    """Rows of given samples, translations and samples of the other side."""
    assert data.target
    x = data.info.normalise(np.asarray(data.test[:SHOWN]))
    rows = [data.info.restore(x), data.target.info.restore(model.translate(x)), np.asarray(data.target.test[:SHOWN])]
    stack = [np.repeat(r, 3, 1) if r.shape[1] == 1 else r for r in rows]
    Path(file).write_bytes(tiles(np.concatenate(stack).transpose(0, 2, 3, 1), len(x)))


if __name__ == "__main__":
    main()
