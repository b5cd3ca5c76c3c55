"""What a model file says of its model, without its tensors: nothing here needs torch."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any, NamedTuple

from aegean.config import Net, UserError, fits, from_json, parse_json
from aegean.data.info import DataInfo
from aegean.files import Shapes, read_tensor_header
from aegean.model.verbs import able
from aegean.objectives import Term

FORMAT = 1
PAST: dict[str, Any] = {"recipe": str, "settings": dict[str, Any], "images": int, "seconds": float, "seed": int}


class Header(NamedTuple):
    """The description in a model file. `latent` and `depth` are None where a file of release 0.1 does not say them."""

    specs: dict[str, Net]
    info: DataInfo
    bound: tuple[Term, ...]
    about: dict[str, Any]
    wiring: str
    latent: int | None
    depth: int | None
    shapes: Shapes

    @property
    def conditional(self) -> bool:
        """Whether its verbs take labels: it was trained with classes."""
        return any(spec.args.get("classes") for spec in self.specs.values())

    @property
    def can(self) -> list[str]:
        """The verbs that work on the model."""
        return able(self.specs, bool(self.bound), self.info)

    def values(self, net: str) -> int:
        """How many numbers a network holds."""
        return sum(math.prod(shape) for name, shape in self.shapes.items() if name.startswith(f"{net}."))


def read_header(file: str | Path) -> Header:
    """UserError: no such file, a damaged one, or one that is not of aegean."""
    file = Path(file)
    if not file.exists():
        raise UserError(f"{file} does not exist; give a run folder or a .safetensors file of aegean.")
    metadata, shapes = read_tensor_header(file)
    text = metadata.get("aegean")
    if not isinstance(text, str):
        raise UserError(f"{file} was not written by aegean: its header lacks the model's description.")
    header = parse_json(text, str(file))
    if not isinstance(header, dict) or header.get("format") != FORMAT:
        found = header.get("format") if isinstance(header, dict) else None
        raise UserError(f"{file} has format {found!r}; this version of aegean reads format {FORMAT}.")
    try:
        return _header(header, shapes)
    except (AssertionError, LookupError, TypeError, ValueError, AttributeError) as error:
        if isinstance(error, UserError):
            raise
        raise UserError(f"{file} does not describe a whole model ({error!r}); make it again.") from None


def _header(header: dict[str, Any], shapes: Shapes) -> Header:
    specs = {name: from_json(spec) for name, spec in header["nets"].items()}
    assert all(isinstance(spec, Net) and isinstance(spec.args, dict) for spec in specs.values()), "no networks"
    info, bound, about = from_json(header["info"]), from_json(header["bound"]), header.get("about", {})
    assert isinstance(info, DataInfo) and isinstance(about, dict), "no data or no past"
    assert all(fits(about[key], kind) for key, kind in PAST.items() if key in about), "an odd past"
    assert isinstance(bound, tuple) and all(isinstance(term, Term) for term in bound), "the bound is not made of terms"
    generator = specs["G"].args if "G" in specs else {}
    latent, depth = header.get("latent", generator.get("latent")), header.get("levels")
    assert all(value is None or type(value) is int for value in (latent, depth)), "odd numbers"
    return Header(specs, info, bound, about, str(header.get("wiring", "standard")), latent, depth, shapes)
