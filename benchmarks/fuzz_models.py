"""Mutated model files: every one is refused in words, or gives a model whose verbs answer or refuse in words.

    python benchmarks/fuzz_models.py --count 10000

Small models of four recipes are changed by flipped bits, cuts, additions, bytes written over; by values of their
description exchanged for strange ones, left out, doubled, taken from another model; by tensors that overlap, leave
gaps, claim other types, shapes and sizes, or hold NaN. Each file may take `SECONDS` of a processor and `LIMIT` bytes.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import resource
import signal
import struct
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch

from aegean.config import UserError
from aegean.data.info import DataInfo
from aegean.model import Model
from aegean.recipes import smoke

SECONDS = 10.0
LIMIT = 2 << 30  # bytes
RECIPES = ("vae", "codec", "hierarchical_vae", "gan")
DIGITS = DataInfo("digits", (1, 8, 8), (127.5,), (127.5,), classes=("a", "b"), class_counts=(5, 5), count=10)

Mutation = Callable[[np.random.Generator, list[bytes], int], bytes]
STRANGE: tuple[Any, ...] = (
    None, True, 0, -1, 1, 2, 3, 255, 10**6, 2**31, 10**30, 1.5, -0.0, 1e308, float("nan"), float("inf"),
    "", "E", "x" * 1000, "\x1b[2J", [], [0], [-1], [1, 8, 8], [[[]]], [10**9, 10**9], [None], {}, {"type": "Net"},
    {"type": "Term", "trains": []}, {"type": "Ramp", "start": 0, "end": 1}, [1] * 1000,
)  # fmt: skip


class Late(BaseException):
    """A file took longer than it may."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--count", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--quick", action="store_true", help="a hundred of them")
    options = parser.parse_args()
    found = fuzz(100 if options.quick else options.count, options.seed)
    print(json.dumps(found, indent=2))
    raise SystemExit(bool(found["faults"]))


def fuzz(count: int, seed: int = 0) -> dict[str, Any]:
    """Try `count` mutations; what became of them, by mutation, and each fault: a traceback, too long, too large."""
    files, found, faults = made(), Counter[str](), []
    slowest, start = 0.0, time.monotonic()
    names = list(MUTATIONS)
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "model.safetensors"
        for number in range(count):
            rng = np.random.default_rng((seed, number))
            name, which = names[number % len(names)], int(rng.integers(len(files)))
            file.write_bytes(MUTATIONS[name](rng, files, which))
            before, began = memory(), time.process_time()
            outcome = attempt(file)
            seconds, grown = time.process_time() - began, memory() - before
            if outcome not in ("refused", "read"):
                faults.append(f"mutation {number} ({name}, {RECIPES[which]}): {outcome}")
            if grown > LIMIT:
                faults.append(f"mutation {number} ({name}, {RECIPES[which]}): {grown:,} bytes")
            found[f"{name}: {outcome if outcome in ('refused', 'read') else 'fault'}"] += 1
            slowest = max(slowest, seconds)
    return {
        "mutations": count,
        "refused": sum(n for name, n in found.items() if name.endswith("refused")),
        "faults": faults,
        "slowest_s": round(slowest, 2),
        "largest_bytes": memory(),
        "seconds": round(time.monotonic() - start, 1),
        "outcomes": dict(sorted(found.items())),
    }


def made() -> list[bytes]:
    """A model file of each recipe, as it is before training."""
    files = []
    with tempfile.TemporaryDirectory() as folder:
        for recipe in RECIPES:
            torch.manual_seed(0)
            more = {"conditional": True} if recipe == "gan" else {}
            run = smoke(recipe, DIGITS, width=2, **more)
            nets = {name: spec.build() for name, spec in run.nets.items() if name not in run.training_only}
            about = {"recipe": recipe, "images": 10, "settings": {}}
            model = Model({name: run.nets[name] for name in nets}, nets, DIGITS, run.bound, about, run.wiring)
            model.save(Path(folder) / "model.safetensors")
            files.append((Path(folder) / "model.safetensors").read_bytes())
    return files


