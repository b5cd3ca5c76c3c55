"""A model as one safetensors file: tensors by network, everything else as JSON in its header."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import safetensors
import safetensors.torch
import torch
from safetensors import SafetensorError
from torch import Tensor, nn

from aegean.compression import check
from aegean.config import Net, UserError, from_json, parse_json, to_json
from aegean.data.info import DataInfo
from aegean.data.kinds import kind_of
from aegean.files import write_atomically
from aegean.model.header import FORMAT
from aegean.objectives import Term
from aegean.wirings import find_wiring


class Content(NamedTuple):
    """What a model file holds: the arguments of a `Model`."""

    specs: dict[str, Net]
    nets: dict[str, nn.Module]
    info: DataInfo
    bound: tuple[Term, ...]
    about: dict[str, Any]
    wiring: str


def save(content: Content, file: str | Path) -> None:
    """Write a file whole or not at all. Folders that are missing are made."""
    header = {
        "format": FORMAT,
        "nets": {name: to_json(content.specs[name]) for name in content.nets},
        "bound": to_json(content.bound),
        "info": to_json(content.info),
        "about": content.about,
        "wiring": content.wiring,
        **_facts(content),
    }
    tensors = {
        f"{name}.{key}": value.detach().cpu().contiguous()
        for name, net in content.nets.items()
        for key, value in net.state_dict().items()
    }
    data = safetensors.torch.save(tensors, {"aegean": json.dumps(header)})
    if str(file).endswith("/") or Path(file).is_dir():
        raise UserError(f"{file} is a folder; give a file to be written, such as {Path(file) / 'model.safetensors'}.")
    Path(file).parent.mkdir(parents=True, exist_ok=True)
    write_atomically(Path(file), data)


def _facts(content: Content) -> dict[str, int]:
    """Latent dimensions and levels, for whoever reads the header alone."""
    if "G" not in content.nets:
        return {}
    return {"latent": content.nets["G"].latent, "levels": find_wiring(content.wiring).depth(content.nets)}  # type: ignore[dict-item]


def load(file: str | Path) -> Content:
    """Read a model file, or that of a run folder. Nothing in it is executed.

    UserError: there is none, it is damaged, or not of aegean.
    """
    file = Path(file)
    if file.is_dir():
        file = file / "model.safetensors"
    if not file.exists():
        raise UserError(f"{file} does not exist; give a run folder or a .safetensors file of aegean.")
    try:
        with safetensors.safe_open(str(file), framework="pt") as opened:
            text = (opened.metadata() or {}).get("aegean")
            tensors = {key: opened.get_tensor(key) for key in opened.keys()}
    except (SafetensorError, OSError) as error:
        raise UserError(f"{file} is not a readable model file ({error}).") from None
    if text is None:
        raise UserError(f"{file} was not written by aegean: its header lacks the model's description.")
    header = parse_json(text, str(file))
    if not isinstance(header, dict) or header.get("format") != FORMAT:
        found = header.get("format") if isinstance(header, dict) else None
        raise UserError(f"{file} has format {found!r}; this version of aegean reads format {FORMAT}.")
    try:
        return _content(header, tensors)
    except UserError:
        raise
    except Exception as error:  # constructors raise many kinds for arguments that make no sense
        raise UserError(f"{file} does not describe a whole model ({error!r}); make it again.") from None


def _content(header: dict[str, Any], tensors: Mapping[str, Tensor]) -> Content:
    specs: dict[str, Net] = {name: from_json(spec) for name, spec in header["nets"].items()}
    nets = {name: build(spec, tensors, name) for name, spec in specs.items()}
    content = Content(
        specs,
        nets,
        from_json(header["info"]),
        from_json(header["bound"]),
        header.get("about", {}),
        header.get("wiring", "standard"),
    )
    _check(content)
    return content


def build(spec: Net, tensors: Mapping[str, Tensor], name: str) -> nn.Module:
    """Build a network and fill it with the tensors under its name. The shapes are compared first, on a device without
    memory, so that a description cannot ask for more than the file holds."""
    if not isinstance(spec, Net):
        raise UserError(f"The description of network {name!r} is not a network.")
    mine = {k[len(name) + 1 :]: v for k, v in tensors.items() if k.startswith(name + ".")}
    planned = {k: tuple(v.shape) for k, v in spec.outline().state_dict().items()}
    if planned != {k: tuple(v.shape) for k, v in mine.items()}:
        raise UserError(f"The tensors of network {name!r} do not fit its description.")
    with torch.random.fork_rng(devices=[]):
        net = spec.build()
    net.load_state_dict(mine)
    return net


def _check(content: Content) -> None:
    """AssertionError: parts that a stranger's description names do not belong together."""
    info, nets, about = content.info, content.nets, content.about
    assert isinstance(info, DataInfo) and isinstance(about, dict), "no data or no past"
    kinds: dict[str, Any] = {"images": int, "seconds": (int, float), "settings": dict}
    assert all(isinstance(about[key], kind) for key, kind in kinds.items() if key in about), "an odd past"
    assert info.shape and all(isinstance(n, int) and n > 0 for n in info.shape), f"samples of shape {info.shape}"
    assert kind_of(info).describe(info), "samples of no kind"  # raises, too, where kind and shape do not fit
    scaling = (*info.offset, *info.scale)
    assert scaling and all(isinstance(v, (int, float)) for v in scaling), "no range"
    assert all(isinstance(term, Term) for term in content.bound), "the bound is not made of terms"
    depth = find_wiring(content.wiring).depth(nets) if "G" in nets else 1  # raises where nets and wiring do not fit
    assert depth > 0, "no levels"
    wanted = {net.classes for net in nets.values() if getattr(net, "classes", 0)}
    counts = {len(info.classes), len(info.class_counts)} if wanted else set()
    assert counts == wanted, f"networks for {wanted} classes, data with {counts}"
    check(nets, info)
