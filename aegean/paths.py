"""The standard wiring: every value that a turn or a verb may ask for, computed once, when first asked for.

    x -> E -> bottleneck -> z -> G -> x^      reconstruction
    noise -> prior -> z -> G -> x~            generation
    x~ -> E -> z^                             latent reconstruction
    {x, x~, x^} -> D                          judging
    {z of the prior, z of the data} -> Dz     judging latents
    D's features -> R -> x                    reading

Names of networks: E encoder, bottleneck, G decoder or generator, prior, D and Dz discriminators, R reader, kept an
earlier G, symbols and pixels those that choose tables for an entropy coder. Paths live for one turn, since a network
that has moved makes its old values stale. A new wiring is a subclass with more paths, entered in WIRINGS under the name
that runs and model files carry (aegean/wirings).
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from contextlib import nullcontext
from functools import partial
from typing import Any, Generic, Protocol, TypeVar

import torch
import torch.autograd.forward_ad as forward_ad
from torch import Tensor, nn

from aegean import draw
from aegean.data.batch import Batch
from aegean.latent import FiniteScalar, Latent
from aegean.nets import Judgement
from aegean.nets.integer import Coded
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


class Paths:
    """The paths of one batch.

    nets: networks by name.
    batch: the data, where a path starts from data.
    noise: None means no noise, so that the latent is the posterior's mean.
    slopes: names of judgements whose squared input gradient will be asked for.
    forward_mode: how it is taken (see `slope`).
    float32: those of them that are computed in float32 where autocast would take less.
    """

    @classmethod
    def floors(cls, nets: Mapping[str, Any]) -> int:
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
        slopes: Collection[str] = (),
        forward_mode: bool = False,
        float32: Collection[str] = (),
    ):
        self.nets: Any = nets
        self.x: Any = batch.x
        self.labels, self.target, self.mask, self.noise = batch.labels, batch.target, batch.mask, noise
        self.slopes, self.forward_mode, self.float32 = slopes, forward_mode, float32
        self._slope: dict[str, Tensor] = {}

    # reconstruction

    @path
    def seen(self) -> Tensor:
        """What the encoder sees: the data, corrupted where the run has a corruption."""
        if "corruption" not in self.nets:
            return self.x
        return self.nets["corruption"](self.x, self._draw("corruption", "normal", self.x.shape[1:]))

    @path
    def features(self) -> tuple[Tensor, ...]:
        """The encoder's levels, nearest the data first."""
        return self.nets["E"](self.seen)

    @path
    def latent(self) -> Latent:
        """The data's latent: drawn from the posterior, its mean without noise."""
        bottleneck = self.nets["bottleneck"]
        draws = getattr(bottleneck, "draws", ("normal", (bottleneck.latent,)))
        noise = self.noise("posterior", *draws) if self.noise and draws else None
        return bottleneck(self.features[-1], noise, self.labels)

    @path
    def latents(self) -> tuple[Latent, ...]:
        """The latent of each level that has one, nearest the data first: a flat model's one."""
        return (self.latent,)

    @path
    def raw_hat(self) -> Tensor:
        """The decoder's own output for the data's latent (B, *shape): logits where it gives logits."""
        return self.nets["G"](self.latent.z, self.labels)

    @path
    def x_hat(self) -> Tensor:
        """The reconstruction (B, *shape) in model range."""
        return self.nets["G"].mean(self.raw_hat)

    @path
    def log_variance(self) -> Tensor:
        """Of a Gaussian likelihood: one number ()."""
        return self.nets["G"].log_variance()

    # coding

    @path
    def symbols(self) -> Coded:
        """What the latent's symbols cost under the tables that their network chooses, which rounds them itself."""
        finite = isinstance(self.nets["bottleneck"], FiniteScalar)
        return self.nets["symbols"](self.latent.stats[0] if finite else self.latent.symbols)

    @path
    def pixels(self) -> Coded:
        """What the data cost, every value exactly."""
        return self.nets["pixels"](self.x)

    def observed(self, name: str) -> Tensor:
        """Of network `name`, which learns from sums over a batch (`observe`): this one's, a vector."""
        return self.nets[name].observed(getattr(self, {"bottleneck": "latent"}.get(name, name)))

    # generation

    @path
    def z(self) -> Tensor:
        """A latent from the prior (B, latent)."""
        prior = self.nets["prior"]
        normal = self._draw("prior normal", "normal", (prior.latent,))
        return prior(normal, self._draw("prior uniform", "uniform", (1,)), self.labels)

    @path
    def x_fake(self) -> Tensor:
        """A generated sample (B, *shape) in model range."""
        return self.nets["G"].mean(self.nets["G"](self.z, self.labels))

    @path
    def z_hat(self) -> Tensor:
        """What the encoder finds in a generated sample: the posterior's mean (B, latent)."""
        return self.nets["bottleneck"](self.nets["E"](self.x_fake)[-1], None, self.labels).z

    @path
    def x_kept(self) -> Tensor:
        """What a kept copy of the generator draws from the same latent (B, *shape)."""
        return self.nets["kept"].mean(self.nets["kept"](self.z, self.labels))

    @path
    def x_mixed(self) -> Tensor:
        """A random point on the line from each fake to its real partner."""
        u = self._draw("mix", "uniform", (1,) * (self.x.dim() - 1))
        return u * self.x + (1 - u) * self.x_fake

    # judging

    @path
    def real(self) -> Judgement:
        return self._judge("real", self.x)

    @path
    def fake(self) -> Judgement:
        return self._judge("fake", self.x_fake)

    @path
    def recon(self) -> Judgement:
        return self._judge("recon", self.x_hat)

    @path
    def mixed(self) -> Judgement:
        return self._judge("mixed", self.x_mixed)

    @path
    def prior_z(self) -> Judgement:
        """Of a latent from the prior."""
        return self._judge("prior_z", self.z, "Dz")

    @path
    def data_z(self) -> Judgement:
        """Of the data's latent."""
        return self._judge("data_z", self.latent.z, "Dz")

    @path
    def x_read(self) -> Tensor:
        """What can be read of the data in the discriminator's features: a picture like `real.seen`."""
        return self.nets["R"](self.real.features[-1].flatten(1))

    def slope(self, name: str) -> Tensor:
        """|grad_x sum of the logits|^2 of the named judgement: (B / pack,), summed in float32 (see `with_slope`)."""
        assert name in self.slopes, f"the slope of {name!r} was not announced by a term"
        named(self, name)
        return self._slope[name]

    def _judge(self, name: str, x: Tensor, by: str | nn.Module = "D") -> Judgement:
        view = "real" if name == "recon" else name  # seen as the data it is compared with: features must align
        D: Any = self.nets[by] if isinstance(by, str) else by
        noise = self._draw(f"augment {view}", "uniform", D.noise_shape)
        shared = {"backbone": self.nets[D.shares]} if D.shares else {}
        judge = partial(D, noise=noise, labels=self.labels, **shared)
        if name not in self.slopes:
            return judge(x)
        assert not x.requires_grad, "a slope is taken at samples that hold still"
        with torch.autocast(x.device.type, enabled=False) if name in self.float32 else nullcontext():
            judged, self._slope[name] = with_slope(judge, x, self.forward_mode)
        return judged

    def _draw(self, stream: str, kind: str, shape: tuple[int, ...]) -> Tensor:
        assert self.noise is not None, f"the path needs noise for {stream!r}"
        return self.noise(stream, kind, tuple(shape))


