"""Do the numbers of a latent stand for one factor each? Variational recipes on sprites, whose factors are known.

    python benchmarks/factors.py [--seeds K] [--images N] [--recipes vae,beta_vae:beta=8] [--set network=mlp latent=10]

Every recipe with the same networks, images and seeds. `mig` and `factorvae` are those of `aegean evaluate`, the mean
and the least to the greatest over seeds; `rate` in bits, `active` numbers with a rate of at least 0.1 bits, `psnr` of
the held-out sprites. The last line is JSON.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

import numpy as np
from common import arguments, finish, note, rounded, show
from study import CPU, play, trainer_of

from aegean.data import Dataset, open_data
from aegean.formulas.disentanglement import SILENT
from aegean.formulas.pictures import psnr
from aegean.metrics.factors import Factors, untrained
from aegean.model import Model
from aegean.model.directions import data_latents
from aegean.recipes import configure

COLUMNS = ("mig", "factorvae", "rate", "active", "psnr", "seconds")


def main() -> None:
    parser = arguments(__doc__.splitlines()[0])
    parser.add_argument("--recipes", default="vae,beta_vae,tc_vae")
    parser.add_argument("--set", nargs="*", default=["network=mlp", "latent=10"], dest="settings")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--images", type=int, default=200_000)
    asked = parser.parse_args()
    seeds, images = (1, 640) if asked.quick else (asked.seeds, asked.images)
    dataset = open_data("sprites")
    factors = Factors.of(dataset)
    assert factors is not None
    found: dict[str, list[dict[str, float]]] = {}
    for name in asked.recipes.split(","):
        settings = dict(word.split("=") for word in (*asked.settings, *name.split(":")[1:]))
        for seed in range(seeds):
            model, seconds = trained(name.split(":")[0], settings, dataset, images, seed)
            if not found:
                found["untrained"] = [measured(untrained(model), factors, dataset, 0.0)]
            found.setdefault(name, []).append(measured(model, factors, dataset, seconds))
            note(f"{name}, seed {seed}: {found[name][-1]}")
    show(f"sprites, {images:,} images, {seeds} seeds", ("", *COLUMNS), [(n, *summary(f)) for n, f in found.items()])
    finish("factors", CPU, images=images, found=found)


def trained(recipe: str, settings: dict[str, str], dataset: Dataset, images: int, seed: int) -> tuple[Model, float]:
    """A model, and the processor's seconds that it took."""
    run = configure(recipe, dataset.info, settings).with_images(images).replace(seed=seed)
    trainer = trainer_of(run, dataset)
    seconds = play(trainer, clock=time.process_time)
    return trainer.model(), seconds


def measured(model: Model, factors: Factors, dataset: Dataset, seconds: float) -> dict[str, float]:
    rates = data_latents(model, factors.x).rate
    x = dataset.info.normalise(np.asarray(dataset.test[:]))
    values: dict[str, Any] = factors.scores(model) | {
        "rate": float(rates.sum()) if rates is not None else 0.0,
        "active": int((rates >= SILENT).sum()) if rates is not None else 0,
        "psnr": psnr(x.numpy(), model.reconstruct(x).numpy()),
        "seconds": seconds,
    }
    return {name: rounded(value, 3) or 0.0 for name, value in values.items()}


def summary(runs: Sequence[dict[str, float]]) -> list[str]:
    """The mean of each column, and for scores of several runs their range."""
    cells = []
    for column in COLUMNS:
        values = [run[column] for run in runs]
        spread = f" ({min(values):.2f} to {max(values):.2f})" if column in COLUMNS[:2] and len(values) > 1 else ""
        cells.append(f"{np.mean(values):.3g}{spread}")
    return cells


if __name__ == "__main__":
    main()
