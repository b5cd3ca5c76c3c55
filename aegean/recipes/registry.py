"""Recipes by name, and their keyword parameters as options: names, types and defaults from the signature."""

from __future__ import annotations

import dataclasses
import inspect
import textwrap
import typing
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Literal, NamedTuple, get_args, get_origin, overload

from aegean.config import Net, UserError, documentation, nearest
from aegean.data.info import DataInfo
from aegean.data.options import DataOptions
from aegean.nets.kinds import kind_of
from aegean.recipes.groups import ABSENT
from aegean.surface import option
from aegean.training.schedule import Run

Recipe = Callable[..., Run]
RECIPES: dict[str, Recipe] = {}
ONLY: dict[str, str] = {}  # of each recipe: "", or the kind of data that it is made for
SIDES: dict[str, str] = {}  # of each recipe: "", or how the samples of its two sides belong together
LARGEST = 10**12  # of a whole number
INHERITED = "inherited"  # the one parameter that is no setting: the networks of another run


class Option(NamedTuple):
    name: str
    type: Any
    default: Any
    group: str = ""  # the parameter of the recipe that it is a field of
    help: str = ""

    @property
    def words(self) -> str:
        """What may be given, in words."""
        if get_origin(self.type) is Literal:
            return "|".join(map(str, get_args(self.type)))
        if self.type == tuple[float, ...]:
            return "numbers with commas between them"
        if get_origin(self.type) is tuple:
            return f"any of {','.join(map(str, get_args(get_args(self.type)[0])))}"
        return {bool: "true|false", int: "whole number", float: "number", str: "text"}[self.type]

    @property
    def text(self) -> str:
        """The default as it would be typed."""
        if isinstance(self.default, tuple):
            return ",".join(f"{v:g}" if isinstance(v, float) else str(v) for v in self.default)
        return str(self.default).lower() if isinstance(self.default, bool) else str(self.default)


@overload
def recipe(function: Recipe) -> Recipe: ...
@overload
def recipe(*, pairs: str = "", only: str = "") -> Callable[[Recipe], Recipe]: ...
def recipe(function: Recipe | None = None, *, pairs: str = "", only: str = "") -> Any:
    """Decorator: enter a recipe under its function's name.

    pairs: of one that takes data with two sides, how samples belong together where the user does not say it: "name" or
        "none".
    only: of one for a single kind of data, that kind.
    """

    def enter(function: Recipe) -> Recipe:
        RECIPES[function.__name__] = function
        SIDES[function.__name__], ONLY[function.__name__] = pairs, only
        return function

    return enter if function is None else enter(function)


def sided(name: str, data: DataOptions) -> DataOptions:
    """The data of a recipe, with its sides as the recipe wants them. UserError: too many sides, or too few."""
    find(name)
    pairs = SIDES[name]
    if not pairs:
        if data.target or data.pairs:
            known = ", ".join(one for one, how in SIDES.items() if how)
            raise UserError(
                f"{name} takes data of one side: leave {option('target')} and {option('pairs')} out ({known} take two)."
            )
        return data
    data = data.by_convention()
    if not data.target and data.pairs != "side-by-side":
        raise UserError(
            f"{name} takes data of two sides: give the other one as {option('target')}, or a folder of trainA and "
            "trainB."
        )
    return data if data.pairs else data.replace(pairs=pairs)


def find(name: str) -> Recipe:
    if name not in RECIPES:
        raise UserError(f"There is no recipe {name!r}.{nearest(name, RECIPES)}")
    return RECIPES[name]


def options(name: str) -> dict[str, Option]:
    """The options of a recipe, in the order of its signature; those of a group (`recipes.groups`) one by one."""
    _, own = documentation(find(name))
    found = {o.name: o for o in signature(find(name))}
    return {key: o._replace(help=own.get(key, o.help)) for key, o in found.items()}


def signature(function: Recipe) -> Iterator[Option]:
    hints = typing.get_type_hints(function)
    for name, parameter in inspect.signature(function).parameters.items():
        if parameter.kind is not parameter.KEYWORD_ONLY or name == INHERITED:
            continue
        if not dataclasses.is_dataclass(group := hints[name]):
            yield Option(name, hints[name], parameter.default)
            continue
        types, (_, helps) = typing.get_type_hints(group), documentation(group)
        for field in dataclasses.fields(group):
            default = getattr(parameter.default, field.name)
            if default is not ABSENT:
                yield Option(field.name, types[field.name], default, name, helps.get(field.name, ""))


