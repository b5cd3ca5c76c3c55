"""What an adversary brings a codec at equal bytes: sharper pictures, and how much PSNR that costs.

    python benchmarks/vq_gan.py --task digits|mnist|cifar [--data FOLDER] [--base codec|vq_ae|residual] [--images N]
        [--sharp M] [--seed K] [--set NAME=VALUE ...] [--train NAME=VALUE ...] [--pictures FILE.png]

A `codec` or `vq_ae` is trained on N images. Then its decoder alone goes on for M more, from the same weights: by the
squared error only ("plain"), and as `vq_gan` trains it (`--set`); with "moving", the encoder too. Every codec's test
pictures go into one file, header counted: bytes a picture; PSNR is the mean over pictures; rfd is the Fréchet distance
of reconstructions in the features of a classifier trained on the data; use is the share of codes in use. "lowest" is
the lowest PSNR of the decoder's raw weights, on 500 pictures, in the first 100 steps that it learns on, of which
`curve` has every fifth. The last line is JSON.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import torch
from common import arguments, finish, note, rounded, show
from study import play, raw_model, scores_of, trainer_of
from tasks import TASKS

from aegean.data import Dataset, kinds
from aegean.formulas import pictures
from aegean.metrics.features import feature_network
from aegean.metrics.protocol import Evaluator
from aegean.model import Model
from aegean.recipes import configure
from aegean.training.schedule import Run
from aegean.training.trainer import Trainer

FOLLOWED, EVERY = 100, 5  # steps from the adversary's start on, whose PSNR is looked at
SHOWN = 500  # held-out pictures of those looks
QUICK = {"images": 640, "sharp": 640}
SMALL: dict[str, Any] = {"width": 8, "batch": 16}
BASES: dict[str, dict[str, Any]] = {
    "codec": {"quality": 10, "lossless": False},
    "vq_ae": {},
    "residual": {"quantiser": "residual"},
}
COLUMNS = ("bytes", "psnr", "lowest", "rfd", "ssim", "use", "seconds")


class Bench:
    """One data set, its measures, and how a run is played on it."""

    def __init__(self, dataset: Dataset, seed: int):
        self.dataset, self.seed, self.device = dataset, seed, torch.device("cpu")
        self.evaluator = Evaluator(dataset, feature_network(dataset))
        self.held_out = self.evaluator.test[:SHOWN]

    def trainer(self, run: Run, source: Model | None = None) -> Trainer:
        return trainer_of(run.replace(seed=self.seed), self.dataset, self.device, source=source)

    def psnr(self, trainer: Trainer) -> float:
        """Of the raw weights, on some held-out pictures."""
        model = raw_model(trainer)
        return pictures.psnr(self.held_out.numpy(), model.reconstruct(self.held_out).numpy())

    def played(self, trainer: Trainer, follow: bool) -> tuple[Model, dict[str, Any]]:
        curve: list[float] = []

        def due(began: bool = False) -> bool:
            steps = trainer.seen // trainer.run.batch
            return follow and trainer.phase is trainer.run.schedule[-1] and steps <= FOLLOWED and steps % EVERY == 0

        def look(began: bool = False, seconds: float = 0.0) -> None:
            if due():
                curve.append(self.psnr(trainer))

        look()
        seconds = play(trainer, due, look)
        found = {"curve": [rounded(value) for value in curve], "lowest": min(curve, default=None)}
        return trainer.model(), {**found, "use": trainer.nets["bottleneck"].use()["use"], "seconds": seconds}

    def scores(self, model: Model) -> dict[str, float]:
        found = scores_of(self.evaluator, model)
        size = len(model.compress(self.evaluator.test)) / len(self.evaluator.test)
        return {"bytes": size, **{name: found[name] for name in ("psnr", "rfd", "ssim")}}


def alone(run: Run) -> Run:
    """The same without a discriminator: its decoder's turn, with the reconstruction only, on as many images."""
    phase = run.schedule[-1].replace(images=run.images)
    turn = next(turn for turn in phase.turns if turn.name == "AE")
    turn = turn.replace(terms=turn.terms[:1], balance="")
    nets = {name: spec for name, spec in run.nets.items() if name != "D"}
    return run.replace(nets=nets, schedule=(phase.replace(turns=(turn,)),))


def settings_of(words: list[str]) -> dict[str, str]:
    return dict(word.split("=", 1) for word in words)


def main() -> None:
    parser = arguments(__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("--task", choices=("digits", "mnist", "cifar"), default="digits")
    parser.add_argument("--data", help="folder of the data (mnist: its four files; cifar: its batches)")
    parser.add_argument("--base", choices=tuple(BASES), default="codec")
    parser.add_argument("--images", type=int, default=60_000)
    parser.add_argument("--sharp", type=int, default=24_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--train", nargs="*", default=[], help="settings of the codec")
    parser.add_argument("--set", nargs="*", default=[], help="settings of vq_gan")
    parser.add_argument("--moving", action="store_true", help="also train the encoder on")
    parser.add_argument("--pictures", type=Path)
    asked = parser.parse_args()
    dataset = TASKS[asked.task].open(asked.data)
    budget = QUICK if asked.quick else {"images": asked.images, "sharp": asked.sharp}
    train = {**BASES[asked.base], **(SMALL if asked.quick else {}), **settings_of(asked.train)}
    sharpen = {**({"batch": 16} if asked.quick else {}), **settings_of(asked.set)}
    bench, info = Bench(dataset, asked.seed), dataset.info
    found: dict[str, dict[str, Any]] = {}

    def measure(name: str, run: Run, source: Model | None = None) -> Model:
        model, more = bench.played(bench.trainer(run, source), source is not None)
        found[name] = {**bench.scores(model), **more}
        note(f"{name}: {found[name]}")
        models[name] = model
        return model

    models: dict[str, Model] = {}
    recipe = "codec" if asked.base == "codec" else "vq_ae"
    base = measure(recipe, configure(recipe, info, train).with_images(budget["images"]))
    sharp = configure("vq_gan", info, sharpen, base.specs).with_images(budget["sharp"])
    measure("plain", alone(sharp), base)
    measure("vq_gan", sharp, base)
    if asked.moving:
        measure(
            "moving",
            configure("vq_gan", info, {**sharpen, "encoder": "train"}, base.specs).with_images(budget["sharp"]),
            base,
        )
    if asked.pictures:
        x = bench.evaluator.test[:10]
        rows = [x, *(model.reconstruct(x) for model in models.values())]
        asked.pictures.write_bytes(kinds.show({"": info.restore(torch.cat(rows))}, info, 10))
    show(
        f"{asked.task}, {budget['images']:,} and {budget['sharp']:,} images, seed {asked.seed}",
        ["", *COLUMNS],
        [[name, *(rounded(values[column]) for column in COLUMNS)] for name, values in found.items()],
    )
    finish(
        "vq_gan",
        bench.device,
        task=asked.task,
        base=asked.base,
        **budget,
        seed=asked.seed,
        train=train,
        set=sharpen,
        held_out=len(bench.evaluator.test),
        found=found,
    )


if __name__ == "__main__":
    main()
