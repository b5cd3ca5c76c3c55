"""What a step of each way to train a generator costs, next to that of a plain GAN: the last phase of each recipe.

    python benchmarks/cost.py [--device cpu|cuda] [--side 32] [--quick]

The same networks and batch for all, in one process, taking turns; medians. Below 1, a step is cheaper than a GAN's.
The last line is JSON.
"""

from __future__ import annotations

import argparse
import time
from typing import Any

import torch
from common import BUDGET, FOREVER, alternate, arguments, compared, feed_of, random_images, results, show

from aegean.recipes import configure
from aegean.training.trainer import Trainer

WAYS: dict[str, tuple[str, dict[str, Any]]] = {
    "gan": ("gan", {}),
    "ae_to_gan": ("ae_to_gan", {}),
    "ae_to_gan, encoder shared": ("ae_to_gan", {"discriminator": "share"}),
    "ae_to_gan, encoder projected": ("ae_to_gan", {"discriminator": "project"}),
    "latent_gan": ("latent_gan", {}),
    "projected_gan": ("projected_gan", {}),
    "mode_regularised_gan": ("mode_regularised_gan", {}),
    "few_shot_gan": ("few_shot_gan", {}),
    "aae": ("aae", {}),
    "vae_gan": ("vae_gan", {}),
    "vae": ("vae", {}),
}


def main() -> None:
    parser = arguments(__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("--side", type=int, default=32, help="of the pictures, in three colours (default 32)")
    parser.add_argument("--width", type=int, default=32)
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--device", default="cpu")
    asked = parser.parse_args()
    device = torch.device(asked.device)
    side, batch, seconds, budget = (8, 8, 0.0, 0.0) if asked.quick else (asked.side, asked.batch, 1.0, BUDGET)
    info, raw = random_images((3, side, side), 1_000)
    steps = {}
    for name, (recipe, settings) in WAYS.items():
        sizes = {"width": 4 if asked.quick else asked.width, "batch": batch, "images": FOREVER}
        run = configure(recipe, info, {**sizes, **settings})
        trainer = Trainer(run, info, feed_of(info, raw, device), device)
        trainer.place({"phase": len(run.schedule) - 1, "seen": 0, "images": 0, "summed": 0})
        steps[name] = trainer.step
    with results("cost", device, side=side, batch=batch) as found:
        for times in alternate(steps, device, seconds, time.monotonic() + budget):
            found["found"] = compared(times, batch)
        ways = found["found"].items()
        rows = [[name, one["img_s"], 1 / one["ratio"] if one["ratio"] else None] for name, one in ways]
        show(f"A step of the last phase, {side}x{side}", ["", "images a second", "cost, gan = 1"], rows)


if __name__ == "__main__":
    main()
