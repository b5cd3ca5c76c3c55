"""What may be asked of a training: defined here, for `train`, `compare_recipes`, estimators and the command line."""

from __future__ import annotations

import dataclasses
import inspect
import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from aegean.config import Net, UserError
from aegean.surface import option

if TYPE_CHECKING:
    from aegean.data.info import DataInfo
    from aegean.training.schedule import Run

F = TypeVar("F", bound=Callable[..., Any])
MOST_IMAGES = 10**15


@dataclass(frozen=True, kw_only=True)
class TrainingOptions:
    """How a recipe is trained. UserError: a value out of its range.

    images: the whole budget, those of an inherited network included: 50000, 500k, 1.5M (default: the recipe's)
    minutes: another budget, turned into images once; the smaller one counts
    seed: of every random draw, a whole number from 0 on (default: 0)
    batch: images in a step (default: the recipe's)
    device: auto, cuda, mps or cpu (default: auto, the first of these that is there)
    source: a run, model file or folder of diffusers whose networks the new run begins with
    settings: options of the recipe, by name
    evaluations: how often the run is evaluated while it trains, up to 1000; 0: up to
        20 times, as long as that takes at most a tenth of its time (default: 0)
    precision: of the networks: auto, float32 or bfloat16 (default: auto)
    compile: the step: auto, on or off (default: auto, for long runs)
    accumulate: parts that a batch is split into, for less memory; their gradients are added up
    """

    images: int | str | None = None
    minutes: float | None = None
    seed: int = 0
    batch: int | None = None
    device: str = "auto"
    source: str | Path | None = None
    settings: Mapping[str, Any] | None = None
    evaluations: int = 0
    precision: str = "auto"
    compile: str = "auto"
    accumulate: int = 1

    def __post_init__(self) -> None:
        if self.images is not None:
            object.__setattr__(self, "images", parse_images(self.images))
        if self.minutes is not None and not (math.isfinite(self.minutes) and self.minutes > 0):
            raise UserError(f"{option('minutes', self.minutes)}: expected a number above 0.")
        for name, least, most in (("seed", 0, 2**63 - 1), ("evaluations", 0, 1000), ("accumulate", 1, 1 << 20)):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
                raise UserError(f"{option(name, value)}: expected a whole number from {least} to {most}.")

    @property
    def budget(self) -> int | None:
        """The number of images asked for."""
        return None if self.images is None else int(self.images)

    @property
    def chosen(self) -> dict[str, Any]:
        """Options of the recipe, the batch among them."""
        return {**(self.settings or {}), **({} if self.batch is None else {"batch": self.batch})}


def takes_options(function: F) -> F:
    """A function whose `**options` are those of a training: its signature shows them."""
    own = inspect.signature(function)
    named = [p for p in own.parameters.values() if p.kind is not p.VAR_KEYWORD]
    fields = [
        inspect.Parameter(f.name, inspect.Parameter.KEYWORD_ONLY, default=f.default, annotation=f.type)
        for f in dataclasses.fields(TrainingOptions)
        if f.name not in own.parameters
    ]
    function.__signature__ = own.replace(parameters=[*named, *fields])  # type: ignore[attr-defined]
    return function


def parse_images(text: int | str) -> int:
    """A budget: 500000, "500k", "2M", "1.5M"."""
    match = re.fullmatch(r"(\d+(?:\.\d+)?)([kM]?)", str(text).strip(), re.ASCII)
    images = Fraction(match[1]) * {"": 1, "k": 1000, "M": 1000_000}[match[2]] if match else Fraction(0)
    if isinstance(text, bool) or images.denominator != 1 or not 1 <= images <= MOST_IMAGES:
        raise UserError(
            f"{option('images', text)}: expected a whole number of images above 0, such as 50000, 500k or 1.5M."
        )
    return int(images)


def planned(
    recipe: str,
    info: DataInfo,
    settings: Mapping[str, Any],
    inherited_nets: Mapping[str, Net] | None = None,
    budget: int | None = None,
    seed: int = 0,
    inherited: int = 0,
) -> Run:
    """The run of a recipe on some data, of the recipe's own number of images or of those asked for.

    recipe, info, settings, inherited_nets: as of `recipes.configure`.
    budget: images, those of inherited networks among them.
    seed: of the run.
    inherited: images that its inherited networks have cost.

    UserError: too few for a step of each phase.
    """
    from aegean.recipes.registry import configure, options

    left = {} if budget is None or "images" not in options(recipe) else {"images": max(1, budget - inherited)}
    run = configure(recipe, info, {**settings, **left}, inherited_nets).replace(seed=seed)
    total = run.images + inherited if budget is None or run.capped else budget
    if total - inherited < run.batch * len(run.schedule):
        count, part = len(run.schedule), f", {inherited:,} of them inherited," if inherited else ""
        phases = "its one phase needs" if count == 1 else f"each of the {count} phases needs"
        raise UserError(
            f"A budget of {total:,} images{part} is too small: {phases} a batch of {run.batch:,} at "
            f"least, {inherited + run.batch * count:,} images in all."
        )
    return run.with_images(total - inherited)