def attempt(file: Path) -> str:
    """ "refused", "read", or the traceback of what should not have happened."""

    def late(*_: Any) -> None:
        raise Late

    signal.signal(signal.SIGPROF, late)
    signal.setitimer(signal.ITIMER_PROF, SECONDS)
    try:
        try:
            model = Model.load(file)
        except UserError:
            return "refused"
        for verb in model.can():
            with contextlib.suppress(UserError):
                VERBS[verb](model)
        return "read"
    except Late:
        return f"more than {SECONDS} s: {traceback.format_exc(limit=-4)}"
    except Exception:
        return traceback.format_exc(limit=-6)
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)


def samples(model: Model) -> tuple[torch.Tensor, torch.Tensor | None]:
    return torch.zeros(2, *model.info.shape), torch.zeros(2, dtype=torch.int64) if model.conditional else None


VERBS: dict[str, Callable[[Model], Any]] = {
    "encode": lambda model: model.encode(*samples(model)),
    "decode": lambda model: model.decode(torch.zeros(2, model.latent), samples(model)[1]),
    "reconstruct": lambda model: model.reconstruct(*samples(model)),
    "sample": lambda model: model.info.restore(model.sample(2)),
    "score": lambda model: model.score(*samples(model)),
    "levels": lambda model: model.levels(*samples(model)),
    "compress": lambda model: model.decompress(model.compress(samples(model)[0])),
    "compress_lossless": lambda model: model.decompress(model.compress(samples(model)[0], lossless=True)),
}


def memory() -> int:
    """The most bytes that this process has held."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss << 10


# a file's parts


def parts(data: bytes) -> tuple[dict[str, Any], bytes]:
    """The header and the tensors' bytes."""
    (size,) = struct.unpack_from("<Q", data)
    return json.loads(data[8 : 8 + size]), data[8 + size :]


def whole(header: Any, data: bytes) -> bytes:
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + data


def places(value: Any) -> list[tuple[Any, Any]]:
    """Every (container, key) in a JSON value."""
    keys = list(value) if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ()
    return [(value, key) for key in keys] + [place for key in keys for place in places(value[key])]


def described(change: Callable[[np.random.Generator, Any, list[Any]], None]) -> Mutation:
    """A mutation of the description: change(rng, description, those of all files)."""

    def mutate(rng: np.random.Generator, files: list[bytes], which: int) -> bytes:
        everyone = [json.loads(parts(data)[0]["__metadata__"]["aegean"]) for data in files]
        header, data = parts(files[which])
        for _ in range(int(rng.integers(1, 3))):
            change(rng, everyone[which], everyone)
        header["__metadata__"]["aegean"] = json.dumps(everyone[which])
        return whole(header, data)

    return mutate


def pick(rng: np.random.Generator, items: Any) -> Any:
    return items[int(rng.integers(len(items)))]


def exchange(rng: np.random.Generator, description: Any, everyone: list[Any]) -> None:
    container, key = pick(rng, places(description))
    container[key] = pick(rng, STRANGE)


def enlarge(rng: np.random.Generator, description: Any, everyone: list[Any]) -> None:
    numbers = [(c, k) for c, k in places(description) if isinstance(c[k], int) and not isinstance(c[k], bool)]
    container, key = pick(rng, numbers)
    container[key] = pick(rng, (container[key] + 1, 2 * container[key], 1000 * container[key], -container[key]))


def leave_out(rng: np.random.Generator, description: Any, everyone: list[Any]) -> None:
    container, key = pick(rng, places(description))
    del container[key]


def transplant(rng: np.random.Generator, description: Any, everyone: list[Any]) -> None:
    (container, key), (other, name) = pick(rng, places(description)), pick(rng, places(pick(rng, everyone)))
    container[key] = json.loads(json.dumps(other[name]))


def double_key(rng: np.random.Generator, files: list[bytes], which: int) -> bytes:
    header, data = parts(files[which])
    key = pick(rng, list(header))
    text = json.dumps(header)[:-1] + f", {json.dumps(key)}: {json.dumps(header[pick(rng, list(header))])}" + "}"
    return whole(text.encode(), data)


