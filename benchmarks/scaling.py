"""How training scales with processes: 1 and N of them, with the same threads each, and what each step sends.

    python benchmarks/scaling.py [--processes 2] [--device cpu|cuda] [--quick]

The GAN on noise of 32x32 in colour. "same batch": the whole batch stays as it is, each process takes a part;
"same part": each process takes as much as one takes alone. The efficiency is the images a second of N processes over
N times those of one. Runs alternate, each in processes of its own; medians.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import torch
from common import FOREVER, arguments, feed_of, finish, median, note, random_images, rounded, show, wait

from aegean.machine import cores
from aegean.recipes import configure
from aegean.training.engine import Engine
from aegean.training.trainer import Trainer
from aegean.training.world import World

BATCH = 64


def main() -> None:
    parser = arguments(__doc__.splitlines()[0])
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--device", default="cpu", choices=("cpu", "cuda"))
    args = parser.parse_args()
    if "RANK" in os.environ:
        work(torch.device(args.device, int(os.environ["LOCAL_RANK"]) if args.device == "cuda" else 0), args.quick)
        return
    n = args.processes
    ways = {"1 process": (1, BATCH), f"{n}, same batch": (n, BATCH), f"{n}, same part": (n, BATCH * n)}
    if args.quick:
        del ways[f"{n}, same part"]  # which differs from "same batch" by a number alone
    found: dict[str, list[tuple[float, int]]] = {way: [] for way in ways}
    for number in range(1 if args.quick else 5):
        for way, (processes, batch) in ways.items():
            note(f"round {number + 1}: {way}")
            found[way].append(launch(processes, batch, n, sys.argv[1:]))
    speed = {way: median(s for s, _ in runs) for way, runs in found.items()}
    alone = speed["1 process"]
    rows = {
        way: {
            "img_s": rounded(speed[way]),
            "efficiency": rounded(speed[way] / (ways[way][0] * alone)),
            "bytes_a_step": found[way][0][1],
        }
        for way in ways
    }
    show(
        "scaling", ("", "img/s", "efficiency", "bytes sent a step by each"), [(w, *r.values()) for w, r in rows.items()]
    )
    finish("scaling", torch.device(args.device), processes=n, threads_each=max(1, cores() // n), ways=rows)


def launch(processes: int, batch: int, most: int, words: list[str]) -> tuple[float, int]:
    """Images a second and bytes a step of so many processes, each with 1 / `most` of the cores."""
    torchrun = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", str(processes)]
    environment = {**os.environ, "OMP_NUM_THREADS": str(max(1, cores() // most)), "SCALING_BATCH": str(batch)}
    done = subprocess.run(
        [*torchrun, __file__, *words], env=environment, capture_output=True, text=True, cwd=Path(__file__).parent
    )
    if done.returncode:
        sys.exit(done.stderr)
    speed, sent = done.stdout.split()[-2:]
    return float(speed), int(sent)


def work(device: torch.device, quick: bool) -> None:
    """One process's part; the leading one prints images a second and bytes a step."""
    batch = int(os.environ["SCALING_BATCH"])
    world = World.join(device)
    info, raw = random_images((3, 32, 32), 2_000)
    run = configure("gan", info, {"batch": batch, "images": FOREVER, **({"width": 4} if quick else {})})
    engine = Engine("bfloat16", "inductor", True) if device.type == "cuda" else Engine()
    trainer = Trainer(run, info, feed_of(info, raw, device), device, engine, world)
    for _ in range(2 if quick else 5):
        trainer.step()
    rates = []
    for _ in range(1 if quick else 5):
        wait(device)
        start = time.perf_counter()
        steps = 2 if quick else 5
        for _ in range(steps):
            trainer.step()
            world.any(False)  # as the loop asks for, once a step
        wait(device)
        rates.append(steps * batch / (time.perf_counter() - start))
    sent = sum(player.flat.nbytes * player.turn.repeat for player in trainer.current.players) + 1
    if world.leads:
        print(median(rates), sent if world.size > 1 else 0)
    world.leave()


if __name__ == "__main__":
    main()
