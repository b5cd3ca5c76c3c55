"""A model as one safetensors file: tensors by network, everything else as JSON in its header."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import safetensors
import safetensors.torch
import torch
from safetensors import SafetensorError
from torch import Tensor, nn

from aegean.compression import check
from aegean.config import Net, UserError, to_json
from aegean.data.kinds import check_info
from aegean.files import write_atomically
from aegean.model.checks import check_any_size
from aegean.model.header import FORMAT, Header, read_header
from aegean.wirings import find_wiring

if TYPE_CHECKING:
    from aegean.model.model import Model


def save(model: Model, file: str | Path) -> None:
    """Write a file whole or not at all. Folders that are missing are made."""
    header = {
        "format": FORMAT,
        "nets": {name: to_json(model.specs[name]) for name in model.nets},
        "bound": to_json(model.bound),
        "info": to_json(model.info),
        "about": model.about,
        "wiring": model.wiring_name,
    }
    if "G" in model.nets:  # for whoever reads the header alone
        header |= {"latent": model.latent, "levels": model.depth}
    tensors = {
        f"{name}.{key}": value.detach().cpu().contiguous()
        for name, net in model.nets.items()
        for key, value in net.state_dict().items()
    }
    data = safetensors.torch.save(tensors, {"aegean": json.dumps(header)})
    if str(file).endswith("/") or Path(file).is_dir():
        raise UserError(f"{file} is a folder; give a file to be written, such as {Path(file) / 'model.safetensors'}.")
    Path(file).parent.mkdir(parents=True, exist_ok=True)
    write_atomically(Path(file), data)


def load(file: str | Path) -> tuple[Header, dict[str, nn.Module]]:
    """A model file, or that of a run folder: its description and its networks. Nothing in it is executed.

    UserError: there is none, it is damaged, or not of aegean.
    """
    file = Path(file)
    if file.is_dir():
        file = file / "model.safetensors"
    header = read_header(file)
    try:
        planned = _planned(header)
        with safetensors.safe_open(str(file), framework="pt") as opened:
            nets = {
                name: _filled(spec, {key: opened.get_tensor(f"{name}.{key}") for key in planned[name].state_dict()})
                for name, spec in header.specs.items()
            }
    except UserError:
        raise
    except (SafetensorError, OSError) as error:
        raise UserError(f"{file} is not a readable model file ({error}).") from None
    except Exception as error:  # constructors raise many kinds for arguments that make no sense
        raise UserError(f"{file} does not describe a whole model ({error!r}); make it again.") from None
    return header, nets


def _planned(header: Header) -> dict[str, nn.Module]:
    """Outlines of the networks, compared with the tensors' shapes before any is read: so neither the description nor
    the file can ask for more than the other has. UserError, or any exception: they do not fit."""
    outlines = {name: spec.outline().eval().requires_grad_(False) for name, spec in header.specs.items()}
    expected = {
        f"{name}.{key}": tuple(value.shape) for name, net in outlines.items() for key, value in net.state_dict().items()
    }
    if wrong := sorted(name for name, _ in expected.items() ^ header.shapes.items()):
        raise UserError(f"The file's tensors do not fit its description, {wrong[0][:80]!r} for instance.")
    _check(header, outlines)
    return outlines


def _filled(spec: Net, tensors: Mapping[str, Tensor]) -> nn.Module:
    """A network with these tensors. AssertionError: they are of another type of number."""
    with torch.random.fork_rng(devices=[]):
        net = spec.build()
    for key, value in net.state_dict().items():
        assert tensors[key].is_floating_point() == value.is_floating_point(), f"{key} is {tensors[key].dtype}"
    net.load_state_dict(tensors)
    return net


def _check(header: Header, nets: Mapping[str, nn.Module]) -> None:
    """AssertionError: parts that a stranger's description names do not belong together."""
    info = header.info
    check_info(info)
    if "U" in nets:
        check_any_size(header.specs, info)
    shape = tuple(info.shape)
    if "voice" in nets:  # pictures of spectra are encoded and drawn, not sounds
        drawn = header.specs["voice"].args
        shape = (1, drawn.get("bands", 0), drawn.get("frames", 0))
    for name in {"E", "G"} & nets.keys():
        assert "U" in nets or tuple(header.specs[name].args.get("shape", shape)) == shape, (
            f"{name} is for other samples"
        )
        assert getattr(nets[name], "latent", 1) > 0, "no latent dimensions"
        assert header.specs[name].args.get("tokens", 0) == len(info.vocabulary), f"{name} is for another vocabulary"
    depth = find_wiring(header.wiring).depth(nets) if "G" in nets else 1  # raises where nets and wiring do not fit
    assert depth > 0, "no levels"
    wanted = {net.classes for net in nets.values() if getattr(net, "classes", 0)}
    counts = {len(info.classes), len(info.class_counts)} if wanted else set()
    assert counts == wanted, f"networks for {wanted} classes, data with {counts}"
    check(nets, info)
