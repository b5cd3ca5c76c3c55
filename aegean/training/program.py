"""A step as one program: recorded once as operations on tensors that stay where they are, then compiled.

The recording is the eager step itself, played under a tracer that writes down every operation below autograd: forward,
both forms of derivative, backward and update. So whatever the eager step can do can be recorded, and what runs
afterwards holds no Python. Everything that changes from step to step must therefore be a tensor.
"""

from __future__ import annotations

import os
import time
import warnings
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from aegean.machine import cache_folder, out_of_memory
from aegean.surface import say
from aegean.training.zeros import drop_zeros

WARM = 3  # calls on a side stream before a CUDA graph is captured


class Program:
    """A function without arguments that works in place on tensors; called like it.

    backend: "" runs the function as it is (eager, the reference); "inductor" compiles the recording, and captures it
    as a CUDA graph where there is CUDA; "aot_eager" goes the same way without generating code. moving: the tensors
    that the function changes; fixed: those that it only reads; all of them stay where they are. When compiling
    fails, the function runs as it is, and it is said why.
    """

    graphs = True  # False: compiled, but not captured; for benchmarks

    def __init__(
        self,
        name: str,
        function: Callable[[], None],
        moving: list[Tensor],
        fixed: list[Tensor],
        backend: str,
    ):
        self.name, self.function, self.moving, self.fixed = name, function, moving, fixed
        self.backend = backend
        self.compiled: Any = None
        self.calls = 0
        self.seconds = 0.0  # that compiling took

    def __call__(self) -> None:
        if self.backend and self.compiled is None:
            self._compile()
        if self.compiled is None:
            self.function()
        elif self.inputs[0].is_cuda and self.graphs:
            self._replay()
        else:
            with torch.no_grad():
                self.compiled(*self.inputs)

    def _compile(self) -> None:
        """Record and compile. The tensors are left as they were."""
        start = time.monotonic()
        os.environ.setdefault("TORCHINDUCTOR_CACHE_DIR", str(cache_folder() / "compiled"))
        kept = [t.detach().clone() for t in self.moving]
        try:
            recording = record(self.function, [*self.moving, *self.fixed])
            self._restore(kept)
            self.inputs = [t.detach() for t in (*self.moving, *self.fixed)]
            say(f"compiling {self.name} ({len(recording.graph.nodes):,} operations)")
            compiled = torch.compile(recording, backend=self.backend, fullgraph=True, dynamic=False)
            with torch.no_grad(), warnings.catch_warnings():
                warnings.simplefilter("ignore")  # the compiler's, about itself
                compiled(*self.inputs)
            self.compiled = compiled
            say(f"compiled {self.name} in {time.monotonic() - start:.0f} s")
        except Exception as error:  # a missing C++ compiler, an operation that the compiler does not know
            if out_of_memory(error):
                raise
            self.backend = ""
            reason = " ".join((str(error).strip() or type(error).__name__).splitlines()[:2])
            say(f"{self.name} cannot be compiled here ({reason}); going on without")
        finally:
            self._restore(kept)
            self.seconds = time.monotonic() - start

    def _restore(self, kept: list[Tensor]) -> None:
        with torch.no_grad():
            for mine, value in zip(self.moving, kept):
                mine.copy_(value)

    def _replay(self) -> None:
        """On CUDA: a few calls on a side stream, then one capture, then replays."""
        self.calls += 1
        if self.calls <= WARM:
            side = torch.cuda.Stream()
            side.wait_stream(torch.cuda.current_stream())
            with torch.cuda.stream(side), torch.no_grad():
                self.compiled(*self.inputs)
            torch.cuda.current_stream().wait_stream(side)
            return
        if self.calls == WARM + 1:
            torch.cuda.synchronize()
            self.graph = torch.cuda.CUDAGraph()
            with torch.cuda.graph(self.graph), torch.no_grad():
                self.compiled(*self.inputs)
        self.graph.replay()


def record(function: Callable[[], None], tensors: list[Tensor]) -> torch.fx.GraphModule:
    """What a function does to tensors, as a graph whose inputs they are. The function runs, and changes them.

    AssertionError: a tensor that is not among them was computed with; its value would have been frozen.
    """
    from torch.fx.experimental.proxy_tensor import make_fx

    recording = make_fx(lambda *_: function(), tracing_mode="real")(*tensors)
    drop_zeros(recording.graph)
    for node in reversed(list(recording.graph.nodes)):
        if node.op == "call_function" and not node.users and not node.is_impure():
            recording.graph.erase_node(node)
    frozen = [node.target for node in recording.graph.nodes if node.op == "get_attr"]
    assert not frozen, f"{len(frozen)} tensors are not inputs of the step: their values would be frozen"
    recording.recompile()
    return recording