WIRINGS: dict[str, type[Paths]] = {"standard": Paths}


def wiring(name: str) -> Callable[[type[Paths]], type[Paths]]:
    """Class decorator: enter a wiring under its name."""

    def enter(cls: type[Paths]) -> type[Paths]:
        WIRINGS[name] = cls
        return cls

    return enter


def with_slope(judge: Callable[[Tensor], Judgement], x: Tensor, forward_mode: bool) -> tuple[Judgement, Tensor]:
    """The judgement of x (B, ...), and |grad_x sum of the logits|^2 of each judged sample: (B / pack,).

    Two exact forms. Double backward differentiates the gradient v = grad_x D. Forward mode holds v fixed and takes
    t, the derivative of D along v: t = |v|^2 and d|v|^2/dtheta = 2 dt/dtheta, so |v|^2 + 2 (t - stop(t)) has the
    value and the gradient, and one backward pass serves logits and slope together.
    """
    x = _at_least_float32(x).clone().requires_grad_()
    with torch.enable_grad():
        judged = judge(x)
        output = _per_sample(judged)
        (v,) = torch.autograd.grad(output.sum(), x, create_graph=not forward_mode)
        squared = v.square().reshape(len(output), -1).sum(1)
        if not forward_mode:
            return judged, squared
        with forward_ad.dual_level():
            dual = judge(forward_ad.make_dual(x.detach(), v))
            t = forward_ad.unpack_dual(_per_sample(dual)).tangent
            return Judgement(*map(_primal, dual)), squared + 2 * (t - t.detach())


def _per_sample(judged: Judgement) -> Tensor:
    """The sum of all outputs of each judged sample: (B / pack,)."""
    totals = [_at_least_float32(logit).reshape(len(logit), -1).sum(1) for logit in judged.logits]
    return sum(totals[1:], totals[0])


def _at_least_float32(values: Tensor) -> Tensor:
    return values.to(torch.promote_types(values.dtype, torch.float32))


def _primal(value: Any) -> Any:
    if isinstance(value, tuple):
        return tuple(map(_primal, value))
    return None if value is None else forward_ad.unpack_dual(value).primal
