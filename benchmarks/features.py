"""How good are an autoencoder's latents? Reconstruction and a linear probe, beside PCA, kernel PCA and UMAP.

    python benchmarks/features.py [--data SPEC] [--components 2,4,8,16] [--images 100k] [--seeds K]
        [--methods "PCA; dense"] [--picture FILE.png]

Every method learns from the training part of labelled pictures (digits, unless --data names others) and is judged on
the test part: "error" is what its reconstructions leave of the variance around the training mean, in per cent; "probe"
is the accuracy of a logistic regression on the standardised components of 10,000 training samples at most; "seconds"
are those of `fit`, by the processor's clock. Kernel PCA, whose cost grows with the cube of the samples, learns from
2,000 at most. UMAP (an optional library) is not asked to reconstruct. Of autoencoders and UMAP the table shows the
median over the seeds, with several of them the least and the greatest, too. The last line is JSON.
"""

from __future__ import annotations

import importlib.util
import time
import warnings
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from common import arguments, finish, note, rounded, show
from sklearn.decomposition import PCA, KernelPCA
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import FunctionTransformer

from aegean.data import open_data
from aegean.formulas.probe import probe_accuracy
from aegean.sklearn import AutoencoderTransformer

Maker = Callable[[int, int], Any]  # components, seed -> an estimator
Measured = dict[str, float | None]
KERNEL_SAMPLES = 2_000
PROBED = 10_000
ROWS = 1_000  # that a method sees at once
Part = tuple[np.ndarray, np.ndarray]


def parts(spec: str, most: int) -> tuple[Part, Part, tuple[int, ...]]:
    """Training and test part, at most so many of each: rows (n, columns) float32 with classes (n,), and the pictures'
    shape."""
    dataset = open_data(spec)
    if dataset.train_labels is None or dataset.info.kind != "image":
        raise SystemExit(f"{spec}: this benchmark needs pictures with labels.")

    def part(raw: Any, labels: Any) -> Part:
        x = np.asarray(raw[:most], np.float32)
        return x.reshape(len(x), -1), np.asarray(labels[:most])

    return part(dataset.train, dataset.train_labels), part(dataset.test, dataset.test_labels), dataset.info.shape


def methods(train: np.ndarray, shape: tuple[int, ...], images: str) -> dict[str, Maker]:
    def kernel(k: int, seed: int) -> Any:
        """With the total variance as the unit, so that one width serves the data's kernel and that of the way back."""
        unit = float(train.var(0).sum() ** 0.5)
        scaling = FunctionTransformer(partial(np.multiply, 1 / unit), inverse_func=partial(np.multiply, unit))
        inner = KernelPCA(k, kernel="rbf", gamma=1.0, fit_inverse_transform=True, alpha=0.01, random_state=seed)
        return make_pipeline(scaling, inner)

    found: dict[str, Maker] = {
        "PCA": lambda k, seed: PCA(k, random_state=seed),
        "kernel PCA": kernel,
        "dense autoencoder": lambda k, seed: AutoencoderTransformer(k, images=images, random_state=seed),
        "convolutional autoencoder": lambda k, seed: AutoencoderTransformer(
            k, image_shape=shape, images=images, random_state=seed
        ),
    }
    if importlib.util.find_spec("umap"):
        found["UMAP"] = umap
    else:
        note("UMAP is left out: pip install umap-learn")
    return found


def umap(k: int, seed: int) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it warns of TensorFlow, which nobody needs here, when it is imported
        from umap import UMAP
    return UMAP(n_components=k, random_state=seed, n_jobs=1)


def measured(estimator: Any, train: Part, test: Part) -> Measured:
    """Error in per cent, accuracy of the probe, and seconds of `fit`."""
    (x, classes), (x_test, truth) = train, test
    learnt = x[:KERNEL_SAMPLES] if isinstance(estimator, Pipeline) else x
    start = time.process_time()
    estimator.fit(learnt)
    seconds = time.process_time() - start
    probed, z = (in_parts(estimator.transform, part) for part in (x[:PROBED], x_test))
    error = None
    if type(estimator).__name__ != "UMAP":
        left = np.square(x_test - in_parts(estimator.inverse_transform, z), dtype=np.float64).sum()
        error = 100 * float(left / np.square(x_test - x.mean(0), dtype=np.float64).sum())
    return {"error": error, "probe": probe_accuracy(probed, classes[:PROBED], z, truth), "seconds": seconds}


