"""Anomalies: how well odd samples are told from usual ones, and how often usual ones are taken for odd.

    python benchmarks/anomalies.py --task tables --data FOLDER [--seeds 5] [--images 40000] [--only NAME ...]
    python benchmarks/anomalies.py --task digits --data FOLDER [--images 40000] [--only 0 1 ...]

tables: FOLDER holds .npz files of X (n, columns) and y (n,), 1 where odd, as ADBench has them. Half of the normal rows
are for training; the others and all odd ones are tested. Beside AnomalyDetector stand scikit-learn's nearest
neighbours (mean distance to 5), isolation forest, local outlier factor and principal components (90% of the variance,
error), all on standardised columns. A fifth of the training rows is what AnomalyDetector holds out for its p-values;
the others train on all.

digits: FOLDER holds MNIST. One digit is odd, the other nine are trained on; all test pictures are judged. Beside the
score stands the error of the same model's reconstructions alone.

AUROC, and the share of usual test samples whose p-value is at most 0.05 (false). The last line is JSON.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import torch
from common import arguments, finish, note, rounded, show
from sklearn.decomposition import PCA
from sklearn.ensemble import IsolationForest
from sklearn.metrics import roc_auc_score
from sklearn.neighbors import LocalOutlierFactor, NearestNeighbors
from sklearn.preprocessing import StandardScaler

from aegean.data.read.binary import read_idx
from aegean.data.read.files import Files
from aegean.data.read.source import Want
from aegean.sklearn import AnomalyDetector

Score = Callable[[np.ndarray, np.ndarray], np.ndarray]  # training rows, tested rows -> odder is higher
QUICK = 640  # images of a training with --quick


def neighbours(train: np.ndarray, x: np.ndarray) -> np.ndarray:
    return NearestNeighbors(n_neighbors=5).fit(train).kneighbors(x)[0].mean(1)


def components(train: np.ndarray, x: np.ndarray) -> np.ndarray:
    fitted = PCA(0.9).fit(train)
    return np.square(x - fitted.inverse_transform(fitted.transform(x))).sum(1)


OTHERS: dict[str, Score] = {
    "neighbours": neighbours,
    "forest": lambda train, x: -IsolationForest(random_state=0).fit(train).score_samples(x),
    "factor": lambda train, x: -LocalOutlierFactor(20, novelty=True).fit(train).score_samples(x),
    "components": components,
}


def halved(X: np.ndarray, y: np.ndarray, seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Half of the normal rows, the other rows, and which of them are odd."""
    normal = np.random.default_rng(seed).permutation(np.flatnonzero(y == 0))
    half = len(normal) // 2
    rest = np.concatenate((normal[half:], np.flatnonzero(y)))
    return X[normal[:half]], X[rest], y[rest]


def made() -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """A table of two columns with some odd rows, for --quick."""
    random = np.random.default_rng(0)
    return {"made": (np.r_[random.normal(size=(100, 2)), random.normal(5, 1, size=(9, 2))], np.arange(109) > 99)}


def read(folder: Path) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    found = {}
    for file in sorted(folder.glob("*.npz")):
        with np.load(file) as arrays:
            found[file.stem] = arrays["X"].astype(np.float64), arrays["y"].astype(int)
    return found


def tables(asked: argparse.Namespace) -> Iterator[tuple[str, dict[str, float]]]:
    """Of each table the scores, means over seeds."""
    for name, (X, y) in (read(asked.data) if asked.data else made()).items():
        if asked.only and name not in asked.only:
            continue
        rows = []
        for seed in range(asked.seeds):
            train, x, odd = halved(X, y, seed)
            clock = time.process_time()
            fitted = AnomalyDetector(images=asked.images, random_state=seed).fit(train)
            found = {"aegean": roc_auc_score(odd, -fitted.score_samples(x)), "s": time.process_time() - clock}
            found["false"] = float((fitted.p_value(x[odd == 0]) <= 0.05).mean())
            scaler = StandardScaler().fit(train)
            for other, score in OTHERS.items():
                found[other] = roc_auc_score(odd, score(scaler.transform(train), scaler.transform(x)))
            rows.append(found)
        yield name, {key: float(np.mean([row[key] for row in rows])) for key in rows[0]}


def mnist(asked: argparse.Namespace) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Training pictures (n, 784) and their digits, then those of the test."""
    if not asked.data:
        random = np.random.default_rng(0)
        x = np.repeat(np.arange(2), 120)
        pictures = random.normal(size=(240, 784)) + 4 * x[:, None]
        return pictures[::2], x[::2], pictures[1::2], x[1::2]
    source = read_idx(Files(asked.data), Want())
    parts = [
        (np.concatenate(list(part.blocks())).reshape(part.count, -1), part.labels)
        for part in (source.train, source.test)
        if part
    ]
    (x, digits), (test, test_digits) = parts
    return x.astype(np.float32), digits, test.astype(np.float32), test_digits


def digits(asked: argparse.Namespace) -> Iterator[tuple[str, dict[str, float]]]:
    """Of each digit that is odd the scores."""
    x, of, test, of_test = mnist(asked)
    for digit in map(int, asked.only or np.unique(of)):
        clock = time.process_time()
        pictures = x[of != digit][: asked.count]
        fitted = AnomalyDetector(image_shape=(28, 28), images=asked.images, random_state=0).fit(pictures)
        odd = of_test == digit
        scores, errors = fitted.score_samples(test), fitted.explain(test)
        yield (
            str(digit),
            {
                "aegean": roc_auc_score(odd, -scores),
                "error alone": roc_auc_score(odd, errors.sum(1)),
                "false": float((scores[~odd] < fitted.offset_).mean()),  # p <= 0.05
                "s": time.process_time() - clock,
            },
        )


def main() -> None:
    parser = arguments(__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("--task", choices=("tables", "digits"), default="tables")
    parser.add_argument("--data", type=Path, metavar="FOLDER")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--images", type=int, default=40_000)
    parser.add_argument("--count", type=int, default=20_000, help="training pictures, of digits")
    parser.add_argument("--only", nargs="+", metavar="NAME", help="of the tables, or of the digits")
    asked = parser.parse_args()
    if asked.quick:
        asked.seeds, asked.images = 1, QUICK
    found = {}
    for name, scores in {"tables": tables, "digits": digits}[asked.task](asked):
        found[name] = {key: rounded(value) for key, value in scores.items()}
        note(f"{name}: {found[name]}")
    if not found:
        raise SystemExit("None of the tables or digits has such a name.")
    mean = {key: rounded(float(np.mean([row[key] for row in found.values()]))) for key in next(iter(found.values()))}
    show(asked.task, ("", *mean), [(name, *row.values()) for name, row in (*found.items(), ("mean", mean))])
    finish(
        "anomalies",
        torch.device("cpu"),
        task=asked.task,
        seeds=asked.seeds,
        images=asked.images,
        scores=found,
        mean=mean,
    )


if __name__ == "__main__":
    main()
