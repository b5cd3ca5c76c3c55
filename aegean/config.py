"""Settings as data: frozen dataclasses and networks' arguments, to JSON and back; nothing is ever pickled.

A `Config` is a frozen dataclass; a `Net` names a network class and its keyword arguments. Both carry a
"type" tag in JSON, looked up in registries that the classes enter when they are defined.
"""

from __future__ import annotations

import dataclasses
import difflib
import functools
import importlib
import inspect
import json
import re
import types
import typing
from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeVar, overload

FILLING = {"normal_", "uniform_", "kaiming_normal_", "kaiming_uniform_", "fill_", "zero_", "copy_", "mul_", "div_"}
LARGEST = 1e300  # number of a setting
JSON_LIMIT = 4_000_000  # characters; a config of a real run has some thousands


class UserError(ValueError):
    """What the user gave cannot work. The message says what was wrong, what was expected and what to do."""


def nearest(word: str, known: Iterable[str]) -> str:
    """' Did you mean ...?' with the nearest of the known words, else the list of them."""
    known = sorted(known)
    close = difflib.get_close_matches(word, known, n=3, cutoff=0.6)
    return f" Did you mean {' or '.join(close)}?" if close else f" Known: {', '.join(known) or 'none'}."


_CONFIGS: dict[str, type[Config]] = {}
_NETWORKS: dict[str, type] = {}
_KINDS: dict[type, str] = {}  # of networks: their names in files
NETWORK_ROOMS = (
    "aegean.nets",
    "aegean.latent",
    "aegean.metrics.trunks",
)  # imported when a network of theirs is asked for
T = TypeVar("T", bound=type)


@dataclasses.dataclass(frozen=True)
class Config:
    """A frozen dataclass that knows its JSON. Subclasses register themselves under their class name."""

    def __init_subclass__(cls, **kwargs: Any):
        super().__init_subclass__(**kwargs)
        _CONFIGS[cls.__name__] = cls

    def replace(self, **changes: Any):
        return dataclasses.replace(self, **changes)


@overload
def network(cls: T) -> T: ...
@overload
def network(cls: str) -> Callable[[T], T]: ...
def network(cls: Any) -> Any:
    """Class decorator: this nn.Module can be built from JSON; its keyword arguments are its settings. Files know it by
    its name, or by another one: @network("GivenCodes")."""
    if isinstance(cls, str):
        return lambda named: _register(named, cls)
    return _register(cls, cls.__name__)


def _register(cls: T, kind: str) -> T:
    _NETWORKS[kind] = cls
    _KINDS[cls] = kind
    return cls


def network_class(kind: Any) -> Any:
    """The class of a network by its name. UserError: there is none."""
    for room in NETWORK_ROOMS if isinstance(kind, str) and kind not in _NETWORKS else ():
        package = importlib.import_module(room)
        if kind in package.__all__:
            getattr(package, kind)
            break
    return _NETWORKS[kind] if isinstance(kind, str) and kind in _NETWORKS else _lookup(kind, networks(), "network")


def networks() -> dict[str, type]:
    """Every class that `network` registers, by name."""
    for package in map(importlib.import_module, NETWORK_ROOMS):
        for name in package.__all__:
            getattr(package, name)
    return dict(_NETWORKS)


@dataclasses.dataclass(frozen=True)
class Net(Config):
    """A network to be built: the class by name, and its arguments (plain JSON values)."""

    kind: str
    args: dict[str, Any] = dataclasses.field(default_factory=dict)

    def build(self):
        cls = network_class(self.kind)
        known = inspect.signature(cls).parameters
        for name in self.args:
            if name not in known:
                raise UserError(f"{self.kind} has no argument {name!r}.{nearest(name, known)}")
        return cls(**self.args)

    def outline(self):
        """The network on torch's meta device: its shapes and settings, without memory. UserError: it cannot be built
        from these arguments, which a stranger may have written."""
        import torch
        from torch.overrides import TorchFunctionMode

        class Outline(TorchFunctionMode):
            """What fills tensors is left out: they have no memory, and torch would load its compiler for it."""

            def __torch_function__(self, function, types, args=(), kwargs=None):
                if function.__name__ in FILLING:
                    return args[0] if args else kwargs["tensor"]
                if function is torch.eye:
                    return torch.empty(args[0], args[0])
                return torch.empty(*args) if function is torch.randn else function(*args, **(kwargs or {}))

        try:
            with torch.device("meta"), Outline():
                return self.build()
        except UserError:
            raise
        except (TypeError, ValueError, RuntimeError, LookupError, ArithmeticError, AttributeError, AssertionError) as e:
            reason = (str(e).splitlines() or [type(e).__name__])[0][:200]
            reason = "they are too large" if "Storage size" in reason or "Overflow" in reason else reason
            raise UserError(f"A network {self.kind} cannot be built from its settings: {reason}.") from None