def in_parts(function: Callable[[np.ndarray], np.ndarray], rows: np.ndarray) -> np.ndarray:
    return np.concatenate([function(rows[start : start + ROWS]) for start in range(0, len(rows), ROWS)])


def over_seeds(found: list[Measured]) -> dict[str, list[float] | None]:
    """Of each number the median, the least and the greatest."""
    columns = {key: [value for one in found if (value := one[key]) is not None] for key in found[0]}
    return {
        key: [rounded(float(f(values))) for f in (np.median, np.min, np.max)] if values else None  # type: ignore[misc]
        for key, values in columns.items()
    }


def cell(numbers: list[float] | None) -> str | None:
    if numbers is None:
        return None
    middle, least, greatest = (f"{number:.3g}" for number in numbers)
    return middle if least == greatest else f"{middle} ({least} to {greatest})"


def plot(path: Path, results: dict[int, dict[str, Any]]) -> None:
    """Error and accuracy of every method over the components: medians as lines, from the least to the greatest."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, 3.6), dpi=100, layout="constrained")
    panels = figure.subplots(1, 2)
    names = list(dict.fromkeys(name for found in results.values() for name in found))
    titles = {"error": "error left of the variance, %", "probe": "accuracy of a linear probe"}
    for axes, (key, title) in zip(panels, titles.items()):
        for row, name in enumerate(names):
            known = [(k, found[name][key]) for k, found in results.items() if found.get(name, {}).get(key)]
            if known:
                k, numbers = zip(*known)
                middle, least, greatest = np.array(numbers).T
                axes.errorbar(k, middle, (middle - least, greatest - middle), color=f"C{row}", marker="o", markersize=4,
                              capsize=3, label=name, linestyle="--" if "PCA" in name else "-")  # fmt: skip
        axes.set(title=title, xlabel="components", xscale="log", xticks=list(results), xticklabels=list(results))
        axes.minorticks_off()
        axes.grid(alpha=0.3)
    panels[1].legend(fontsize="small")
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path)


def main() -> None:
    parser = arguments("Latents of autoencoders beside PCA, kernel PCA and UMAP.")
    parser.add_argument("--data", default="digits", help="labelled pictures, as `aegean train --data` takes them")
    parser.add_argument("--components", default="2,4,8,16", help="how many, separated by commas")
    parser.add_argument("--images", default="100k", help="budget of every autoencoder")
    parser.add_argument("--methods", default="", help="parts of their names, separated by semicolons; empty: all")
    parser.add_argument("--seeds", type=int, default=1, help="of the autoencoders and UMAP")
    parser.add_argument("--picture", type=Path, help="a .png of the table")
    options = parser.parse_args()
    if options.quick:
        options.components, options.images = "2", "640"
    train, test, shape = parts(options.data, 200 if options.quick else 10**9)
    results: dict[int, dict[str, Any]] = {}
    for k in map(int, options.components.split(",")):
        results[k] = {}
        for name, make in methods(train[0], shape, options.images).items():
            if not any(word.strip() in name for word in options.methods.split(";")):
                continue
            seeds = 1 if "PCA" in name else options.seeds
            results[k][name] = over_seeds([measured(make(k, seed), train, test) for seed in range(seeds)])
            note(f"{k} components, {name}: {results[k][name]}")
    for k, rows in results.items():
        cells = [(name, *map(cell, found.values())) for name, found in rows.items()]
        show(f"{k} components", ("", "error %", "probe", "seconds"), cells)
    if options.picture:
        plot(options.picture, results)
    finish(
        "features", torch.device("cpu"), data=options.data, images=options.images, seeds=options.seeds, results=results
    )


if __name__ == "__main__":
    main()
