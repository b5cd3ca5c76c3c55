"""What a model with levels can do beside the verbs: show its levels, draw one anew, go up or down by one."""

from __future__ import annotations

from typing import Any, NamedTuple

import torch
from torch import Tensor

from aegean.config import UserError
from aegean.paths import noise_for


class Level(NamedTuple):
    """What a model says of n samples on one level, counted from 0, nearest the data."""

    features: Tensor  # (n, *its shape)
    latent: Tensor | None  # (n, numbers), where the level has a latent of its own


class Floors:
    """The verbs of hierarchies, for `Model`."""

    nets: Any
    wiring: Any

    @property
    def depth(self) -> int:
        """Levels that a sample is drawn from: 1 for a flat model."""
        return self.wiring.depth(self.nets)

    def levels(self: Any, x: Tensor, labels: Tensor | None = None) -> list[Level]:
        """Features and latents of every level of the encoder, for samples x (n, *shape).

        A flat model has a latent on the top level only, a stack on its top floor, a ladder wherever it draws: its
        floors are the encoder's upper levels.
        """
        self._need("levels")
        found = self._gather(_features_and_latents, x, labels)
        features, latents = found[: len(self.nets["E"].levels)], found[len(self.nets["E"].levels) :]
        own = [None] * (len(features) - len(latents)) + latents
        return [Level(*both) for both in zip(features, own)]

    def from_top(self: Any, x: Tensor, top: int, labels: Tensor | None = None) -> Tensor:
        """x (n, *shape) -> the reconstruction from the upper `top` levels alone (n, *shape): the others say nothing."""
        self._need("reconstruct")
        if self.depth == 1:
            raise UserError("This model is flat: it has one level of latents, so top=1 is all of it; leave top out.")
        if not 1 <= top <= self.depth:
            raise UserError(f"top={top}: this model has {self.depth} levels of latents; expected 1 to {self.depth}.")
        return self._map(lambda p: p.x_top[top], x, labels)

    def redraw(
        self: Any, level: int, n: int, seed: int = 0, again: int = 1, labels: Tensor | None = None, start: int = 0
    ) -> Tensor:
        """n samples (n, *shape) of `sample(n, seed)` with one level drawn anew, for the `again`-th time; all other
        levels keep their noise. again=0: the samples themselves."""
        self._need("sample")
        self.check_level(level)
        if self.conditional and labels is None:
            labels = self.sample_labels(n, seed, start)
        labels = self._labels(labels, n)
        streams = self.wiring.streams(self.nets, level) if again else ()
        parts = []
        with torch.no_grad():
            for s in self._batches(n):
                p = self._paths(s, seed, labels=None if labels is None else labels[s], start=start)
                index = torch.arange(start + s.start, start + s.stop, device=self.device)
                p.noise = _reseeded(p.noise, noise_for(index, seed, "verb", "again", again), streams)
                parts.append(p.x_fake)
        return torch.cat(parts)

    def check_level(self, level: int) -> None:
        """UserError: a flat model, or no such level."""
        if self.depth == 1:
            raise UserError(
                "This model is flat: all of a sample is drawn at one level, so none can be kept while another is "
                "redrawn; train hierarchical_vae, stacked_gan or multiscale_gan."
            )
        if not 0 <= level < self.depth:
            raise UserError(
                f"There is no level {level}: this model draws on levels 0 (nearest the data) to {self.depth - 1}."
            )

    def encode_level(self: Any, level: int, below: Tensor) -> Tensor:
        """One level up: features (n, ...) of a level of the encoder from those of the level below; for level 0 from
        samples (n, *shape)."""
        self._need("levels")
        E = self.nets["E"]
        shapes = [tuple(self.info.shape), *map(tuple, E.levels)]
        if not 0 <= level < len(E.levels):
            raise UserError(f"There is no level {level}: this encoder has levels 0 to {len(E.levels) - 1}.")
        if tuple(below.shape[1:]) != shapes[level]:
            raise UserError(
                f"Level {level} is encoded from features (n, {', '.join(map(str, shapes[level]))}), not "
                f"{tuple(below.shape)}."
            )
        with torch.no_grad():
            return torch.cat([E.rise(level, below[s].float().to(self.device)) for s in self._batches(len(below))])

    def decode_level(self: Any, level: int, above: Tensor, noise: Tensor | None = None) -> Tensor:
        """One level down: from what is above (for the top level its latents) and, where it is given, the level's own
        draw (n, numbers), else its mean. For level 0 of a stack the data; else what level - 1 takes."""
        self._need("decode")
        self.check_level(level)
        G: Any = self.nets["G"]
        if noise is not None and tuple(noise.shape) != (len(above), G.spans[level]):
            raise UserError(f"Level {level} draws ({len(above)}, {G.spans[level]}) numbers, not {tuple(noise.shape)}.")
        try:
            with torch.no_grad():
                return G.descend(level, above.float().to(self.device), None if noise is None else noise.to(self.device))
        except RuntimeError as error:
            raise UserError(
                f"Level {level} cannot be decoded from {tuple(above.shape)} ({error}); give what decode_level gives "
                "for the level above, or latents for the top one."
            ) from None


def _features_and_latents(p: Any) -> list[Tensor]:
    """The encoder's levels, then the latents, all nearest the data first."""
    return [*p.features, *(latent.z for latent in p.latents)]


def _reseeded(noise: Any, other: Any, streams: tuple[str, ...]) -> Any:
    """Noise whose named streams are drawn from another source."""

    def draw(stream: str, kind: str, shape: tuple[int, ...]) -> Tensor:
        return (other if stream in streams else noise)(stream, kind, shape)

    return draw
