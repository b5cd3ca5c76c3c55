"""What was made, beside what is real, as HTML that stands in the page itself."""

from __future__ import annotations

import numpy as np
import torch
from markupsafe import Markup
from torch import Tensor

from aegean.data import Dataset
from aegean.model import Model
from aegean.model.ways import between
from aegean.report.kinds import Drawing, kind_of

WAYS, STEPS = 3, 7  # ladders between two texts, and their rungs


class Gallery:
    """Held-out samples, and what each model makes; the same samples and the same seed for all.

    `row`: the model's row of the table. `label`: its name there.
    """

    def __init__(self, dataset: Dataset):
        self.info, self.kind, self.other = dataset.info, kind_of(dataset.info), dataset.target
        self.count = self.kind.count(self.info)
        chosen = np.random.default_rng(0).permutation(len(dataset.test))[: self.count]
        self.real = np.asarray(dataset.test[chosen])
        self.partners = chosen[: self.kind.pairs] if dataset.info.paired else None
        self.x = self.info.normalise(self.real[: self.kind.pairs])
        labels = dataset.test_labels
        self.labels = None if labels is None else torch.as_tensor(labels[chosen[: self.kind.pairs]])

    def held_out(self) -> Markup:
        """Real data."""
        return self.kind.held_out(Drawing(self.real, self.real, self.info, -1, "held-out samples"))

    def originals(self) -> Markup:
        """The strip that stands above the strips of reconstructions; nothing where originals are drawn behind."""
        if self.kind.overlaid:
            return Markup("")
        return self.kind.strip(Drawing(self.real[: self.kind.pairs], self.real, self.info, -1, "held-out samples"))

    def samples(self, model: Model, row: int, label: str) -> Markup:
        made = self.info.restore(model.sample(min(self.count, len(self.real)) if self.kind.overlaid else self.count))
        return self.kind.sheet(Drawing(made, self.real, self.info, row, f"samples of {label}"))

    def reconstructions(self, model: Model, row: int, label: str) -> Markup:
        x_hat = model.reconstruct(self.x, self._labels(model))
        return self._strip(x_hat, row, f"reconstructions of {label}")

    def ways(self, model: Model, row: int, label: str) -> list[tuple[str, Markup]]:
        """What lies between two held-out texts, step by step: (words, HTML); nothing for kinds that are not read."""
        if not self.info.vocabulary:
            return []
        z, labels = model.encode(self.x, self._labels(model)), self._labels(model)
        found = []
        for n in range(0, min(2 * WAYS, len(z) - 1), 2):
            way = between(model, z[n], z[n + 1], STEPS)
            x = model.decode(way, None if labels is None else labels[n].expand(STEPS))
            words = f"from text {n + 1} to text {n + 2}"
            found.append((words, self._strip(x, row, f"{words}, of {label}")))
        return found

    def restorations(self, model: Model, row: int, label: str) -> list[tuple[str, Markup]]:
        """Held-out samples damaged as in training, and what the model makes of them: (words, HTML)."""
        given, holes = model.damage(self.x)
        mask = holes if bool(holes.any()) else None
        found = [("damaged", given), ("restored", model.restore(given, mask))]
        if "sharp" in model.nets:
            found.append(("by the sharpened decoder", model.restore(given, mask, 1.0)))
        return [(words, self._strip(x, row, f"{words}, of {label}")) for words, x in found]

    def translations(self, model: Model, row: int, label: str) -> list[tuple[str, Markup]]:
        """Held-out samples as those of the other side, and where there are pairs their partners: (words, HTML)."""
        assert self.other
        info, raw = self.other.info, self.other.info.restore(model.translate(self.x))
        found = [("translated", raw)]
        if self.partners is not None:
            found.append(("their partners", np.asarray(self.other.test[self.partners])))
        drawings = {words: Drawing(x, self.real, info, row, f"{words}, of {label}") for words, x in found}
        return [(words, self.kind.strip(drawing)) for words, drawing in drawings.items()]

    def redrawn(self, model: Model, row: int, label: str) -> list[tuple[str, Markup]]:
        """For each level, from the top: samples, and each with that level drawn anew, the rest kept. (words, HTML)"""
        found = []
        for level in reversed(range(model.depth)):
            draws = [model.redraw(level, self.kind.bases, 0, again) for again in range(self.kind.draws)]
            words = f"level {level} redrawn"
            found.append((words, self._strip(torch.stack(draws, 1).flatten(0, 1), row, f"{words}, of {label}")))
        return found

    def added(self, model: Model, row: int, label: str) -> list[tuple[str, Markup]]:
        """Reconstructions from the top level alone, from the upper two, and so on: (words, HTML)."""
        found = []
        for top in range(1, model.depth + 1):
            words = f"levels {model.depth - top} and up" if top > 1 else f"level {model.depth - 1} alone"
            x_hat = model.reconstruct(self.x, self._labels(model), top=top)
            found.append((words, self._strip(x_hat, row, f"reconstructions of {label} from {words}")))
        return found

    def _labels(self, model: Model) -> Tensor | None:
        return self.labels if model.conditional else None

    def _strip(self, x: Tensor, row: int, words: str) -> Markup:
        return self.kind.strip(Drawing(self.info.restore(x), self.real, self.info, row, words))
