"""Digits of two sets that were translated into each other without pairs: are they what they were, and do classifiers
that have seen them know the real ones?"""

from __future__ import annotations

from functools import partial
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from aegean.data import Dataset
from aegean.model import Model

Rows = dict[str, float]
KNOWN, TESTED = 7_000, 2_000  # digits
SEEN = 16  # pixels a side of what a network classifies
STEPS, QUICK_STEPS = 1_000, 10  # of its training, on digits and on noise
SIDE = 20  # pixels of a digit cropped to its box


def score_digits(model: Model, data: Dataset, folder: Path | None) -> Rows:
    """Classifiers of either side that have seen translations of the other."""
    found = {}
    for way, source, target in ways(data):
        x, labels = known(source)
        made = model.translate(x, back=way == "back")
        found[f"{way}: translated, nearest"] = nearest(made, labels, *tested(target))
        found[f"{way}: translated"] = classified(made, labels, *tested(target), steps=steps_on(folder))
        found[f"{way}: labels kept"] = kept(made, labels, target)
    return found


def known_digits(data: Dataset, folder: Path | None) -> Rows:
    """The same without a translator."""
    found = {}
    for way, source, target in ways(data):
        (x, labels), (test, truth) = known(source), tested(target)
        for name, judge in {", nearest": nearest, "": partial(classified, steps=steps_on(folder))}.items():
            found[f"{way}: as they are{name}"] = judge(x, labels, test, truth)
            found[f"{way}: cropped{name}"] = judge(cropped(x), labels, cropped(test), truth)
            found[f"{way}: real{name}"] = judge(*known(target), test, truth)
        found[f"{way}: labels kept, as they are"] = kept(x, labels, target)
    return found


def steps_on(folder: Path | None) -> int:
    return STEPS if folder else QUICK_STEPS


def known(side: Dataset) -> tuple[torch.Tensor, np.ndarray]:
    return side.info.normalise(np.asarray(side.train[:KNOWN])), np.asarray(side.train_labels)[:KNOWN]


def ways(data: Dataset) -> list[tuple[str, Dataset, Dataset]]:
    assert data.target
    return [("there", data, data.target), ("back", data.target, data)]


def tested(target: Dataset) -> tuple[torch.Tensor, np.ndarray]:
    return target.info.normalise(np.asarray(target.test[:TESTED])), np.asarray(target.test_labels)[:TESTED]


def kept(made: torch.Tensor, labels: np.ndarray, target: Dataset) -> float:
    """How often the nearest real sample has the label of the original."""
    return nearest(*known(target), made[:1_000], labels[:1_000])


def nearest(known: torch.Tensor, labels: np.ndarray, x: torch.Tensor, truth: np.ndarray) -> float:
    """Accuracy of the nearest neighbour by cosine."""
    a, b = (F.normalize(1 + t.flatten(1), dim=1) for t in (known, x))
    return float((labels[(b @ a.T).argmax(1).numpy()] == truth).mean())


def classified(known: torch.Tensor, labels: np.ndarray, x: torch.Tensor, truth: np.ndarray, steps: int) -> float:
    """Accuracy of a small network, trained so many steps on digits that are moved, turned and scaled a little."""
    known, x = (F.interpolate(t, (SEEN, SEEN), mode="bilinear", antialias=True) for t in (known, x))
    g, wanted = torch.Generator().manual_seed(0), torch.from_numpy(labels.astype(np.int64))
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(0)
        layers = [nn.Conv2d(1, 32, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(32, 64, 3, padding=1)]
        layers += [nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(64 * (SEEN // 4) ** 2, 10)]
        network = nn.Sequential(*layers)
    optimizer = torch.optim.AdamW(network.parameters(), weight_decay=0.01)
    rates = torch.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=4e-3, total_steps=steps + 1)
    for _ in range(steps):
        index = torch.randint(len(known), (64,), generator=g)
        moved = torch.eye(2, 3) + 0.07 * torch.randn(64, 2, 3, generator=g)
        grid = F.affine_grid(moved, [64, 1, SEEN, SEEN], align_corners=False)
        seen = F.grid_sample(known[index], grid, padding_mode="border", align_corners=False)
        optimizer.zero_grad()
        F.cross_entropy(network(seen), wanted[index]).backward()
        optimizer.step()
        rates.step()
    with torch.no_grad():
        return float((network(x).argmax(1).numpy() == truth).mean())


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
