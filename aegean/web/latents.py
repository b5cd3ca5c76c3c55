"""The way from one latent to another, and moves along directions."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

import torch
from torch import Tensor

from aegean.config import UserError
from aegean.data.batch import Batch
from aegean.latent.quantised import Quantised
from aegean.model import Model
from aegean.model.directions import Directions, check_way, directions
from aegean.model.ways import arc, line, spherical
from aegean.session.runs import own_data
from aegean.training.folder import Folder
from aegean.web.kinds import Given, prepared
from aegean.web.play import Exhibit, Pictures, checked, labels_of, lacks, own_labels, shown

EXAMPLES = 2_000  # samples whose latents directions are found in
SLIDERS = 6


def no_way(run: Exhibit) -> str:
    """Why there is no way between two latents of a run, empty where there is."""
    return lacks(run, "decode") or (lacks(run, "encode") and lacks(run, "sample"))


def no_directions(run: Exhibit) -> str:
    """Why there are no directions in a run's latents, empty where there are."""
    try:
        check_way(run.model)
    except UserError as error:
        return str(error)
    return no_way(run)


def latent(model: Model, end: int | Given, class_name: str = "") -> Tensor:
    """The latent (latent,) of a seed's first sample, or of a picture: the posterior's mean."""
    if not isinstance(end, int):
        x = model.info.normalise(prepared(end, model.info).raw[None])
        return model.encode(x, own_labels(model, class_name))[0]
    if "sample" not in model.can():
        raise UserError("This model has no prior to draw from: start from a file instead.")
    labels = labels_of(model, class_name, 1, end)
    return model.run("z", Batch(labels=labels), 1, seed=end)[0]  # type: ignore[no-any-return]


def one_class(model: Model, class_name: str, count: int) -> Tensor | None:
    """The same label (n,) for all pictures of a way: of no class the first one."""
    return labels_of(model, class_name or model.info.classes[0], count) if model.conditional else None


# between two


def between(run: Exhibit, ends: Sequence[int | Given], steps: int, class_name: str = "") -> Pictures:
    """The pictures on the way from one latent to another."""
    model = run.model
    first, last = (latent(model, end, class_name) for end in ends)
    way = arc if spherical(model) else line
    z, note = way(first, last, checked(steps)), WAYS[way.__name__]
    bottleneck = model.nets.get("bottleneck")
    if isinstance(bottleneck, Quantised):
        z = bottleneck.to_codes(bottleneck.to_symbols(z))  # type: ignore[operator]
        note += " Every step is moved to the nearest symbols, since the decoder knows nothing between them."
    x = model.decode(z, one_class(model, class_name, steps))
    origin = run.origin(given=not all(isinstance(end, int) for end in ends))
    return shown(run, x, [f"{n / (steps - 1):.0%}" for n in range(steps)], origin, [note])


WAYS = {
    "arc": "The way is an arc: this model's prior is N(0, 1), whose latents lie near a sphere around zero, and a "
    "straight line would cut through its empty inside.",
    "line": "The way is a straight line: this model's latents lie on no sphere around zero.",
}


# directions


def moved(
    run: Exhibit, way: str, start: int | Given | None, amounts: Sequence[float], class_name: str = ""
) -> Pictures:
    """A picture and what becomes of it when its latent moves along directions, each by so many standard deviations.
    start: a seed, a picture, or None for the middle of the latents."""
    model = run.model
    found = found_directions(run, way)
    z = found.centre.to(model.device) if start is None else latent(model, start, class_name)
    far = torch.tensor(amounts)[: len(found.scale)] * found.scale[: len(amounts)]
    after = z + (far @ found.vectors[: len(far)]).to(model.device)
    x = model.decode(torch.stack((z, after)), one_class(model, class_name, 2))
    seed = start if isinstance(start, int) else None
    origin = run.origin(seed, given=start is not None and seed is None)
    return shown(run, x, ["the start", "moved"], origin, [shares(found, way)])


def shares(found: Directions, way: str) -> str:
    """How much each direction says."""
    what = {"components": "the variance of this run's latents", "weights": "the first layer's squared weights"}[way]
    return f"Share of {what}: {', '.join(f'{share:.0%}' for share in found.share[:SLIDERS].tolist())}."


@lru_cache(maxsize=32)
def found_directions(run: Exhibit, way: str) -> Directions:
    """The first directions of a run, found once."""
    x, labels = examples(run)
    return directions(run.model, way, x, labels, count=SLIDERS)


def examples(run: Exhibit) -> tuple[Tensor | None, Tensor | None]:
    """Samples whose latents are looked at, with their labels: the run's own training data, else its own samples; none
    where it has no encoder."""
    model = run.model
    if "encode" not in model.can():
        return None, None
    try:
        data = own_data(run.path, Folder(Path(run.path)).read())
        labels = None if data.train_labels is None else torch.from_numpy(data.train_labels[:EXAMPLES])
        return model.info.normalise(data.train[:EXAMPLES]), labels if model.conditional else None
    except UserError:
        if "sample" not in model.can():
            raise UserError(
                "The data that this run was trained on are gone or have changed, and it has no prior to draw from, so "
                "there are no latents to find directions in."
            ) from None
        labels = model.sample_labels(EXAMPLES) if model.conditional else None
        return model.sample(EXAMPLES, labels=labels), labels
