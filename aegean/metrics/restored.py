"""How well a restorer repairs held-out pictures: `psnr@test:397`, beside what the damaged ones score."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from aegean.data.info import DataInfo
from aegean.formulas import frechet, pictures
from aegean.formulas.classical import filled, median_filter
from aegean.metrics.features import FeatureNetwork
from aegean.metrics.kinds import kind_of
from aegean.metrics.samples import as_saved
from aegean.metrics.scores import Better
from aegean.training.world import World


class HeldOut(NamedTuple):
    """Clean pictures that a restorer is measured on."""

    clean: Tensor  # (n, *shape), those of this process,
    start: int  # numbered from here
    info: DataInfo
    seed: int  # of their damage
    world: World
    network: FeatureNetwork | None = None  # that they are compared in, if they are,
    moments: tuple[np.ndarray, np.ndarray] | None = None  # and the mean and covariance of all clean ones there


class Measured(NamedTuple):
    """A score of restored pictures, what a perfect copy of the clean ones reaches, the damaged ones, and a classical
    repair where there is one."""

    name: str
    by: str
    value: float
    floor: float
    given: float
    better: Better
    classical: float | None = None  # what a repair without training reaches


def measured(of: HeldOut, model: Any) -> Iterator[Measured]:
    """Scores of what a model makes of the held-out pictures of a process, damaged as in training; in holes alone where
    it fills some. Those of the sharpened decoder have names of their own; `clean_psnr` is that of pictures that nothing
    was done to."""
    clean = of.clean
    given, holes = model.damage(clean, of.seed, of.start)
    fills = bool(holes.any())
    mask = holes if fills else None
    simple = classical(model, given, holes)
    parts = (clean, given, given if simple is None else simple)
    before = _gathered(of, *(as_saved(x, of.info, "pictures") for x in parts), holes.to(clean))
    for strength in (0.0, 1.0) if "sharp" in model.nets else (0.0,):
        made = as_saved(model.restore(given, mask, strength), of.info, "restored pictures", of.world)
        found = _gathered(of, made)
        if found and before:
            yield from _scores(of, "sharp_" if strength else "", (*before, *found), simple is not None)
    if not fills:
        kept = _gathered(of, as_saved(model.restore(clean), of.info, "restored pictures", of.world))
        if kept and before:
            value = pictures.psnr(before[0].numpy(), kept[0].numpy())
            yield Measured("clean_psnr", "test", value, pictures.PSNR_CAP, pictures.PSNR_CAP, "higher")


def classical(model: Any, given: Tensor, holes: Tensor) -> Tensor | None:
    """What repairs pictures without training; None: nothing for damage of this kind."""
    if bool(holes.any()):
        return filled(given, holes)
    return median_filter(given) if set(model.nets["damage"].ranges) == {"noise"} else None


def _gathered(of: HeldOut, *parts: Tensor) -> tuple[Tensor, ...] | None:
    """The same of all processes, in the leading one."""
    found = [of.world.gather(part.cpu().numpy()) for part in parts]
    return None if any(part is None for part in found) else tuple(torch.from_numpy(part) for part in found)


def _scores(of: HeldOut, prefix: str, seen: tuple[Tensor, ...], known: bool) -> Iterator[Measured]:
    """seen: clean, given and classically repaired pictures, holes, and what the model has made. known: whether there is
    a classical repair."""
    clean, given, simple, holes, made = seen

    def beside(name: str, by: str, floor: float, better: Better, score: Callable[[Tensor], float]) -> Measured:
        return Measured(prefix + name, by, score(made), floor, score(given), better, score(simple) if known else None)

    if holes.any():
        yield beside("hole_psnr", "test", pictures.PSNR_CAP, "higher", lambda x: psnr_within(clean, x, holes))
    for name, quality in kind_of(of.info).quality(of.info).items():
        yield beside(name, "test", quality.perfect, quality.better, partial(_of_arrays, quality.formula, clean))
    if of.network is not None and of.moments is not None:
        yield beside("rfd", of.network.key, 0.0, "lower", partial(_distance, of.network, of.moments))


def _of_arrays(formula: Callable[[np.ndarray, np.ndarray], float], clean: Tensor, x: Tensor) -> float:
    return formula(clean.numpy(), x.numpy())


def _distance(network: FeatureNetwork, moments: tuple[np.ndarray, np.ndarray], x: Tensor) -> float:
    return frechet.frechet_from_moments(*moments, *frechet.moments(network(x)))


def psnr_within(x: Tensor, y: Tensor, holes: Tensor) -> float:
    """PSNR in dB in holes (n, 1, H, W) of pictures (n, C, H, W) in [-1, 1]: the mean over pictures with some."""
    squared, holes = (x - y).clamp(-2, 2).double().square(), holes.double()
    places = holes.flatten(1).sum(1)
    error = (squared * holes).flatten(1).sum(1) / (places * x.shape[1]).clamp(min=1)
    each = 10 * torch.log10(4 / error.clamp(min=4 / 10 ** (pictures.PSNR_CAP / 10)))
    return float(np.mean(each[places > 0].numpy()))
