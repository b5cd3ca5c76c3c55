"""How many images a second does a training step take in, against a plain loop and against the hardware's ceiling?

The same networks, losses and batch as: the plain loop with gradients of gradients as people write it (plain.py,
float32, on a GPU with TF32); the package's step eager; compiled; compiled and replayed as one CUDA graph. In one
process, taking turns. On a GPU the package's steps are in bfloat16 with slopes in forward mode, on a CPU in float32
with double backward.

`fraction_of_ceiling` is against the time of the eager step's convolutions and matrix products alone: every call is
written down by a dispatch mode, with its shapes, precision and memory layout, and made again with nothing between.
Left out are depthwise convolutions, which only blur, and convolutions with weights that are zero: forward mode makes
them of the tangents of weights that hold still. `tflops` counts the same calls; the plain loop has a count of its own.
(`torch.utils.flop_counter` takes a grouped convolution's gradient for many times what it is, and refuses
`torch.autograd.grad` through modules.)
"""

from __future__ import annotations

import gc
from collections import Counter
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import torch
from common import (
    BUDGET,
    FOREVER,
    Step,
    alternate,
    arguments,
    feed_of,
    median_ratio,
    note,
    random_images,
    results,
    rounded,
    shared,
    show,
)
from plain import loop
from r3gan import r3gan
from torch.utils._python_dispatch import TorchDispatchMode

from aegean.data.info import DataInfo
from aegean.machine import pick_device
from aegean.recipes import configure
from aegean.training.engine import Engine
from aegean.training.program import Program
from aegean.training.schedule import Run
from aegean.training.trainer import Trainer

aten = torch.ops.aten


class Case(NamedTuple):
    """A shape of the data, how many samples of it, and the run that trains on them."""

    shape: tuple[int, ...]
    samples: int
    run: Callable[[DataInfo], Run]


def of(recipe: str, **settings: Any) -> Callable[[DataInfo], Run]:
    """A recipe's run without an end."""
    return lambda info: configure(recipe, info, {"images": FOREVER, **settings})


CASES = {
    "cpu": {
        "gan 8x8": Case((1, 8, 8), 1_400, of("gan")),
        "vae 8x8": Case((1, 8, 8), 1_400, of("vae")),
        "gan 28x28": Case((1, 28, 28), 10_000, of("gan")),
        "r3gan 16x16": Case((3, 16, 16), 5_000, lambda info: r3gan(info.shape, 64, 1, 16, FOREVER)),
    },
    "cuda": {
        "gan 32x32": Case((3, 32, 32), 50_000, of("gan", width=64, batch=512)),
        "vae 32x32": Case((3, 32, 32), 50_000, of("vae", width=64, batch=512)),
        "r3gan 32x32": Case((3, 32, 32), 50_000, lambda info: r3gan(info.shape, 768, 2, 256, FOREVER)),
    },
}
QUICK = {"vae 8x8": Case((1, 8, 8), 100, of("vae", width=4, batch=8))}
VARIANTS = ("plain", "eager", "compiled", "graph")


def main() -> None:
    parser = arguments("Training steps against a plain loop and the hardware's ceiling.")
    parser.add_argument("--device", default="cpu", choices=("cpu", "cuda"))
    parser.add_argument("--seconds", type=float, default=BUDGET, help=f"of all cases together (default {BUDGET:.0f})")
    options = parser.parse_args()
    device = pick_device(options.device)
    torch.set_float32_matmul_precision("high")  # TF32, where there is a GPU
    torch.backends.cudnn.benchmark = True
    quick = options.quick
    seconds, budget = (0.0, 0.0) if quick else (1.0, options.seconds)
    cases = QUICK if quick else CASES[device.type]
    # At first without the compiler: on a busy machine it may take all the time that there is.
    passes = {"aot_eager": budget} if quick else {"": budget / 4, "inductor": budget * 3 / 4}
    with results("step", device, budget, cases={}) as found:
        for backend, share in passes.items():
            for name, case, until in shared(cases, share):
                found["cases"][name] = measure(name, case, device, backend, seconds, until)
                gc.collect()
                if device.type == "cuda":
                    torch.cuda.empty_cache()


def measure(name: str, case: Case, device: torch.device, backend: str, seconds: float, until: float) -> dict[str, Any]:
    """Time a case's variants and its ceiling, print the table, and return the numbers.

    backend: of the compiled variants: "inductor", or "aot_eager", which generates no code; "": without them.
    seconds: of a variant in a round.
    until: the end of the last round, of `time.monotonic`.
    """
    info, raw = random_images(case.shape, case.samples)
    run = case.run(info)
    precision = "bfloat16" if device.type == "cuda" else "float32"

    def trainer(backend: str) -> Trainer:
        engine = Engine(precision, backend, forward_mode=device.type == "cuda")
        return Trainer(run, info, feed_of(info, raw, device), device, engine)

    steps: dict[str, Step] = {"plain": loop(run, raw, device, careful=False), "eager": trainer("").step}
    work = {variant: recorded(step) for variant, step in steps.items()}
    if work["eager"]:
        steps["ceiling"] = again(work["eager"], device)
    if backend:
        steps |= compiled(trainer(backend), device)
    *_, times = alternate(steps, device, seconds, until)
    parts = {}
    for variant in (*VARIANTS, "ceiling"):
        parts[variant] = {
            "img_s": rounded(speed(times.get(variant), run.batch)),
            "ratio_to_plain": rounded(median_ratio(times.get("plain"), times.get(variant))),
            "tflops": rounded(speed(times.get(variant), flops(work.get(variant, work["eager"])), 1e-12)),
            "fraction_of_ceiling": rounded(median_ratio(times.get("ceiling"), times.get(variant))),
        }
    rows = [(variant, *part.values()) for variant, part in parts.items()]
    show(f"{name}, batch {run.batch}", ("", *parts["plain"]), rows)
    return parts


