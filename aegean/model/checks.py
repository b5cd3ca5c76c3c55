"""What a verb refuses: samples and labels that do not fit, networks that do not fit together, numbers not finite."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from aegean.config import Net, UserError
from aegean.data.batch import Batch
from aegean.data.info import DataInfo
from aegean.objectives import Term
from aegean.paths import Paths
from aegean.surface import option


def check_samples(x: Tensor, info: DataInfo) -> None:
    """UserError: other than finite samples (n, *shape)."""
    if tuple(x.shape[1:]) != tuple(info.shape):
        raise UserError(f"Samples of shape {tuple(x.shape[1:])}; this model takes {tuple(info.shape)}.")
    if info.vocabulary and not bool(((x >= 0) & (x < len(info.vocabulary)) & (x == x.round())).all()):
        raise UserError(f"Samples hold numbers that are no tokens; expected whole ones below {len(info.vocabulary)}.")
    if not is_finite(x):
        raise UserError("Samples hold NaN or infinity; expected finite numbers in the model's range.")


def check_latents(z: Tensor, latent: int) -> None:
    """UserError: other than finite latents (n, latent)."""
    if tuple(z.shape[1:]) != (latent,):
        raise UserError(f"Latents of shape {tuple(z.shape)}; this model decodes (n, {latent}).")
    if not is_finite(z):
        raise UserError("Latents hold NaN or infinity; expected finite numbers.")


def check_labels(labels: Tensor | None, n: int, count: int) -> Tensor:
    """Labels (n,) of one of `count` classes, int64. UserError: they are none."""
    if labels is None:
        raise UserError(f"This model has {count} classes: give a label for each of the {n} samples.")
    if labels.shape != (n,) or (n and (labels.min() < 0 or labels.max() >= count)):
        raise UserError(f"Labels must be {n} whole numbers from 0 to {count - 1}.")
    return labels.long()


def check_strength(strength: float) -> None:
    if not 0 <= strength <= 1:
        raise UserError(f"{option('strength', f'{strength:g}')}: expected a number from 0 to 1.")


def check_draw(temperature: float | None, truncation: float, info: DataInfo) -> None:
    """UserError: no temperature, or samples without tokens that could be drawn at one; no truncation."""
    if temperature is not None and not info.vocabulary:
        raise UserError(f"{option('temperature', temperature)} is for models of texts; leave it out.")
    for name, value in (("temperature", temperature or 0.0), ("truncation", truncation)):
        if not (math.isfinite(value) and value >= 0):
            raise UserError(f"{option(name, value)}: expected a number from 0 on.")


def check_pictures(x: Tensor, channels: int) -> None:
    """UserError: other than finite pictures (n, C, H, W) of a number of channels that the model takes."""
    if len(x.shape) - 1 != 3 or not math.prod(x.shape):
        raise UserError(f"Pictures of shape {tuple(x.shape)}; expected (n, channels, height, width).")
    if not (x.shape[1] == channels or 1 in (x.shape[1], channels)):
        raise UserError(f"Pictures of {x.shape[1]} channels; this model restores {channels}, or one.")
    if not bool(x.isfinite().all()):
        raise UserError("Pictures hold NaN or infinity; expected finite numbers in the model's range.")


def check_finite(value: Any, nets: Mapping[str, nn.Module]) -> None:
    """UserError: values that networks have computed, or hold, are not finite."""
    if is_finite(value):
        return
    bad = [name for name, net in nets.items() if not is_finite(net.state_dict())]
    why = f"weights of network {', '.join(bad)} are not finite" if bad else "the numbers of its networks overflow"
    raise UserError(f"This model has diverged: {why}; use an earlier state of it, or train it again.")


def is_finite(value: Any) -> bool:
    """Whether all tensors in a value, in tuples and dictionaries too, are free of NaN and infinity."""
    if isinstance(value, Tensor):
        return bool(value.isfinite().all())
    if isinstance(value, dict):
        return all(map(is_finite, value.values()))
    return all(map(is_finite, value)) if isinstance(value, tuple | list) else True


def check_any_size(specs: Mapping[str, Net], info: DataInfo) -> None:
    """AssertionError: the networks of a file are no restorer or translator of such pictures, of any size."""
    kinds = {
        **dict.fromkeys("EF", "ConvEncoder"),
        **dict.fromkeys(("U", "V", "sharp"), "UDecoder"),
        **dict.fromkeys("ST", "Residuals"),
        **{"damage": "Damage", "token": "MaskToken"},
    }
    wrong = [name for name, kind in kinds.items() if name in specs and specs[name].kind != kind]
    assert "E" in specs and not wrong, f"odd networks {', '.join(wrong)}"
    halves = [specs[name] for name in ("E", "F", "U", "V", "sharp") if name in specs]
    plain = [{key: value for key, value in spec.args.items() if key != "shape"} for spec in halves]
    assert all(args == plain[0] for args in plain), "encoder and decoder do not fit together"
    sides = {"E": info, "U": info.target or info, "sharp": info.target or info, "F": info.target or info, "V": info}
    for name, side in sides.items():
        assert name not in specs or specs[name].args["shape"][0] == side.shape[0], f"{name} is for other samples"


@torch.no_grad()
def misfit(specs: Mapping[str, Net], info: DataInfo, bound: Sequence[Term], wiring: type[Paths]) -> str:
    """What does not fit, "" where all does. It loads torch's compiler: for whoever has seen an error before."""
    nets: Any = {name: spec.outline().eval() for name, spec in specs.items()}

    def empty(*shape: int) -> Tensor:
        return torch.empty((2, *shape), device="meta")

    def paths(x: Tensor | None = None) -> Paths:
        labels = torch.zeros(2, dtype=torch.int64, device="meta") if info.classes else None
        return wiring(nets, Batch(x, labels), lambda stream, kind, shape: empty(*shape))

    try:
        data = paths(empty(*info.shape))
        if {"E", "bottleneck"} <= nets.keys():
            _ = data.features, data.latents, data.latent
        if {"E", "bottleneck", "G"} <= nets.keys():
            _ = data.x_hat, [term(data) for term in bound]
        if "G" in nets:
            _ = paths(empty(nets["G"].latent)).x_decoded
        if {"prior", "G"} <= nets.keys():
            _ = paths().x_fake
    except Exception as error:  # networks raise many kinds for what they do not take
        return str(error).split("\n")[0][:200] or type(error).__name__
    return ""
