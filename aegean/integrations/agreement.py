"""The check of an export: on the run's own data, in batches of several sizes, against the model itself."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from aegean.config import UserError
from aegean.data.kinds import kind_of
from aegean.integrations.parts import Part, seeded
from aegean.model import Model
from aegean.session.runs import home, own_data
from aegean.wirings.restoration import reflected

BATCHES = (1, 2, 13)  # samples in the batches of the check
TOLERANCE = 1e-4  # of the largest difference, times the largest value where that is above 1
FLIPPED = 1e-3  # share of a quantiser's numbers that may fall on the other side of an edge

Run = Callable[[dict[str, Tensor]], Tensor]


def real_inputs(run: str | Path, model: Model, module: Part) -> tuple[dict[str, Tensor], str]:
    """Inputs for all batches of the check, and what they are in words."""
    n, classes = sum(BATCHES), len(model.info.classes)
    inputs = {key: seeded(key, shape, n, classes) for key, shape in module.inputs.items()}
    if "noise" in inputs:
        return inputs, "seeded noise"
    found = own_samples(run, n)
    x, labels = found or (random_samples(model, n), seeded("labels", (), n, classes) if classes else None)
    if "x" in inputs:
        inputs["x"] = reflected(x, module.stride) if module.stride > 1 else x
    elif "encode" in model.can():
        inputs["z"] = model.encode(x, labels if model.conditional else None)
    else:
        return inputs, "seeded noise"
    if "labels" in inputs and labels is not None:
        inputs["labels"] = labels
    what = "samples of the run's own data" if found else "seeded random samples, as the run's data are not there"
    return inputs, what if "x" in inputs else f"the latents of {what}"


def own_samples(run: str | Path, n: int) -> tuple[Tensor, Tensor | None] | None:
    """n held-out samples of a run's own data in the model's range, and their labels; None where they are not there."""
    try:
        folder = home(run)
        dataset = own_data(folder.path, folder.read())
    except UserError:
        return None
    chosen = np.arange(n) % len(dataset.test)
    labels = None if dataset.test_labels is None else torch.as_tensor(dataset.test_labels[chosen]).long()
    return dataset.info.normalise(dataset.test[chosen]), labels


def random_samples(model: Model, n: int) -> Tensor:
    """Samples in the range of the model's data: even over it, or N(0, 1) where that has no bounds; of texts tokens."""
    shape = tuple(model.info.shape)
    if model.info.vocabulary:
        return (seeded("uniform", shape, n) * len(model.info.vocabulary)).floor()
    return 2 * seeded("uniform", shape, n) - 1 if kind_of(model.info).bounded else seeded("x", shape, n)


@torch.no_grad()
def agreement(module: Part, again: Run, samples: dict[str, Tensor]) -> dict[str, float]:
    """The largest difference between a part and its export over all batches, and how much is allowed.

    Of a quantiser's numbers a few may fall on the other side of an edge, which is no fault; they are not measured.
    UserError: the difference is larger, or the export gives another shape.
    """
    batches = [dict(zip(samples, parts)) for parts in zip(*(value.split(BATCHES) for value in samples.values()))]
    eager, exported = ([run(batch) for batch in batches] for run in (lambda batch: module(**batch), again))
    if [a.shape for a in eager] != [b.shape for b in exported]:
        raise UserError("The exported part gives other shapes than the model; please report it with the run's config.")
    value, other = torch.cat(eager), torch.cat(exported)
    tolerance = TOLERANCE * max(1.0, float(value.abs().max()))
    gap = (value - other).abs()
    quantised = module.name == "encoder" and hasattr(module.nets["bottleneck"], "to_symbols")
    if quantised and (gap > tolerance).float().mean() <= FLIPPED:
        gap = gap[gap <= tolerance]
    difference = float(gap.max())
    if not difference <= tolerance:
        raise UserError(
            f"The exported {module.name} differs from the model by {difference:.2g}, more than the {tolerance:.2g} "
            "that rounding explains; nothing was written. Please report it with the run's config."
        )
    return {"difference": difference, "tolerance": tolerance}
