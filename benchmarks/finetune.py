"""What an adversary brings the decoder of a trained autoencoder of diffusers, against the squared error alone.

    python benchmarks/finetune.py --task digits|mnist|cifar [--data FOLDER] [--kind AutoencoderKL|AutoencoderTiny]
        [--depth C] [--factor F] [--base N] [--images M] [--seeds K ...] [--set "NAME=VALUE ..." ...] [--pictures FILE]

A small autoencoder of diffusers, a latent of C numbers for each F x F pixels, is trained here on N images by the
squared error alone, by a plain loop, and saved by diffusers. Then `decoder_finetune` goes on from its folder for M
images, the encoder still: by the squared error alone ("error alone"), and against the discriminator, once for each
`--set`. All have the same data, rates and number of images. PSNR is the mean over held-out pictures; rfd is the Fréchet
distance of reconstructions in the features of a classifier trained on the data. The last line is JSON.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import diffusers
import numpy as np
import torch
from common import arguments, finish, note, rounded, show
from study import CPU, play, scores_of, trainer_of
from tasks import TASKS

from aegean import diffusers as folders
from aegean.data import Dataset, kinds
from aegean.metrics.features import feature_network
from aegean.metrics.protocol import Evaluator
from aegean.model import Model
from aegean.recipes import configure

BATCH = 32
RATE = 1e-3  # of the plain loop, falling along a cosine to nothing
COLUMNS = ("psnr", "rfd", "ssim")


def make(kind: str, channels: int, depth: int, factor: int, width: int) -> Any:
    """A small autoencoder of diffusers with random values."""
    floors = factor.bit_length()
    widths = [width * min(2**i, 2) for i in range(floors)]
    common = {"in_channels": channels, "out_channels": channels, "latent_channels": depth}
    if kind == "AutoencoderTiny":
        both = {f"{end}_block_out_channels": (2 * width,) * floors for end in ("encoder", "decoder")}
        counts = {f"num_{end}_blocks": (1,) * floors for end in ("encoder", "decoder")}
        return diffusers.AutoencoderTiny(**common, **both, **counts)
    blocks = {"down_block_types": ("DownEncoderBlock2D",) * floors, "up_block_types": ("UpDecoderBlock2D",) * floors}
    return diffusers.AutoencoderKL(**common, **blocks, block_out_channels=widths, norm_num_groups=4)


def trained(asked: argparse.Namespace, dataset: Dataset, seed: int) -> Model:
    """An autoencoder trained by the squared error alone, on latents without noise, as read from the folder that
    diffusers made of it."""
    torch.manual_seed(seed)
    model = make(asked.kind, dataset.info.shape[0], asked.depth, asked.factor, asked.width)
    draw = np.random.default_rng(seed)
    optimizer = torch.optim.Adam(model.parameters(), RATE)
    steps = max(1, asked.base // BATCH)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps)
    for _ in range(steps):
        x = dataset.info.normalise(dataset.train[np.sort(draw.integers(0, len(dataset.train), BATCH))])
        found = model.encode(x)
        h = found.latent_dist.mode() if hasattr(found, "latent_dist") else found.latents
        loss = (model.decode(h).sample - x).square().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
    with tempfile.TemporaryDirectory() as place:
        model.save_pretrained(place)
        return folders.read(place, dataset.info)


def tuned(source: Model, dataset: Dataset, settings: dict[str, Any], images: int, seed: int) -> Model:
    """The source after `decoder_finetune`."""
    run = configure("decoder_finetune", dataset.info, settings, source.specs).with_images(images).replace(seed=seed)
    trainer = trainer_of(run, dataset, source=source)

    def look(began: bool, seconds: float) -> None:
        note(f"  { ({name: rounded(value) for name, value in trainer.means().items()}) }")

    play(trainer, lambda began: trainer.phase_ended, look)
    return trainer.model()


def main() -> None:
    parser = arguments(__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("--task", choices=("digits", "mnist", "cifar"), default="digits")
    parser.add_argument("--data", help="folder of the data (mnist: its four files; cifar: its batches)")
    parser.add_argument("--kind", choices=("AutoencoderKL", "AutoencoderTiny"), default="AutoencoderKL")
    parser.add_argument("--depth", type=int, default=4)
    parser.add_argument("--factor", type=int, default=4)
    parser.add_argument("--width", type=int, default=16, help="of the autoencoder's first level")
    parser.add_argument("--base", type=int, default=60_000)
    parser.add_argument("--images", type=int, default=40_000)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1])
    parser.add_argument("--set", nargs="*", default=[""], help="settings of decoder_finetune, a variant each")
    parser.add_argument("--pictures", type=Path, help="data, the source and every variant, of the first seed")
    asked = parser.parse_args()
    if asked.quick:
        asked.width, asked.base, asked.images, asked.seeds = 8, 640, 640, [0]
    dataset = TASKS[asked.task].open(asked.data)
    info, evaluator = dataset.info, Evaluator(dataset, feature_network(dataset))
    common: dict[str, Any] = {"batch": BATCH, **({"width": 8} if asked.quick else {})}
    variants: dict[str, dict[str, Any]] = {"error alone": {"adversary": 0, "features": 0}}
    variants |= {words or "the defaults": dict(word.split("=", 1) for word in words.split()) for words in asked.set}
    found: dict[str, list[dict[str, Any]]] = {}
    rows = [evaluator.test[:10]]

    def measure(name: str, seed: int, made: Callable[[], Model]) -> Model:
        start = time.perf_counter()
        model = made()
        seconds = time.perf_counter() - start
        scores = scores_of(evaluator, model)
        found.setdefault(name, []).append({**{key: scores[key] for key in COLUMNS}, "seconds": seconds})
        note(f"seed {seed}, {name}: {found[name][-1]}")
        if seed == asked.seeds[0]:
            rows.append(model.reconstruct(rows[0]))
        return model

    for seed in asked.seeds:
        source = measure("the source", seed, partial(trained, asked, dataset, seed))
        for name, settings in variants.items():
            measure(name, seed, partial(tuned, source, dataset, {**common, **settings}, asked.images, seed))
    if asked.pictures:
        asked.pictures.write_bytes(kinds.show({"": info.restore(torch.cat(rows))}, info, 10))
    columns = (*COLUMNS, "seconds")
    show(
        f"{asked.task}, {asked.kind}, {asked.base:,} and {asked.images:,} images, seeds {asked.seeds}",
        ["", *columns],
        [
            [name, *(" ".join(f"{rounded(one[column])}" for one in each) for column in columns)]
            for name, each in found.items()
        ],
    )
    finish("finetune", CPU, **{key: value for key, value in vars(asked).items() if key != "pictures"},
           held_out=len(evaluator.test), found=found)  # fmt: skip


if __name__ == "__main__":
    main()
