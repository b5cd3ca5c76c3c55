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
from common import (
    BUDGET,
    FOREVER,
    arguments,
    feed_of,
    median,
    note,
    random_images,
    results,
    rounded,
    rounds,
    show,
    wait,
)

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
    runs: dict[str, list[tuple[float, int]]] = {way: [] for way in ways}
    until = time.monotonic() + (0.0 if args.quick else BUDGET)
    device = torch.device(args.device)
    with results("scaling", device, processes=n, threads_each=max(1, cores() // n)) as found:
        for number in rounds(until):
            for way, (processes, batch) in ways.items():
                runs[way].append(launch(processes, batch, n, sys.argv[1:]))
                note(f"round {number}, {way}: {runs[way][-1][0]:.0f} images a second")
            speed = {way: median(s for s, _ in each) or 0.0 for way, each in runs.items()}
            found["ways"] = {
                way: {
                    "img_s": rounded(speed[way]),
                    "efficiency": rounded(speed[way] / (processes * speed["1 process"])),
                    "bytes_a_step": runs[way][0][1],
                }
                for way, (processes, _) in ways.items()
            }
        headings = ("", "img/s", "efficiency", "bytes sent a step by each")
        show("scaling", headings, [(way, *row.values()) for way, row in found["ways"].items()])


def launch(processes: int, batch: int, most: int, words: list[str]) -> tuple[float, int]:
    """Images a second and bytes a step of so many processes, each with 1 / `most` of the cores."""
    torchrun = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", str(processes)]
    environment = {**os.environ, "OMP_NUM_THREADS": str(max(1, cores() // most)), "SCALING_BATCH": str(batch)}
    if processes == 1:
        torchrun, environment = [], {**environment, "RANK": "0", "LOCAL_RANK": "0"}
    command, folder = [sys.executable, *torchrun, __file__, *words], Path(__file__).parent
    done = subprocess.run(command, env=environment, capture_output=True, text=True, cwd=folder)
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
