"""The levels of a hierarchy: what a model says on each, one drawn anew, one step up or down."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from torch import Tensor

from aegean.config import UserError
from aegean.data.batch import Batch
from aegean.paths import Noise, noise_for

if TYPE_CHECKING:
    from aegean.model.model import Model


class Level(NamedTuple):
    """What a model says of n samples on one level, counted from 0, nearest the data."""

    features: Tensor  # (n, *its shape)
    latent: Tensor | None  # (n, dimensions), where the level has a latent of its own


def levels(model: Model, batch: Batch) -> list[Level]:
    """Every level of the encoder, for samples."""
    found = model.run(lambda p: (*p.features, *(latent.z for latent in p.latents)), batch)
    depth = len(model.nets["E"].levels)  # type: ignore[arg-type]
    features, latents = found[:depth], found[depth:]
    own = (*(None,) * (len(features) - len(latents)), *latents)
    return [Level(*both) for both in zip(features, own)]


def reconstruct(model: Model, batch: Batch, top: int) -> Tensor:
    """Samples, from the upper `top` levels alone."""
    if model.depth == 1:
        raise UserError("This model is flat: it has one level of latents, so top=1 is all of it; leave top out.")
    if not 1 <= top <= model.depth:
        raise UserError(f"top={top}: this model has {model.depth} levels of latents; expected 1 to {model.depth}.")
    return model.run(lambda p: p.x_top[top], batch)


def check_level(model: Model, level: int) -> None:
    """UserError: a flat model, or no such level."""
    if model.depth == 1:
        raise UserError(
            "This model is flat: all of a sample is drawn at one level, so none can be kept while another is "
            "redrawn; train hierarchical_vae, stacked_gan or multiscale_gan."
        )
    if not 0 <= level < model.depth:
        raise UserError(
            f"There is no level {level}: this model draws on levels 0 (nearest the data) to {model.depth - 1}."
        )


def redraw(model: Model, level: int, batch: Batch, n: int, seed: int, again: int, start: int) -> Tensor:
    """Samples with one level's noise drawn anew."""
    streams = model.wiring.streams(model.nets, level) if again else ()

    def noise(index: Tensor) -> Noise:
        return reseeded(noise_for(index, seed, "verb"), noise_for(index, seed, "verb", "again", again), streams)

    return model.run("x_fake", batch, n, start=start, noise=noise)


def reseeded(noise: Noise, other: Noise, streams: tuple[str, ...]) -> Noise:
    """Noise whose named streams come from another source."""

    def draw(stream: str, kind: str, shape: tuple[int, ...]) -> Tensor:
        return (other if stream in streams else noise)(stream, kind, shape)

    return draw


def encode_level(model: Model, level: int, below: Tensor) -> Tensor:
    """One level up."""
    E: Any = model.nets["E"]
    shapes = [tuple(model.info.shape), *map(tuple, E.levels)]
    if not 0 <= level < len(E.levels):
        raise UserError(f"There is no level {level}: this encoder has levels 0 to {len(E.levels) - 1}.")
    if tuple(below.shape[1:]) != shapes[level]:
        sizes = ", ".join(map(str, shapes[level]))
        raise UserError(f"Level {level} is encoded from features (n, {sizes}), not {tuple(below.shape)}.")
    return model.run(lambda p: E.rise(level, p.x) if level else p.features[0], Batch(below.float()))


def decode_level(model: Model, level: int, above: Tensor, drawn: Tensor | None) -> Tensor:
    """One level down."""
    G: Any = model.nets["G"]
    if drawn is not None and tuple(drawn.shape) != (len(above), G.spans[level]):
        raise UserError(f"Level {level} draws ({len(above)}, {G.spans[level]}) numbers, not {tuple(drawn.shape)}.")
    try:  # the draw travels as the batch's other side
        return model.run(lambda p: G.descend(level, p.x, p.target), Batch(above.float(), target=drawn))
    except RuntimeError as error:
        raise UserError(
            f"Level {level} cannot be decoded from {tuple(above.shape)} ({error}); give what decode_level gives "
            "for the level above, or latents for the top one."
        ) from None
