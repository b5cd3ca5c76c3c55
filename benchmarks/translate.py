"""Translation beside its baselines.

    python benchmarks/translate.py --task NAME [--data FOLDER] [--minutes M] [--seeds K] [--source RUN]
        [--set NAME=VALUE ...] [--pictures FILE.png]

NAME is one of TASKS; FOLDER holds `noto_emoji/` (outline, blob, new), `mnist/` (idx) and `usps/` (npz).

outline: outlines -> emoji, pairs; every fifth name is held out. PSNR in dB and the Fréchet distance, of the exact and
of the sharpened decoder, beside a table of two colours, the partner of the nearest outline and the mean.
emoji: blob <-> new, without pairs. The share of translations whose nearest neighbour among all pictures of the other
side is the glyph of the same name, beside that of the given pictures (identity).
digits: MNIST <-> USPS, without pairs, both ways. A classifier of the target (nearest neighbour by cosine) is shown
translated training digits with the labels of their originals, and tested on real ones; beside it the same with digits
that are cropped to their box instead of translated, and with untranslated ones. The share of translations that keep
their label says whether classes were exchanged.

Several seeds give medians, and the worst. Without FOLDER, and with --quick, pictures of noise are translated. The last
line is JSON.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from common import finish, note, rounded, show, training_arguments
from PIL import Image

import aegean
from aegean.data import DataOptions, Dataset
from aegean.data.io.show import tiles
from aegean.formulas import pictures
from aegean.model import Model
from aegean.surface import muted

Rows = dict[str, float]
SHOWN = 12
SIDE = 20  # pixels of a digit cropped to its box
QUICK: dict[str, Any] = {"images": 320, "settings": {"width": 4, "blocks": 1, "batch": 16}}


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


def score_pairs(model: Model, data: Dataset, scores: Rows, folder: Path | None) -> Rows:
    """What the final evaluation says, and a table of two colours."""
    assert data.target
    given, wanted = data.info.normalise(data.test), data.target.info.normalise(data.target.test)
    known, others = data.info.normalise(data.train), data.target.info.normalise(data.target.train)
    dark = known.mean(1, keepdim=True) < 0
    colours = [(others * mask).sum((0, 2, 3)) / mask.sum((0, 2, 3)) for mask in (~dark, dark)]
    table = torch.where(given.mean(1, keepdim=True) < 0, *(c[:, None, None] for c in reversed(colours)))
    return {**scores, "table of two colours, dB": pictures.psnr(wanted.numpy(), table.expand_as(wanted).numpy())}


def score_glyphs(model: Model, data: Dataset, scores: Rows, folder: Path | None) -> Rows:
    """Partners found by nearest neighbour, among all pictures of the other side."""
    assert data.target
    blob, new = both_sides(data, folder)
    a, b = (2 * torch.from_numpy(raw / np.float32(255)) - 1 for raw in (blob, new))
    found = {}
    for way, x, y, made in (("there", a, b, model.translate(a)), ("back", b, a, model.translate(b, back=True))):
        found |= {f"{way}: found": partners(made, y), f"{way}: identity": partners(x, y)}
    return {**scores, **found}


def both_sides(data: Dataset, folder: Path | None) -> tuple[np.ndarray, np.ndarray]:
    """Pictures (n, C, H, W) uint8 of both sides, partners at the same places."""
    if folder is None:
        assert data.target
        return np.asarray(data.train), np.asarray(data.target.train)
    sides = [folder / "noto_emoji" / side for side in ("blob", "new")]
    names = sorted(set(files(sides[0])) & set(files(sides[1])))

    def read(file: Path) -> np.ndarray:
        with Image.open(file) as image:
            clear = image.convert("RGBA")
        white = Image.new("RGBA", clear.size, "white")
        white.alpha_composite(clear)
        return np.asarray(white.convert("RGB")).transpose(2, 0, 1)

    blob, new = (np.stack([read(side / name) for name in names]) for side in sides)
    return blob, new


def partners(made: torch.Tensor, known: torch.Tensor) -> float:
    """The share of samples whose nearest known one is at their own place."""
    near = torch.cdist(made.flatten(1), known.flatten(1)).argmin(1)
    return float((near == torch.arange(len(near))).float().mean())


def score_digits(model: Model, data: Dataset, scores: Rows, folder: Path | None) -> Rows:
    """Classifiers of either side that have seen translations of the other."""
    assert data.target
    found = {}
    for way, source, target in (("there", data, data.target), ("back", data.target, data)):
        raw, labels = source.train[:5_000], np.asarray(source.train_labels)[:5_000]
        x = source.info.normalise(np.asarray(raw))
        made = model.translate(x, back=way == "back")
        test, truth = target.info.normalise(np.asarray(target.test[:2_000])), np.asarray(target.test_labels)[:2_000]
        found |= {
            f"{way}: translated": nearest(made, labels, test, truth),
            f"{way}: as they are": nearest(x, labels, test, truth),
            f"{way}: cropped": nearest(cropped(x), labels, cropped(test), truth),
            f"{way}: labels kept": kept(made, labels, target),
        }
    return {**scores, **found}


def kept(made: torch.Tensor, labels: np.ndarray, target: Dataset) -> float:
    """How often the nearest real sample has the label of the original."""
    known = target.info.normalise(np.asarray(target.train[:5_000]))
    return nearest(known, np.asarray(target.train_labels)[:5_000], made[:1_000], labels[:1_000])


def nearest(known: torch.Tensor, labels: np.ndarray, x: torch.Tensor, truth: np.ndarray) -> float:
    """Accuracy of the nearest neighbour by cosine."""
    a, b = (F.normalize(1 + t.flatten(1), dim=1) for t in (known, x))
    return float((labels[(b @ a.T).argmax(1).numpy()] == truth).mean())


def cropped(x: torch.Tensor) -> torch.Tensor:
    """Digits (n, 1, H, W) cropped to their box, in one size."""
    out = []
    for picture in x[:, 0]:
        ink = picture > 0
        rows, columns = (torch.nonzero(ink.any(axis)).flatten() for axis in (1, 0))
        if not len(rows):
            out.append(torch.full((SIDE, SIDE), -1.0))
            continue
        part = picture[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
        out.append(F.interpolate(part[None, None], (SIDE, SIDE), mode="bilinear", align_corners=False)[0, 0])
    return torch.stack(out)[:, None]


TASKS: dict[str, tuple[str, Callable[[Path, Path], DataOptions], Callable[..., Rows], dict[str, Any], float]] = {
    "outline": ("translate", outline, score_pairs, {"flips": "sides"}, 10.0),
    "emoji": ("unit", emoji, score_glyphs, {"flips": "none"}, 15.0),
    "digits": ("unit", digits, score_digits, {"flips": "none", "width": 16}, 15.0),
}


def main() -> None:
    parser = training_arguments(__doc__, TASKS, "outline")
    args = parser.parse_args()
    recipe, make, score, settings, minutes = TASKS[args.task]
    settings = {**settings, **dict(word.split("=", 1) for word in args.settings)}
    settings |= QUICK["settings"] if args.quick else {}
    budget = {"images": QUICK["images"]} if args.quick else {"minutes": args.minutes or minutes}
    found: list[Rows] = []
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        options = (make if args.data else noise(recipe == "translate"))(Path(args.data or "."), place)
        with muted():
            data = aegean.open_data(options)
            for seed in range(args.seeds):
                out = place / f"run-{seed}"
                more: dict[str, Any] = {"seed": seed, "evaluations": 1, "source": args.source, "settings": settings}
                model = aegean.train(recipe, options, out, **more, **budget)
                scores = {key: score.value for key, score in aegean.evaluate(out).items()}
                named = {k: v for k, v in scores.items() if k.split("@")[0] in KEPT}
                row = score(model, data, named, Path(args.data) if args.data else None)
                found.append({**row, "images": model.about["images"], "seconds": model.about["seconds"]})
                note(f"seed {seed}: {found[-1]}")
        if args.pictures:
            save(args.pictures, model, data)
    rows = [
        (name, float(np.median([row[name] for row in found])), min(row[name] for row in found)) for name in found[0]
    ]
    show(f"{args.task}, {args.seeds} seeds", ("", "median", "lowest"), rows)
    finish("translate", torch.device("cpu"), task=args.task, settings=settings,
           rows={name: rounded(value, 6) for name, value, _ in rows},
           seeds=[{k: rounded(v, 6) for k, v in row.items()} for row in found])  # fmt: skip


KEPT = ("psnr", "exact_psnr", "ssim", "exact_ssim", "fd", "label")


def save(file: str, model: Model, data: Dataset) -> None:
    """Rows of given samples, translations and samples of the other side."""
    assert data.target
    x = data.info.normalise(np.asarray(data.test[:SHOWN]))
    rows = [data.info.restore(x), data.target.info.restore(model.translate(x)), np.asarray(data.target.test[:SHOWN])]
    stack = [np.repeat(r, 3, 1) if r.shape[1] == 1 else r for r in rows]
    Path(file).write_bytes(tiles(np.concatenate(stack).transpose(0, 2, 3, 1), len(x)))


if __name__ == "__main__":
    main()