def entry(rng: np.random.Generator, files: list[bytes], which: int) -> bytes:
    """A tensor's type, shape or place changed: overlaps, gaps, sizes that are not there."""
    header, data = parts(files[which])
    tensor = header[pick(rng, [key for key in header if key != "__metadata__"])]
    field = pick(rng, ("dtype", "shape", "data_offsets"))
    if field == "dtype":
        tensor[field] = pick(rng, ("F16", "F64", "I64", "BOOL", "C64", "F8_E4M3", "U8", "X", 3))
    elif field == "shape":
        tensor[field] = pick(rng, ([], [0], [1 << 62, 4], [-1], tensor[field][::-1], "1", [10**9], [1.5]))
    else:
        begin, end = tensor[field]
        changed = ([begin + 4, end], [begin, end + 4], [begin - 4, end - 4], [end, begin], [0, 1 << 60], [begin])
        tensor[field] = pick(rng, changed)
    return whole(header, data + bytes(int(rng.integers(0, 9))))


def exchange_tensors(rng: np.random.Generator, files: list[bytes], which: int) -> bytes:
    """Tensors renamed, left out, or swapped with each other."""
    header, data = parts(files[which])
    keys = [key for key in header if key != "__metadata__"]
    a, b = pick(rng, keys), pick(rng, keys)
    way = int(rng.integers(3))
    if way == 0:
        header[pick(rng, ("E.", "", "G.x", "a" * 10_000, "\u0000"))] = header.pop(a)
    elif way == 1:
        del header[a]
    else:
        header[a], header[b] = header[b], header[a]
    return whole(header, data)


def values(rng: np.random.Generator, files: list[bytes], which: int) -> bytes:
    """NaN, infinity or huge numbers in the place of some weights."""
    header, data = parts(files[which])
    numbers = np.frombuffer(data[: len(data) // 4 * 4], np.float32).copy()
    chosen = rng.random(len(numbers)) < pick(rng, (1e-3, 0.1, 1.0))
    numbers[chosen] = pick(rng, (np.nan, np.inf, -np.inf, 3e38, 1e20, 0.0))
    return whole(header, numbers.tobytes() + data[len(numbers) * 4 :])


def length(rng: np.random.Generator, files: list[bytes], which: int) -> bytes:
    return struct.pack("<Q", int(pick(rng, (0, 1, 10**5, 10**8, 2**40, 2**63)))) + files[which][8:]


def many(rng: np.random.Generator, files: list[bytes], which: int) -> bytes:
    """As many tensors more as fit into a header."""
    header, data = parts(files[which])
    nothing = {"dtype": "F32", "shape": [0], "data_offsets": [len(data), len(data)]}
    return whole({**header, **{f"E.{n}": nothing for n in range(int(rng.integers(1, 3000)))}}, data)


# bytes


def flip(rng: np.random.Generator, files: list[bytes], which: int) -> bytes:
    data = bytearray(files[which])
    (size,) = struct.unpack_from("<Q", data)
    end = pick(rng, (8, 8 + size, len(data)))
    for _ in range(int(rng.integers(1, 5))):
        data[rng.integers(end)] ^= 1 << int(rng.integers(8))
    return bytes(data)


def cut(rng: np.random.Generator, files: list[bytes], which: int) -> bytes:
    return files[which][: rng.integers(len(files[which]))]


def extend(rng: np.random.Generator, files: list[bytes], which: int) -> bytes:
    return files[which] + rng.bytes(int(rng.integers(1, 40)))


def overwrite(rng: np.random.Generator, files: list[bytes], which: int) -> bytes:
    data = bytearray(files[which])
    place, size = int(rng.integers(len(data))), int(rng.integers(1, 30))
    data[place : place + size] = rng.bytes(min(size, len(data) - place))
    return bytes(data)


def splice(rng: np.random.Generator, files: list[bytes], which: int) -> bytes:
    """The header of one file and the tensors of another."""
    return whole(parts(files[which])[0], parts(pick(rng, files))[1])


def noise(rng: np.random.Generator, files: list[bytes], which: int) -> bytes:
    return files[which][: int(rng.integers(0, 20))] + rng.bytes(int(rng.integers(0, 300)))


MUTATIONS: dict[str, Mutation] = {
    "a strange value": described(exchange),
    "a larger number": described(enlarge),
    "a value left out": described(leave_out),
    "a value of another place": described(transplant),
    "a key twice": double_key,
    "a tensor's entry": entry,
    "tensors exchanged": exchange_tensors,
    "weights that are no numbers": values,
    "the header's length": length,
    "many tensors": many,
    "flipped bits": flip,
    "cut": cut,
    "longer": extend,
    "overwritten": overwrite,
    "spliced": splice,
    "noise": noise,
}

if __name__ == "__main__":
    main()
