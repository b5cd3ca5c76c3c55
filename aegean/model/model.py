"""The model that a user holds: verbs are names of paths, and every one of them goes through `run`."""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from aegean import draw
from aegean.compression.fingerprint import fingerprint
from aegean.config import Net, UserError
from aegean.data.batch import Batch
from aegean.data.info import DataInfo
from aegean.model import coding, levels, restoring, rows, scoring, translating, words
from aegean.model import file as files
from aegean.model.checks import check_draw, check_finite, check_labels, check_latents, check_samples, misfit
from aegean.model.levels import Level
from aegean.model.scoring import Anomalies
from aegean.model.verbs import VERBS, able, hint
from aegean.nets.blocks import place
from aegean.objectives import Term
from aegean.paths import Noise, Paths, noise_for, truncated
from aegean.wirings import find_wiring

BATCH = 256  # samples through the networks at a time


class Model:
    """Networks by name, what they know of their data, and the verbs that their paths allow.

    All tensors are float32 in the model's range (`info.normalise` and `info.restore` convert), on `device`. Verbs of a
    model of texts take lists of strings, too; `texts` makes strings of what they give. Every verb
    raises UserError where the model has no such path (`can` lists those it has), or for samples, latents or labels of
    another shape. Labels (n,) are for models with classes alone.
    """

    def __init__(
        self,
        specs: dict[str, Net],
        nets: dict[str, nn.Module],
        info: DataInfo,
        bound: Sequence[Term] = (),
        about: dict[str, Any] | None = None,
        wiring: str = "standard",
    ):
        self.wiring_name, self.wiring = wiring, find_wiring(wiring)
        self.specs, self.info, self.bound = specs, info, tuple(bound)
        self.nets = {name: net.eval().requires_grad_(False) for name, net in nets.items()}
        self.about = about or {}
        self.progress: Callable[[range], Iterable[int]] = iter  # a bar around the batches of a long verb

    @property
    def device(self) -> torch.device:
        """Where its networks lie."""
        return next((p.device for net in self.nets.values() for p in net.state_dict().values()), torch.device("cpu"))

    @property
    def conditional(self) -> bool:
        """Whether its verbs take labels: it was trained with classes."""
        return any(getattr(net, "classes", 0) for net in self.nets.values())

    @property
    def fingerprint(self) -> str:
        """32 hexadecimal digits that no other model has: of the networks' weights, by name."""
        state = {f"{name}.{key}": t for name, net in self.nets.items() for key, t in net.state_dict().items()}
        return fingerprint(sorted(state), *(state[key] for key in sorted(state))).hex()

    @property
    def latent(self) -> int:
        """Latent dimensions."""
        self.need("decode")
        return self.nets["G"].latent  # type: ignore[return-value]

    @property
    def depth(self) -> int:
        """Levels that a sample is drawn from: 1 for a flat model."""
        return self.wiring.depth(self.nets)

    def can(self) -> list[str]:
        """The verbs that work on this model."""
        return able(self.nets, bool(self.bound), self.info)

    def run(
        self,
        path: str | Callable[[Paths], Any],
        batch: Batch | None = None,
        n: int = 0,
        *,
        seed: int | None = None,
        start: int = 0,
        noise: Callable[[Tensor], Noise] | None = None,
        grad: bool = False,
    ) -> Any:
        """The values (n, ...) of a path of the model's wiring: the one way through it in batches.

        path: a path's name, such as "x_fake", or a function of the `Paths` of a batch, whose value may be a tuple.
        batch: the data, where the path starts from data; its tensors are cut alike, and carried to the device.
        n: how many samples, where it starts from noise.
        seed: of the noise; None: none, so that latents are means.
        start: the number of the first sample, on which its noise depends.
        noise: instead of the seed's: from the indices (B,) of a batch's samples to their noise.
        grad: keep the graph.
        UserError: no samples, or values that are not finite: weights that have diverged.
        """
        value = path if callable(path) else operator.attrgetter(path)
        batch = batch or Batch()
        count = n or next((len(t) for t in batch if t is not None), 0)
        parts: list[Any] = []
        with torch.set_grad_enabled(grad):
            for s in self._batches(count):
                index = torch.arange(start + s.start, start + s.stop, device=self.device)
                drawn = noise(index) if noise else None if seed is None else noise_for(index, seed, "verb")
                cut = Batch(*(None if t is None else t[s].to(self.device) for t in batch))
                p = self.wiring(self.nets, cut, drawn)
                try:
                    parts.append(value(p))
                except Exception:
                    self._check_fit()
                    raise
                check_finite((parts[-1], vars(p)), self.nets)  # what led to it, too: a clipped image hides an overflow
        if isinstance(parts[0], Tensor):
            return torch.cat(parts)
        return tuple(map(torch.cat, zip(*parts)))

    def encode(self, x: Tensor, labels: Tensor | None = None) -> Tensor:
        """x (n, *shape) -> z (n, latent): the posterior's mean."""
        self.need("encode")
        return self.run(VERBS["encode"].path, self._batch(x, labels))

    def decode(self, z: Tensor, labels: Tensor | None = None) -> Tensor:
        """z (n, latent) -> x (n, *shape): the likelihood's mean."""
        self.need("decode")
        check_latents(z, self.latent)
        return self.run(VERBS["decode"].path, Batch(z.float(), self._labels(labels, len(z))))

    def reconstruct(self, x: Tensor, labels: Tensor | None = None, top: int | None = None) -> Tensor:
        """x (n, *shape) -> x^ (n, *shape), through the posterior's mean; of a hierarchy from its upper `top` levels
        alone: the others say nothing."""
        self.need("reconstruct")
        batch = self._batch(x, labels)
        return self.run(VERBS["reconstruct"].path, batch) if top is None else levels.reconstruct(self, batch, top)

    def restore(
        self, x: Tensor, mask: Tensor | None = None, strength: float = 0.0, scale: float = 1.0, tile: int = 0
    ) -> Tensor:
        """Damaged pictures x (n, C, H, W) of any size -> restored ones, `scale` times as high and as wide.

        mask: (n, H, W), above 0 in holes; only for models that fill some. What is known comes back exactly.
        strength: of the sharpened decoder, from 0 (the exact one) to 1.
        scale: for models that were trained on a loss of resolution.
        tile: height and width of the windows that it works in, 0 chooses; they show nowhere.
        UserError: what the model was not trained for, pictures of other channels, a mask of another size.
        """
        self.need("restore")
        return restoring.restore(self, x, mask, strength, scale, tile)

    def translate(self, x: Tensor, back: bool = False, strength: float = 1.0, tile: int = 0) -> Tensor:
        """Pictures x (n, C, H, W) of one side, of any size -> those of the other (n, C', H, W), in its range.

        back: from the other side to this one, for models without pairs.
        strength: of the sharpened decoder where there is one, from 0 (the exact one) to 1.
        tile: as for `restore`.
        """
        self.need("translate")
        return translating.translate(self, x, back, strength, tile)

    def damage(self, x: Tensor, seed: int = 0, start: int = 0) -> tuple[Tensor, Tensor]:
        """Clean pictures x (n, *shape) -> as damaged as those that a restorer was trained on, and where their holes
        are, bool (n, 1, H, W); picture i, counted from `start`, depends on (seed, i)."""
        self.need("restore")
        return restoring.damaged(self, x, seed, start)

    def score(self, x: Tensor, labels: Tensor | None = None, seed: int = 0, start: int = 0) -> Tensor:
        """The evidence lower bound of log2 p(x) in bits, one number a sample: x (n, *shape) -> (n,).

        One draw of the posterior a sample, numbered from `start` (Kingma and Welling 2013, eq. 7). For continuous
        likelihoods p is a density over the model's range.
        """
        self.need("score")
        return self.run(lambda p: -sum(term(p) for term in self.bound), self._batch(x, labels), seed=seed, start=start)

    def anomalies(self, x: Tensor, labels: Tensor | None = None) -> Anomalies:
        """How odd samples x (n, *shape) are beside those that it was trained on: bits, p-values, and the bits of every
        value. UserError: a model without a scorer, which `aegean.session.anomalies` and AnomalyDetector give it."""
        return scoring.anomalies(self, self._batch(x, labels))

    def sample(
        self,
        n: int,
        seed: int = 0,
        labels: Tensor | None = None,
        start: int = 0,
        temperature: float | None = None,
        truncation: float = 1.0,
    ) -> Tensor:
        """n samples (n, *shape) of the prior, numbered from `start`; sample i depends on (seed, i) alone.

        A model with classes draws its labels from the training frequencies unless they are given, (n,).
        temperature: of the tokens of texts, 0 for the likeliest ones; None: as the model was made.
        truncation: what the normal noise is multiplied by: below 1 samples are cleaner and more alike. A fitted mixture
            keeps all its components.
        """
        self.need("sample")
        check_draw(temperature, truncation, self.info)
        batch = self._drawn(n, seed, labels, start)
        path: Any = VERBS["sample"].path
        if temperature is not None:
            path = operator.methodcaller("spoken", temperature)
        return self.run(
            path, batch, n, noise=lambda index: truncated(noise_for(index, seed, "verb"), truncation), start=start
        )

    def tokens(self, texts: Sequence[str]) -> Tensor:
        """Texts -> x (n, length), for the verbs that take samples. Longer ones than the model's are cut, and that is
        said. UserError: this is no model of texts."""
        return words.tokens(self.info, texts)

    def texts(self, x: Tensor) -> list[str]:
        """Samples x (n, length) of a model of texts, as its verbs give them -> texts."""
        return words.texts(self.info, x)

    def impute(self, x: Tensor, gaps: Tensor) -> Tensor:
        """Rows x (n, width) -> the same with the columns `gaps`, bool (n, columns), filled by what is most probable."""
        self.need("impute")
        check_samples(x, self.info)
        return rows.impute(self, x.float(), gaps)

    def sample_labels(self, n: int, seed: int = 0, start: int = 0) -> Tensor:
        """Labels (n,) int64 with the frequencies of the training part, of the samples numbered from `start`."""
        share = torch.tensor(self.info.class_counts, dtype=torch.float64).cumsum(0)
        u = draw.uniform(draw.key(seed, "labels"), torch.arange(start, start + n), (1,)).double()
        return (u * share[-1] > share).sum(1).clamp(max=len(share) - 1).to(self.device)

    def levels(self, x: Tensor, labels: Tensor | None = None) -> list[Level]:
        """Features and latents of every level of the encoder, for samples x (n, *shape).

        A flat model has a latent on the top level only, a stack on its top one, a ladder wherever it draws: on the
        encoder's upper levels.
        """
        self.need("levels")
        return levels.levels(self, self._batch(x, labels))

    def redraw(
        self, level: int, n: int, seed: int = 0, again: int = 1, labels: Tensor | None = None, start: int = 0
    ) -> Tensor:
        """n samples (n, *shape) of `sample(n, seed)` with one level drawn anew, for the `again`-th time; all other
        levels keep their noise. again=0: the samples themselves."""
        self.need("sample")
        self.check_level(level)
        return levels.redraw(self, level, self._drawn(n, seed, labels, start), n, seed, again, start)

    def check_level(self, level: int) -> None:
        """UserError: a flat model, or no such level."""
        levels.check_level(self, level)

    def encode_level(self, level: int, below: Tensor) -> Tensor:
        """One level up: features (n, ...) of a level of the encoder from those of the level below; for level 0 from
        samples (n, *shape)."""
        self.need("levels")
        return levels.encode_level(self, level, below)

    def decode_level(self, level: int, above: Tensor, noise: Tensor | None = None) -> Tensor:
        """One level down: from what is above (for the top level its latents) and, where it is given, the level's own
        draw (n, numbers), else its mean. For level 0 of a stack the data; else what level - 1 takes."""
        self.need("decode")
        self.check_level(level)
        return levels.decode_level(self, level, above, noise)

    def compress(
        self,
        x: Tensor | Sequence[Tensor],
        lossless: bool = False,
        stages: int = 0,
        rate: int = 0,
        quality: float = 1.0,
    ) -> bytes:
        """Images or sounds -> the bytes of an .aeg file.

        x: (n, channels, H, W), or a sequence of (channels, H, W) of any sizes, in model range; sounds (n, channels,
            length), or a sequence of (channels, length) or (length,), full scale at 1; tensors or arrays.
        lossless: the raw values that they stand for come back exactly.
        stages: how many of a residual quantiser's are kept, 0 for all.
        rate: samples a second of these sounds, 0: the model's. They come back with the same rate.
        quality: of sounds, in (0, 1]: at 1/4 they are rounded four times as coarsely, in smaller files.
        UserError: no such samples, or numbers that are not finite.
        """
        return coding.compress(self, x, lossless, stages, rate, quality)

    def decompress(self, data: bytes) -> Tensor | list[Tensor]:
        """The samples that `compress` has put into bytes: a tensor (n, ...) where all are of one size, else a list of
        tensors. CodecError, a UserError: damaged bytes, or those of another model."""
        return coding.decompress(self, data)

    def coder(self, kind: str, stages: int = 0, quality: float = 1.0) -> Any:
        """What codes: "lossy" or "lossless" tiles of images, or "sound"; see `aegean.compression`."""
        return coding.coder(self, kind, stages, quality)

    def to(self, device: str | torch.device) -> Model:
        """Move the networks to "cpu", "cuda", ...; the model itself comes back."""
        for net in self.nets.values():
            place(net, device)
        return self

    def save(self, file: str | Path) -> None:
        """One safetensors file, whole or not at all. Folders that are missing are made."""
        files.save(self, file)

    @classmethod
    def load(cls, file: str | Path, device: str | torch.device = "cpu") -> Model:
        """From a model file, or from the run folder that holds one as model.safetensors. UserError: there is none, it
        is damaged, or not of aegean. Nothing in it is executed."""
        header, nets = files.load(file)
        return cls(header.specs, nets, header.info, header.bound, header.about, header.wiring).to(device)

    def _batches(self, n: int) -> Iterator[slice]:
        if n < 1:
            raise UserError(f"{n} samples were asked for; give at least 1.")
        for start in self.progress(range(0, n, BATCH)):
            yield slice(start, min(start + BATCH, n))

    def _check_fit(self) -> None:
        """UserError: the networks do not fit together, in a file that a stranger has made."""
        if self.specs.keys() >= self.nets.keys() and (wrong := misfit(self.specs, self.info, self.bound, self.wiring)):
            raise UserError(f"The networks of this model do not fit together ({wrong}); make it again.") from None

    def need(self, verb: str) -> None:
        """UserError: it cannot do a verb."""
        if verb not in self.can():
            raise UserError(f"This model cannot {verb.replace('_', ' ')}: {hint(verb)}.")

    def _batch(self, x: Tensor, labels: Tensor | None) -> Batch:
        if not isinstance(x, Tensor):
            x = self.tokens(x)
        check_samples(x, self.info)
        return Batch(x.float(), self._labels(labels, len(x)))

    def _drawn(self, n: int, seed: int, labels: Tensor | None, start: int) -> Batch:
        """A batch that starts from noise: labels alone, where the model has classes."""
        if self.conditional and labels is None:
            labels = self.sample_labels(n, seed, start)
        return Batch(labels=self._labels(labels, n))

    def _labels(self, labels: Tensor | None, n: int) -> Tensor | None:
        return check_labels(labels, n, len(self.info.classes)) if self.conditional else None