def speed(times: list[float] | None, amount: int, unit: float = 1.0) -> float | None:
    """An amount a second; None where it was not measured."""
    return amount * unit / float(np.median(times)) if times and amount else None


def compiled(trainer: Trainer, device: torch.device) -> dict[str, Step]:
    """One compiled trainer's step launched kernel by kernel, and on a GPU as a CUDA graph too: the same program, so
    it is compiled once. Empty where nothing can be compiled or memory does not suffice."""
    try:
        trainer.step()
    except torch.OutOfMemoryError:
        note("compiled: out of memory")
        return {}
    programs = list(trainer.current.programs.values())
    if any(program.compiled is None for program in programs):
        return {}

    def launched(as_graph: bool) -> Step:
        def step() -> None:
            for program in programs:
                program.graphs = as_graph
            trainer.step()

        return step

    if device.type != "cuda":
        return {"compiled": trainer.step}
    if not hasattr(Program, "graphs"):
        return {"graph": trainer.step}
    return {"compiled": launched(False), "graph": launched(True)}


# the convolutions and matrix products of a step

Call = tuple[Any, tuple[Any, ...]]  # an operator, and its arguments with `Like` in the place of tensors
CONVOLUTION, GRADIENTS = aten.convolution.default, aten.convolution_backward.default
PRODUCTS = {aten.mm.default: 0, aten.bmm.default: 0, aten.addmm.default: 1, aten.baddbmm.default: 1}  # first factor


class Like(NamedTuple):
    """A tensor's place in memory, without its values."""

    shape: tuple[int, ...]
    stride: tuple[int, ...]
    dtype: torch.dtype

    @property
    def size(self) -> int:
        return torch.Size(self.shape).numel()

    @property
    def extent(self) -> int:
        """Numbers from the first to the last in memory."""
        return 1 + sum((n - 1) * step for n, step in zip(self.shape, self.stride))


class Recorder(TorchDispatchMode):
    """Writes down every useful convolution and every matrix product that is made under it."""

    def __init__(self) -> None:
        super().__init__()
        self.calls: Counter[Call] = Counter()

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if func in PRODUCTS or (func in (CONVOLUTION, GRADIENTS) and useful(func, args)):
            self.calls[func, tuple(map(written, args))] += 1
        return func(*args, **(kwargs or {}))


def written(value: Any) -> Any:
    if isinstance(value, torch.Tensor):
        return Like(tuple(value.shape), value.stride(), value.dtype)
    return tuple(value) if isinstance(value, list) else value


def useful(func: Any, args: Any) -> bool:
    weight, groups = (args[1], args[8]) if func is CONVOLUTION else (args[2], args[9])
    depthwise = groups > 1 and weight.shape[1] == 1
    return not depthwise and bool(weight.any())


def recorded(step: Step) -> Counter[Call]:
    """The calls of one step, the third: no weights are zero any more. Empty where memory does not suffice for it."""
    try:
        step()
        step()
        with Recorder() as recorder:
            step()
        return recorder.calls
    except torch.OutOfMemoryError:
        return Counter()


def flops(calls: Counter[Call]) -> int:
    """Additions and multiplications."""
    return sum(count * one_call(func, args) for (func, args), count in calls.items())


def one_call(func: Any, args: tuple[Any, ...]) -> int:
    """A convolution multiplies every number on its small side (the output; transposed: the input) with all weights of
    one channel there; each of its two gradients costs the same."""
    if func in PRODUCTS:
        first, second = args[PRODUCTS[func] :][:2]
        return 2 * first.size * second.shape[-1]
    if func is GRADIENTS:
        out, x, weight, *_, transposed, _, _, mask = args
        return (mask[0] + mask[1]) * 2 * (x if transposed else out).size * (weight.size // weight.shape[0])
    x, weight, _, stride, padding, dilation, transposed, _, _ = args
    return (
        2
        * (x.size if transposed else output_size(x, weight, stride, padding, dilation))
        * (weight.size // weight.shape[0])
    )


def output_size(x: Like, weight: Like, stride: Any, padding: Any, dilation: Any) -> int:
    sides = [
        (n + 2 * p - d * (k - 1) - 1) // s + 1
        for n, k, s, p, d in zip(x.shape[2:], weight.shape[2:], stride, padding, dilation)
    ]
    return torch.Size((x.shape[0], weight.shape[0], *sides)).numel()


def again(calls: Counter[Call], device: torch.device) -> Step:
    """Make the calls anew, on random numbers; on a GPU as one CUDA graph."""
    tensors = [value for _, args in calls for value in args if isinstance(value, Like)]
    pools = {
        dtype: torch.randn(max(t.extent for t in tensors if t.dtype == dtype), device=device).to(dtype)
        for dtype in {t.dtype for t in tensors}
    }

    def real(value: Any) -> Any:
        return pools[value.dtype].as_strided(value.shape, value.stride) if isinstance(value, Like) else value

    made = [(func, tuple(map(real, args)), count) for (func, args), count in calls.items()]

    @torch.no_grad()
    def play() -> None:
        for func, args, count in made:
            for _ in range(count):
                func(*args)

    if device.type != "cuda":
        return play
    play()
    torch.cuda.synchronize()
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        play()
    return graph.replay


if __name__ == "__main__":
    main()