def describe(name: str) -> str:
    """A recipe's documentation and options, as text."""
    known = options(name).values()
    left = min(max(len(f"{o.name}={o.text}") for o in known) + 4, 30)
    rows = [
        textwrap.fill(
            f"{o.help} ({o.words})",
            width=100,
            initial_indent=f"  {o.name}={o.text} ".ljust(left),
            subsequent_indent=" " * left,
            break_on_hyphens=False,
        )
        for o in known
    ]
    return "\n".join((name, "", documentation(find(name))[0], "", "Options (--set name=value):", *rows))


def configure(
    name: str, info: DataInfo, settings: Mapping[str, Any] | None = None, inherited: Mapping[str, Net] | None = None
) -> Run:
    """The Run of a recipe on some data.

    settings: option -> value, or its text as the command line gives it
    inherited: networks of a trained model, by name, for a recipe that can begin with them

    UserError: an unknown recipe or option (the nearest names are offered), a value of another type.
    """
    values, known = parse_all(name, settings or {}), options(name)
    if values.get("images", 0) < 0:
        raise UserError(f"{option('images', values['images'])}: expected at least 1, or 0 for the data to choose.")
    if values.get("lr") == 0 and known["lr"].default:
        raise UserError(f"{option('lr', 0)}: nothing would be learnt; expected a number above 0, such as 0.001.")
    function, kind = find(name), kind_of(info)
    if kind.recipes and name not in kind.recipes:
        raise UserError(
            f"{name} is not for data of kind {info.kind} ({info.name!r}); choose {', '.join(kind.recipes[:-1])} or "
            f"{kind.recipes[-1]}."
        )
    arguments: dict[str, Any] = {key: value for key, value in values.items() if not known[key].group}
    for group in {o.group for o in known.values() if o.group}:
        fields = {key: value for key, value in values.items() if known[key].group == group}
        arguments[group] = dataclasses.replace(inspect.signature(function).parameters[group].default, **fields)
    if "budget" in arguments:
        budget = arguments["budget"]
        batch, images = budget.batch or kind.batch(info.count), budget.images or kind.images(info.count)
        arguments["budget"] = dataclasses.replace(budget, batch=batch, images=images)
    if inherited is not None and INHERITED in inspect.signature(function).parameters:
        arguments[INHERITED] = dict(inherited)
    return function(info, **arguments)


def parse_all(name: str, settings: Mapping[str, Any]) -> dict[str, Any]:
    """The settings of a recipe as values of its options' types. UserError as `configure`."""
    known = options(name)
    for key in settings:
        if key not in known:
            raise UserError(f"Recipe {name} has no option {key!r}.{nearest(key, known)}")
    return {key: parse(known[key], value) for key, value in settings.items()}


def parse(given: Option, value: Any) -> Any:
    """A value of the option's type, from text where it is one."""
    said = option(given.name, value if isinstance(value, str) else repr(value))
    wrong = UserError(f"{said}: expected {'a ' if given.type in (int, float) else ''}{given.words}.")
    choices = get_args(given.type)
    if get_origin(given.type) is Literal:
        if value not in choices:
            raise UserError(f"{said} is unknown.{nearest(str(value), map(str, choices))}")
        return value
    if get_origin(given.type) is tuple:
        if isinstance(value, int | float) and choices[0] is float:
            value = [value]
        if not isinstance(value, (str, list, tuple)):
            raise wrong
        items = [v for v in value.split(",") if v] if isinstance(value, str) else list(value)
        return tuple(parse(given._replace(type=choices[0]), item) for item in items)
    if given.type is bool and isinstance(value, str):
        if value.lower() not in ("true", "false"):
            raise wrong
        return value.lower() == "true"
    if isinstance(value, bool) is not (given.type is bool):
        raise wrong
    try:
        parsed = given.type(value)
    except (TypeError, ValueError, OverflowError):
        raise wrong from None
    if given.type in (int, float) and (parsed != parsed or abs(parsed) == float("inf") or parsed < 0):
        raise UserError(f"{said}: expected a finite number, not below 0.")
    if given.type is int and not isinstance(value, str) and parsed != value:
        raise wrong
    if given.type is int and parsed > LARGEST:
        raise UserError(f"{said}: expected at most {LARGEST:,}.")
    return parsed


def smoke(name: str, info: DataInfo, steps: int = 20, **settings: Any) -> Run:
    """The recipe shrunk to seconds on a CPU: narrow networks, batches of 16, `steps` steps in all."""
    small = {"width": 8, "latent": 4, "batch": 16, "voice": 0.25}
    settings = {**{k: v for k, v in small.items() if k in options(name)}, **settings}
    run = configure(name, info, settings)
    return run.with_images(steps * run.batch)
