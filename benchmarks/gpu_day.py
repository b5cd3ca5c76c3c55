"""What a GPU is to show, in one command of nine minutes: one H100 or H200 is enough.

    python benchmarks/gpu_day.py --out FOLDER [--mnist FOLDER] [--cifar FOLDER] [--parts steps,symbols] [--quick]

In order of worth: `steps`, every recipe's step eager against compiled and captured (same_steps.py); `symbols`, files
compressed on the processor (same_symbols.py); `speed`, steps beside a plain loop and the ceiling (step.py); `mnist` and
`cifar`, transfer against scratch on Stacked MNIST and CIFAR-10 at equal seconds (transfer.py), where their folders are
given. An arm of these has up to 120 s, and less where other parts need the time: `--parts mnist,cifar` is a day of its
own. Each part is a process with its own time; one that fails or is late does not stop the next. What a part found is
appended to FOLDER/results.jsonl when it ends, and what it printed lies beside it. Exit status 1: a part failed.
`--quick` tries every part on the CPU at the smallest size.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

HERE = Path(__file__).resolve().parent
SECONDS = 530  # of all parts together
GRACE = 10  # seconds of them in which a late part may print what it has
VARIANTS = "scratch; all edges"  # of transfer.py
ARM = 120  # seconds of training, of an arm of a transfer, at most


class Part(NamedTuple):
    """Seconds of the plan and at most; the words of its command, from the arguments and the seconds; its headline."""

    plan: int
    most: int
    words: Callable[[argparse.Namespace, float], list[str]]
    headline: Callable[[dict[str, Any]], str]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True, help="a folder for the results")
    parser.add_argument("--parts", default=",".join(PARTS), help="of these, separated by commas (default: all)")
    parser.add_argument("--mnist", metavar="FOLDER", help="of the four MNIST files")
    parser.add_argument("--cifar", metavar="FOLDER", help="of CIFAR-10's batches")
    parser.add_argument("--seconds", type=float, default=SECONDS, help=f"of all parts together (default {SECONDS})")
    parser.add_argument("--quick", action="store_true", help="every part on the CPU at the smallest size")
    asked = parser.parse_args()
    chosen = asked.parts.split(",")
    if unknown := [name for name in chosen if name not in PARTS]:
        parser.error(f"there is no part {unknown[0]!r}; there are {', '.join(PARTS)}")
    if not asked.quick:
        for name in [name for name in chosen if getattr(asked, name, "") is None]:
            print(f"{name}: left out, --{name} FOLDER is not given")
            chosen.remove(name)
    chosen = [name for name in PARTS if name in chosen]
    asked.out.mkdir(parents=True, exist_ok=True)
    end, found = time.monotonic() + asked.seconds, []
    for number, name in enumerate(chosen):
        part, left = PARTS[name], end - time.monotonic()
        seconds = min(part.most, left * part.plan / sum(PARTS[other].plan for other in chosen[number:]))
        row = {"part": name, **play(name, part.words(asked, seconds - 2 * GRACE), seconds, asked.out)}
        row["headline"] = headline(part, row["result"])
        with (asked.out / "results.jsonl").open("a") as file:
            file.write(json.dumps(row) + "\n")
        found.append(row)
        print(summary(row), *row["stderr"] if row["status"] != "ok" else (), sep="\n  ", flush=True)
    print("\nsummary", *map(summary, found), sep="\n")
    sys.exit(any(row["status"] != "ok" for row in found))


def summary(row: dict[str, Any]) -> str:
    return f"{row['part']:<8} {row['status']:<9} {row['seconds']:>5.0f} s  {row['headline']}"


def play(name: str, words: list[str], seconds: float, out: Path) -> dict[str, Any]:
    """Run a part in a process of its own: how it ended, after how many seconds, its JSON line, its last words."""
    logs = [out / f"{name}.{stream}" for stream in ("stdout", "stderr")]
    path = os.pathsep.join(filter(None, (str(HERE.parent), os.environ.get("PYTHONPATH"))))
    start, status = time.monotonic(), "ok"
    with logs[0].open("w") as stdout, logs[1].open("w") as stderr:
        process = subprocess.Popen(
            [sys.executable, "-u", str(HERE / words[0]), *words[1:]],
            stdout=stdout,
            stderr=stderr,
            env={**os.environ, "PYTHONPATH": path},
            start_new_session=True,
        )
        try:
            if process.wait(max(1.0, seconds - GRACE)):
                status = "failed"
        except subprocess.TimeoutExpired:
            status = "timed out"
            process.terminate()  # it prints what it has
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(GRACE)
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)  # and its children
            process.wait()
    printed, said = (log.read_text(errors="replace").splitlines() for log in logs)
    return {
        "status": status,
        "seconds": round(time.monotonic() - start, 1),
        "result": last_json(printed),
        "stderr": said[-5:],
    }


def last_json(lines: list[str]) -> dict[str, Any] | None:
    for line in reversed(lines):
        with contextlib.suppress(ValueError):
            found = json.loads(line)
            if isinstance(found, dict):
                return found
    return None


# the parts


def device(asked: argparse.Namespace) -> list[str]:
    return ["--quick"] if asked.quick else ["--device", "cuda"]


def steps(asked: argparse.Namespace, seconds: float) -> list[str]:
    few = ["--recipes", "vae,gan"] if asked.quick else []
    return ["same_steps.py", *device(asked), *few, "--seconds", f"{seconds:.0f}"]


def symbols(asked: argparse.Namespace, seconds: float) -> list[str]:
    return ["same_symbols.py", *device(asked)]


def speed(asked: argparse.Namespace, seconds: float) -> list[str]:
    return ["step.py", *device(asked), "--seconds", f"{seconds:.0f}"]


def transfer(task: str, option: str) -> Callable[[argparse.Namespace, float], list[str]]:
    """Two arms of equal seconds, so few that compiling would not pay; a minute for the data, the features and the
    scores. Quick: on digits."""

    def words(asked: argparse.Namespace, seconds: float) -> list[str]:
        command = ["transfer.py", *device(asked), "--seeds", "1", "--variants", VARIANTS, "--compile", "off"]
        if asked.quick:
            return [*command, "--task", "digits"]
        arm = max(5.0, min(ARM, (seconds - 60) / 2))
        return [*command, "--task", task, "--data", getattr(asked, option), "--seconds", f"{arm:.0f}"]

    return words


def headline(part: Part, result: dict[str, Any] | None) -> str:
    """A result in a line; a part that was cut off may lack what it needs."""
    if result is None:
        return "no result"
    try:
        return part.headline(result)
    except (KeyError, TypeError, ValueError) as error:
        return f"incomplete: {error!r}"


def of_steps(result: dict[str, Any]) -> str:
    rows = result["recipes"].values()
    worst = max(row["difference"] or 0.0 for row in rows)
    same = sum(row["agrees"] == "yes" for row in rows)
    return (
        f"{same} of {len(rows)} recipes agree, greatest difference {worst:.1e}; not reached {len(result['unreached'])}"
    )


def of_symbols(result: dict[str, Any]) -> str:
    same = [row["symbols"] and row["bytes"] and row["pixels"] for row in result["files"].values()]
    return f"{sum(same)} of {len(same)} files are the same bits"


def of_speed(result: dict[str, Any]) -> str:
    words = []
    for name, variants in result["cases"].items():
        best = max((row for key, row in variants.items() if key != "ceiling"), key=lambda row: row["img_s"] or 0.0)
        words.append(
            f"{name} {best['img_s']:,.0f} img/s, {best['ratio_to_plain']:.2f} x plain, "
            f"{best['fraction_of_ceiling']:.2f} of the ceiling"
        )
    return "; ".join(words)


def of_transfer(result: dict[str, Any]) -> str:
    words = []
    for name, points in result["found"].items():
        scores = {key: value["median"] for key, value in points[-1].items() if isinstance(value, dict)}
        words.append(f"{name} " + ", ".join(f"{key} {value:.4g}" for key, value in scores.items()))
    return "; ".join(words)


PARTS = {
    "steps": Part(120, SECONDS, steps, of_steps),
    "symbols": Part(25, 60, symbols, of_symbols),
    "speed": Part(105, 240, speed, of_speed),
    "mnist": Part(140, 2 * ARM + 90, transfer("stacked", "mnist"), of_transfer),
    "cifar": Part(140, 2 * ARM + 90, transfer("cifar", "cifar"), of_transfer),
}


if __name__ == "__main__":
    main()