def net(kind: str | type, **args: Any) -> Net:
    """`Net` of a class, or of its name: net("ConvEncoder", shape=(1, 8, 8)). Lists become tuples, as after JSON, so
    that equal networks compare equal."""
    name = kind if isinstance(kind, str) else _KINDS.get(kind, kind.__name__)
    return Net(name, {key: from_json(to_json(value)) for key, value in args.items()})


def to_json(value: Any) -> Any:
    """Plain JSON values for configs, tuples, dicts and numbers."""
    if isinstance(value, Net):
        return {"type": "Net", "kind": value.kind, "args": to_json(value.args)}
    if isinstance(value, Config):
        fields = {f.name: to_json(getattr(value, f.name)) for f in dataclasses.fields(value)}
        return {"type": type(value).__name__, **fields}
    if isinstance(value, dict):
        return {str(k): to_json(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [to_json(v) for v in value]
    assert value is None or isinstance(value, (bool, int, float, str)), f"not JSON: {value!r}"
    return value


def from_json(value: Any) -> Any:
    """The inverse of `to_json`; lists become tuples, a "type" tag becomes its Config."""
    if isinstance(value, dict):
        if "type" not in value:
            return {k: from_json(v) for k, v in value.items()}
        cls = _lookup(value["type"], _CONFIGS, "config type")
        fields = {f.name for f in dataclasses.fields(cls)}
        for name in value:
            if name != "type" and name not in fields:
                raise UserError(f"{cls.__name__} has no field {name!r}: the file was made by another version.")
        found = {k: from_json(v) for k, v in value.items() if k != "type"}
        for name, hint in _hints(cls).items():
            if name in found and not fits(found[name], hint):
                raise UserError(f"{cls.__name__} cannot be read: {name} is {str(found[name])[:80]!r}.")
        try:
            return cls(**found)
        except (TypeError, ValueError, OverflowError, AssertionError) as error:
            raise UserError(f"{cls.__name__} cannot be read: {error}.") from None
    if isinstance(value, list):
        return tuple(from_json(v) for v in value)
    return value


@functools.cache
def _hints(cls: type) -> dict[str, Any]:
    """The types of a Config's fields."""
    return typing.get_type_hints(cls)


def fits(value: Any, hint: Any) -> bool:
    """Whether a value from a file is of the type that a field has; its numbers are finite."""
    origin, args = typing.get_origin(hint) or hint, typing.get_args(hint)
    if hint is Any:
        return True
    if origin in (types.UnionType, typing.Union):
        return any(fits(value, arg) for arg in args)
    if origin is typing.Literal:
        return any(value == arg and type(value) is type(arg) for arg in args)
    if origin is tuple:
        many = len(args) == 2 and args[1] is ...
        kinds = args[:1] * len(value) if many and isinstance(value, tuple) else args
        return isinstance(value, tuple) and (not args or (len(value) == len(kinds) and all(map(fits, value, kinds))))
    if origin in (dict, Mapping):
        pairs = value.items() if isinstance(value, dict) else ()
        return isinstance(value, dict) and (not args or all(fits(k, args[0]) and fits(v, args[1]) for k, v in pairs))
    if origin is float:
        return type(value) in (int, float) and abs(value) < LARGEST
    if origin is int:
        return type(value) is int and abs(value) < 2**63
    return value is None if origin is type(None) else isinstance(value, origin)


def documentation(of: Any) -> tuple[str, dict[str, str]]:
    """A docstring's text and, of its last paragraph, the words for each parameter: lines `name: words`."""
    *text, last = (inspect.getdoc(of) or "").split("\n\n")
    parts = re.split(r"^([a-z_]+): ", last, flags=re.MULTILINE)
    if parts[0]:
        return "\n\n".join((*text, last)), {}
    return "\n\n".join(text), {name: " ".join(words.split()) for name, words in zip(parts[1::2], parts[2::2])}


def parse_json(text: str, origin: str) -> Any:
    """JSON text from a file that a stranger may have written. `origin` names it in errors."""
    if len(text) > JSON_LIMIT:
        raise UserError(f"{origin}: {len(text)} characters of JSON; at most {JSON_LIMIT} are read.")
    try:
        return json.loads(text, object_pairs_hook=_once)
    except (ValueError, RecursionError) as error:  # a whole number of thousands of digits is a ValueError
        raise UserError(f"{origin} is not readable JSON ({error}); restore it from a copy.") from None


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """ValueError: a name twice, of which one reader takes the first and another the last."""
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        raise ValueError(f"{next(name for name in names if names.count(name) > 1)[:80]!r} stands there twice")
    return found


def _lookup(name: Any, registry: Mapping[str, type], what: str) -> Any:
    if not isinstance(name, str) or name not in registry:
        raise UserError(f"Unknown {what} {name!r}.{nearest(str(name), registry)}")
    return registry[name]
