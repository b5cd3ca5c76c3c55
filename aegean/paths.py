"""Paths: the values that a turn or a verb may ask for, by name, each computed once, when first asked for.

A wiring is a subclass of `Paths` whose properties are its paths, entered in WIRINGS under the name that runs and model
files carry (aegean/wirings). Paths live for one turn, since a network that has moved makes its old values stale.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Mapping
from contextlib import nullcontext
from functools import partial
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Generic, Protocol, TypeVar

import torch
from torch import Tensor, nn

from aegean import draw
from aegean.data.batch import Batch
from aegean.gradients import apart, parted, together, with_squared_gradient
from aegean.nets import DiscriminatorOutput
from aegean.objectives.term import named

T = TypeVar("T")
EMPTY = Batch()  # for paths that start from noise
PRIOR = ("prior normal", "prior uniform")  # the streams that a prior takes


class path(Generic[T]):
    """A lazily computed property: the value is kept in the instance and computed once."""

    def __init__(self, compute: Callable[[Any], T]):
        self.compute = compute
        self.__doc__ = compute.__doc__

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name

    def __get__(self, paths: Any, owner: type | None = None) -> T:
        value = paths.__dict__[self.name] = self.compute(paths)
        return value


class each(Generic[T]):
    """Lazily computed values, one a level of a hierarchy: `p.real[1]` is computed once, when it is first asked for."""

    def __init__(self, compute: Callable[[Any, int], T]):
        self.compute = compute
        self.__doc__ = compute.__doc__

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name

    def __get__(self, paths: Any, owner: type | None = None) -> Lazy[T]:
        value = paths.__dict__[self.name] = Lazy(partial(self.compute, paths))
        return value


class Lazy(dict[int, T]):
    """Values by level, each computed once."""

    def __init__(self, compute: Callable[[int], T]):
        super().__init__()
        self.compute = compute

    def __missing__(self, level: int) -> T:
        value = self[level] = self.compute(level)
        return value


class Noise(Protocol):
    """Random numbers for one batch: a stream's name, "normal" or "uniform", a shape a sample."""

    def __call__(self, stream: str, kind: str, shape: tuple[int, ...]) -> Tensor: ...


def noise_for(index: Tensor, seed: int, *place: str | int) -> Noise:
    """Stateless noise of the samples `index` (B,) int64, at a place such as (phase, turn)."""

    def noise(stream: str, kind: str, shape: tuple[int, ...]) -> Tensor:
        function = {"normal": draw.normal, "uniform": draw.uniform}[kind]
        return function(draw.key(seed, *place, stream), index, shape)

    return noise


def truncated(noise: Noise, amount: float) -> Noise:
    """The same noise, its normal numbers multiplied by `amount`. The plain scaling of what a prior starts from: no
    resampling of far values (Brock et al. 2019, section 3.1) and no pull towards a mean of latents."""

    def draws(stream: str, kind: str, shape: tuple[int, ...]) -> Tensor:
        values = noise(stream, kind, shape)
        return amount * values if kind == "normal" else values

    return draws


class Paths:
    """The paths of one batch.

    nets: networks by name.
    batch: the data, where a path starts from data.
    noise: None means no noise, so that the latent is the posterior's mean.
    gradients: names of the discriminator outputs whose squared input gradient will be asked for, each with how many
        samples there are to one at which it is taken.
    forward_mode: how it is taken (see `aegean.gradients`).
    float32: those of them that are computed in float32 where autocast would take less.
    """

    @classmethod
    def depth(cls, nets: Mapping[str, Any]) -> int:
        """Levels that draw: a flat model's one."""
        return 1

    @classmethod
    def streams(cls, nets: Mapping[str, Any], level: int) -> tuple[str, ...]:
        """The streams of noise that a sample takes at a level: redrawing the level is reseeding these."""
        return PRIOR

    def __init__(
        self,
        nets: Mapping[str, nn.Module],
        batch: Batch = EMPTY,
        noise: Noise | None = None,
        gradients: Mapping[str, int] = MappingProxyType({}),
        forward_mode: bool = False,
        float32: Collection[str] = (),
    ):
        self.nets: Any = nets
        self.x: Any = batch.x
        self.labels, self.target, self.mask, self.noise = batch.labels, batch.target, batch.mask, noise
        self.gradients, self.forward_mode, self.float32 = gradients, forward_mode, float32
        self._squared: dict[str, Tensor] = {}

    if TYPE_CHECKING:  # which paths there are is for each wiring to say

        def __getattr__(self, name: str) -> Any: ...

    def squared_gradient(self, name: str) -> Tensor:
        """|grad_x sum of the logits|^2 of the named discriminator output, at the samples or packs where it is taken:
        at most (B / pack,), summed in float32."""
        assert name in self.gradients, f"no term announced the gradient of {name!r}"
        named(self, name)
        return self._squared[name]

    def discriminate(self, name: str, x: Tensor, by: str | nn.Module = "D") -> DiscriminatorOutput:
        """What a discriminator says of samples x, its augmentation drawn from the streams of path `name`."""
        return self.judge({name: x}, by)[name]

    def judge(self, samples: Mapping[str, Tensor], by: str | nn.Module = "D") -> dict[str, DiscriminatorOutput]:
        """What a discriminator says, in one go, of the samples of several paths, as many of each, whose gradients are
        asked for in the same way."""
        D: Any = self.nets[by] if isinstance(by, str) else by
        views = ("real" if name == "recon" else name for name in samples)  # features must align with the data's
        noise = torch.cat([self.draw(f"augment {view}", "uniform", D.noise_shape) for view in views])
        x = torch.cat(list(samples.values()))
        labels = None if self.labels is None else self.labels.repeat(len(samples))
        shared = {"backbone": self.nets[D.shares]} if D.shares else {}
        ((every, exact),) = {self.way(name) for name in samples}
        if not every:
            return parted(D(x, noise=noise, labels=labels, **shared), samples)
        assert not x.requires_grad, "an input gradient is taken at samples that hold still"
        every = math.gcd(every, len(x) // len(samples) // D.pack)
        ours, theirs = apart((x, noise, labels), D.pack, every)
        assert ours[0] is not None
        discriminator = partial(D, noise=ours[1], labels=ours[2], **shared)
        with torch.autocast(x.device.type, enabled=False) if exact else nullcontext():
            output, squared = with_squared_gradient(discriminator, ours[0], self.forward_mode)
        self._squared.update(zip(samples, squared.chunk(len(samples))))
        if every > 1:
            output = together(output, D(theirs[0], noise=theirs[1], labels=theirs[2], **shared))
        return parted(output, samples)

    def way(self, name: str) -> tuple[int, bool]:
        """How the gradient of a judgement is asked for: of every so many samples, 0: not at all; in float32."""
        return self.gradients.get(name, 0), name in self.float32

    def draw(self, stream: str, kind: str, shape: tuple[int, ...]) -> Tensor:
        """Noise of a stream, (B, *shape)."""
        assert self.noise is not None, f"the path needs noise for {stream!r}"
        return self.noise(stream, kind, tuple(shape))

    def observed(self, name: str) -> Tensor:
        """Of network `name`, which learns from sums over a batch (`observe`): this one's, a vector."""
        return self.nets[name].observed(getattr(self, {"bottleneck": "latent"}.get(name, name)))


WIRINGS: dict[str, type[Paths]] = {}


def wiring(name: str) -> Callable[[type[Paths]], type[Paths]]:
    """Class decorator: enter a wiring under its name."""

    def enter(cls: type[Paths]) -> type[Paths]:
        WIRINGS[name] = cls
        return cls

    return enter
