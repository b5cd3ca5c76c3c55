"""Recipes by name, and their keyword parameters as options: names, types and defaults from the signature."""

from __future__ import annotations

import inspect
import typing
from collections.abc import Callable, Mapping
from typing import Any, Literal, NamedTuple, get_args, get_origin

from aegean.config import Net, UserError, nearest
from aegean.data.info import DataInfo
from aegean.training.schedule import Run

Recipe = Callable[..., Run]
RECIPES: dict[str, Recipe] = {}
INHERITED = "inherited"  # the one parameter that `--from` gives, not `--set`


class Option(NamedTuple):
    name: str
    type: Any
    default: Any

    @property
    def words(self) -> str:
        """What may be given, in words."""
        if get_origin(self.type) is Literal:
            return "|".join(map(str, get_args(self.type)))
        if get_origin(self.type) is tuple:
            return f"any of {','.join(map(str, get_args(get_args(self.type)[0])))}"
        if self.type is int and self.default == 0:
            return "whole number; 0 chooses by the data"
        return {bool: "true|false", int: "whole number", float: "number", str: "text"}[self.type]


def recipe(function: Recipe) -> Recipe:
    """Decorator: enter a recipe under its function's name."""
    RECIPES[function.__name__] = function
    return function


def find(name: str) -> Recipe:
    if name not in RECIPES:
        raise UserError(f"There is no recipe {name!r}.{nearest(name, RECIPES)}")
    return RECIPES[name]


def options(name: str) -> dict[str, Option]:
    """The options of a recipe, in the order of its signature."""
    function = find(name)
    hints = typing.get_type_hints(function)
    return {
        key: Option(key, hints[key], parameter.default)
        for key, parameter in inspect.signature(function).parameters.items()
        if parameter.kind is parameter.KEYWORD_ONLY and key != INHERITED
    }


def describe(name: str) -> str:
    """A recipe's documentation and options, as text."""
    rows = [(f"{o.name}={_show(o.default)}", o.words) for o in options(name).values()]
    width = max(len(left) for left, _ in rows)
    listing = "\n".join(f"  {left:<{width}}  {right}" for left, right in rows)
    return f"{name}\n\n{inspect.getdoc(find(name))}\n\nOptions (--set name=value):\n{listing}"


def configure(
    name: str, info: DataInfo, settings: Mapping[str, Any] | None = None, inherited: Mapping[str, Net] | None = None
) -> Run:
    """The Run of a recipe on some data. Settings may be texts, as the command line gives them, or values.

    UserError: an unknown recipe or option (the nearest names are offered), a value of another type.
    """
    values = parse_all(name, settings or {})
    for option in ("batch", "images"):
        if values.get(option, 1) < 1:
            raise UserError(f"Option {option}=0: expected at least 1.")
    if values.get("lr") == 0:
        raise UserError("Option lr=0: nothing would be learnt; expected a number above 0, such as 0.001.")
    if inherited is not None and INHERITED in inspect.signature(find(name)).parameters:
        values[INHERITED] = dict(inherited)
    return find(name)(info, **values)


def parse_all(name: str, settings: Mapping[str, Any]) -> dict[str, Any]:
    """The settings of a recipe as values of its options' types. UserError as `configure`."""
    known = options(name)
    for key in settings:
        if key not in known:
            raise UserError(f"Recipe {name} has no option {key!r}.{nearest(key, known)}")
    return {key: parse(known[key], value) for key, value in settings.items()}


def parse(option: Option, value: Any) -> Any:
    """A value of the option's type, from text where it is one."""
    article = "a " if option.type in (int, float) else ""
    wrong = UserError(f"Option {option.name}={value!r}: expected {article}{option.words}.")
    choices = get_args(option.type)
    if get_origin(option.type) is Literal:
        if value not in choices:
            raise UserError(f"Option {option.name}={value!r} is unknown.{nearest(str(value), map(str, choices))}")
        return value
    if get_origin(option.type) is tuple:
        if not isinstance(value, (str, list, tuple)):
            raise wrong
        items = [v for v in value.split(",") if v] if isinstance(value, str) else list(value)
        return tuple(parse(option._replace(type=choices[0]), item) for item in items)
    if option.type is bool and isinstance(value, str):
        if value.lower() not in ("true", "false"):
            raise wrong
        return value.lower() == "true"
    if isinstance(value, bool) is not (option.type is bool):
        raise wrong
    try:
        parsed = option.type(value)
    except (TypeError, ValueError, OverflowError):
        raise wrong from None
    if option.type in (int, float) and (parsed != parsed or abs(parsed) == float("inf") or parsed < 0):
        raise UserError(f"Option {option.name}={value!r}: expected a finite number, not below 0.")
    if option.type is int and not isinstance(value, str) and parsed != value:
        raise wrong
    return parsed


def smoke(name: str, info: DataInfo, steps: int = 20, **settings: Any) -> Run:
    """The recipe shrunk to seconds on a CPU: narrow networks, batches of 16, `steps` steps in all."""
    small = {"width": 8, "latent": 4, "batch": 16}
    settings = {**{k: v for k, v in small.items() if k in options(name)}, **settings}
    run = configure(name, info, settings)
    return run.with_images(steps * run.batch)


def _show(default: Any) -> str:
    if isinstance(default, tuple):
        return ",".join(map(str, default))
    return str(default).lower() if isinstance(default, bool) else str(default)
