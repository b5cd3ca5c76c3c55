"""What moves between networks at the start of a phase."""

from __future__ import annotations

from torch import nn

from aegean.config import UserError
from aegean.nets.discriminator import widen
from aegean.training.schedule import Copy


def copy_values(nets: dict[str, nn.Module], edge: Copy) -> None:
    """Carry out a Copy. UserError: a parameter of the target is missing in the source, or has another shape."""
    source, target = (_part(nets, name) for name in (edge.source, edge.target))
    given = source.state_dict()
    values = {}
    for name, old in target.state_dict().items():
        new = given.get(name)
        if new is not None and name == "stem.weight" and new.shape != old.shape and old.shape[1] % new.shape[1] == 0:
            new = widen(new, old.shape)
        if new is None or new.shape != old.shape:
            found = "nothing" if new is None else f"shape {tuple(new.shape)}"
            raise UserError(
                f"{edge.source} cannot be copied to {edge.target}: {name} needs shape {tuple(old.shape)}, found "
                f"{found}. Use the same widths for both."
            )
        values[name] = new
    target.load_state_dict(values)


def _part(nets: dict[str, nn.Module], name: str) -> nn.Module:
    """A network, or a part of one: "D.backbone"."""
    net, _, part = name.partition(".")
    return nets[net].get_submodule(part) if part else nets[net]
