"""The model that a user holds: verbs are names of paths, and a model is one safetensors file."""

from __future__ import annotations

import json
import operator
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import safetensors
import safetensors.torch
import torch
from safetensors import SafetensorError
from torch import Tensor, nn

from aegean import draw
from aegean.codec import Refused, unpack
from aegean.compression import LOSSLESS, LOSSY, TileCoder, check, coder_for, compress, decompress
from aegean.config import Config, Net, UserError, from_json, parse_json, to_json
from aegean.data.batch import Batch
from aegean.data.info import DataInfo
from aegean.files import write_atomically
from aegean.floors import Floors
from aegean.nets.blocks import place
from aegean.objectives import Term
from aegean.paths import Noise, Paths, noise_for
from aegean.wirings import find_wiring

FORMAT = 1
BATCH = 256  # samples through the networks at a time
CHUNK = 1 << 22  # values of pictures that are turned into pixels at a time

VERBS: dict[str, tuple[str, ...]] = {
    "encode": ("E", "bottleneck"),
    "decode": ("G",),
    "reconstruct": ("E", "bottleneck", "G"),
    "sample": ("prior", "G"),
    "score": ("E", "bottleneck", "G", "bound"),
    "levels": ("E", "bottleneck"),
    "compress": LOSSY,
    "compress --lossless": LOSSLESS,
}

HINTS = {
    "encode": "this model has no encoder: train ae, vae, vae_gan or ae_to_gan",
    "decode": "this model has no decoder: train any recipe that generates",
    "reconstruct": "this model has no encoder: train ae, vae, vae_gan or ae_to_gan",
    "sample": "this model has no prior: fit one with `aegean fit RUN --prior mixture`",
    "score": "only a variational model has an evidence bound: train vae",
    "levels": "this model has no encoder: train ae, vae, hierarchical_vae or stacked_gan",
    "compress": "this model has no symbols to write: train codec or vq_ae",
    "compress --lossless": "this model has no network for exact pixels: train codec or lossless on 8-bit pictures",
}


class Model(Floors):
    """Networks by name, what they know of their data, and the verbs that their paths allow.

    All tensors are float32 in the model's range (`info.normalise` and `info.restore` convert), on `device`. Every verb
    raises UserError where the model has no such path (`can` lists those it has), or for samples, latents or labels of
    another shape.
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
    def latent(self) -> int:
        """Latent dimensions."""
        self._need("decode")
        return self.nets["G"].latent  # type: ignore[return-value]

    def can(self) -> list[str]:
        """The verbs that work on this model."""
        have = {*self.nets, *(("bound",) if self.bound else ())}
        able = [verb for verb, needs in VERBS.items() if have.issuperset(needs)]
        return [verb for verb in able if self.info.is_image or not verb.startswith("compress")]

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
        UserError: no samples.
        """
        value = path if callable(path) else operator.attrgetter(path)
        batch = batch or Batch()
        count = next((len(t) for t in batch if t is not None), n) if n == 0 else n
        parts = []
        with torch.set_grad_enabled(grad):
            for s in self._batches(count):
                index = torch.arange(start + s.start, start + s.stop, device=self.device)
                drawn = noise(index) if noise else None if seed is None else noise_for(index, seed, "verb")
                cut = Batch(*(None if t is None else t[s].to(self.device) for t in batch))
                parts.append(value(self.wiring(self.nets, cut, drawn)))
        if isinstance(parts[0], Tensor):
            return torch.cat(parts)
        return tuple(None if whole[0] is None else torch.cat(whole) for whole in zip(*parts))

    def encode(self, x: Tensor, labels: Tensor | None = None) -> Tensor:
        """x (n, *shape) -> z (n, latent): the posterior's mean. Labels (n,) where the model has classes."""
        self._need("encode")
        return self._map(lambda p: p.latent.z, x, labels)

    def decode(self, z: Tensor, labels: Tensor | None = None) -> Tensor:
        """z (n, latent) -> x (n, *shape): the likelihood's mean."""
        self._need("decode")
        if z.dim() != 2 or z.shape[1] != self.latent:
            raise UserError(f"Latents of shape {tuple(z.shape)}; this model decodes (n, {self.latent}).")
        labels = self._labels(labels, len(z))
        G: Any = self.nets["G"]
        with torch.no_grad():
            return torch.cat([G.mean(G(z[s].float().to(self.device), _cut(labels, s))) for s in self._batches(len(z))])

    def reconstruct(self, x: Tensor, labels: Tensor | None = None, top: int | None = None) -> Tensor:
        """x (n, *shape) -> x^ (n, *shape), through the posterior's mean; of a hierarchy from its upper `top` levels."""
        if top is not None:
            return self.from_top(x, top, labels)
        self._need("reconstruct")
        return self._map(lambda p: p.x_hat, x, labels)

    def score(self, x: Tensor, labels: Tensor | None = None, seed: int = 0, start: int = 0) -> Tensor:
        """The evidence lower bound of log2 p(x) in bits, one number a sample: x (n, *shape) -> (n,).

        One draw of the posterior a sample, numbered from `start` (Kingma and Welling 2013, eq. 7). For continuous
        likelihoods p is a density over the model's range.
        """
        self._need("score")
        return self._map(lambda p: -sum(term(p) for term in self.bound), x, labels, seed, start)

    def sample(self, n: int, seed: int = 0, labels: Tensor | None = None, start: int = 0) -> Tensor:
        """n samples (n, *shape) of the prior, numbered from `start`; sample i depends on (seed, i) alone.

        A model with classes draws its labels from the training frequencies unless they are given, (n,).
        """
        self._need("sample")
        if self.conditional and labels is None:
            labels = self.sample_labels(n, seed, start)
        labels = self._labels(labels, n)
        with torch.no_grad():
            return torch.cat(
                [self._paths(s, seed, labels=_cut(labels, s), start=start).x_fake for s in self._batches(n)]
            )

    def sample_labels(self, n: int, seed: int = 0, start: int = 0) -> Tensor:
        """Labels (n,) int64 with the frequencies of the training part, of the samples numbered from `start`."""
        share = torch.tensor(self.info.class_counts, dtype=torch.float64).cumsum(0)
        u = draw.uniform(draw.key(seed, "labels"), torch.arange(start, start + n), (1,)).double()
        return (u * share[-1] > share).sum(1).clamp(max=len(share) - 1).to(self.device)

    def compress(self, x: Tensor | Sequence[Tensor], lossless: bool = False, stages: int = 0) -> bytes:
        """Pictures x (n, channels, H, W), or a sequence of them (channels, H, W), of any sizes -> the bytes of an .aeg
        file. `lossless`: the raw values that they stand for come back exactly. `stages`: so many of a residual
        quantiser's alone, 0 for all. UserError: no such pictures, or numbers that are not finite."""
        if lossless and stages:
            raise UserError(f"stages={stages} belongs to lossy files; leave it out, or lossless.")
        if isinstance(x, Tensor) and x.dim() == 4:
            parts: Sequence[Tensor] = x.split(max(1, CHUNK // max(1, x[:1].numel())))
        else:
            parts = [torch.as_tensor(picture)[None] for picture in x]
        pictures = (("", raw) for part in map(_values, parts) for raw in self.info.restore(part))
        return compress(self.coder("lossless" if lossless else "lossy", stages), pictures)

    def decompress(self, data: bytes) -> Tensor | list[Tensor]:
        """The pictures that `compress` has put into bytes: (n, channels, H, W) where all are of one size, else a list
        of (channels, H, W). Refused, a UserError: damaged bytes, or those of another model."""
        try:
            header, blocks = unpack(data)
            coder = self.coder(header.kind)
            found = [values for _, values in decompress(coder, header, blocks)]
        except Refused as error:
            raise Refused(f"These bytes are refused: {error}.") from None
        if len({values.shape for values in found}) == 1:
            return self.info.normalise(np.stack(found)).to(self.device)
        return [self.info.normalise(values).to(self.device) for values in found]

    def coder(self, kind: str, stages: int = 0) -> TileCoder:
        """What codes tiles, "lossy" or "lossless"; see `aegean.compression`."""
        if not self.info.is_image:
            raise UserError("Files are made of pictures; this model was trained on rows.")
        self._need("compress --lossless" if kind == "lossless" else "compress")
        return coder_for(kind, self.specs, self.nets, self.info, stages)

    def to(self, device: str | torch.device) -> Model:
        """Move the networks to "cpu", "cuda", ...; the model itself comes back."""
        for net in self.nets.values():
            place(net, device)
        return self

    def save(self, file: str | Path) -> None:
        """One safetensors file: tensors by network, everything else as JSON in its header; whole or not at all. Folders
        that are missing are made."""
        header = {
            "format": FORMAT,
            "nets": {name: to_json(self.specs[name]) for name in self.nets},
            "bound": to_json(self.bound),
            "info": to_json(self.info),
            "about": self.about,
            "wiring": self.wiring_name,
        }
        tensors = {
            f"{name}.{key}": value.detach().cpu().contiguous()
            for name, net in self.nets.items()
            for key, value in net.state_dict().items()
        }
        data = safetensors.torch.save(tensors, {"aegean": json.dumps(header)})
        if str(file).endswith("/") or Path(file).is_dir():
            raise UserError(
                f"{file} is a folder; give a file to be written, such as {Path(file) / 'model.safetensors'}."
            )
        Path(file).parent.mkdir(parents=True, exist_ok=True)
        write_atomically(Path(file), data)

    @classmethod
    def load(cls, file: str | Path, device: str | torch.device = "cpu") -> Model:
        """From a model file, or from the run folder that holds one as model.safetensors. UserError: there is none, it
        is damaged, or not of aegean. Nothing in it is executed."""
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
        return cls._from_header(parse_json(text, str(file)), tensors, file).to(device)

    @classmethod
    def _from_header(cls, header: Any, tensors: dict[str, Tensor], file: Path) -> Model:
        if not isinstance(header, dict) or header.get("format") != FORMAT:
            found = header.get("format") if isinstance(header, dict) else None
            raise UserError(f"{file} has format {found!r}; this version of aegean reads format {FORMAT}.")
        try:
            specs: dict[str, Net] = {name: from_json(spec) for name, spec in header["nets"].items()}
            info, bound, about = (
                from_json(header["info"]),
                from_json(header["bound"]),
                header.get("about", {}),
            )
            nets = {name: _build_from(spec, tensors, name) for name, spec in specs.items()}
            model = cls(specs, nets, info, bound, about, header.get("wiring", "standard"))
            model._check()
        except UserError:
            raise
        except Exception as error:  # constructors raise many kinds for arguments that make no sense
            raise UserError(f"{file} does not describe a whole model ({error!r}); make it again.") from None
        return model

    def _check(self) -> None:
        """AssertionError: parts that a stranger's description named do not belong together."""
        assert isinstance(self.info, DataInfo) and isinstance(self.about, dict), "no data or no past"
        kinds: dict[str, Any] = {"images": int, "seconds": (int, float), "settings": dict}
        assert all(isinstance(self.about[key], kind) for key, kind in kinds.items() if key in self.about), "an odd past"
        shape, scaling = self.info.shape, (*self.info.offset, *self.info.scale)
        assert len(shape) in (1, 3) and all(isinstance(n, int) and n > 0 for n in shape), f"samples of shape {shape}"
        assert scaling and all(isinstance(v, (int, float)) for v in scaling), "no range"
        assert all(isinstance(term, Term) for term in self.bound), "the bound is not made of terms"
        counts = {len(self.info.classes), len(self.info.class_counts)} if self.conditional else set()
        assert "G" not in self.nets or self.depth > 0, "no levels"  # raises, too, where nets and wiring do not fit
        wanted = {net.classes for net in self.nets.values() if getattr(net, "classes", 0)}
        assert counts == wanted, f"networks for {wanted} classes, data with {counts}"
        check(self.nets, self.info)

    def _batches(self, n: int) -> Iterator[slice]:
        if n < 1:
            raise UserError(f"{n} samples were asked for; give at least 1.")
        for start in self.progress(range(0, n, BATCH)):
            yield slice(start, min(start + BATCH, n))

    def _need(self, verb: str) -> None:
        if verb not in self.can():
            raise UserError(f"This model cannot {verb}: {HINTS[verb]}.")

    def _labels(self, labels: Tensor | None, n: int) -> Tensor | None:
        if not self.conditional:
            return None
        count = len(self.info.classes)
        if labels is None:
            raise UserError(f"This model has {count} classes: give a label for each of the {n} samples.")
        if labels.shape != (n,) or labels.min() < 0 or labels.max() >= count:
            raise UserError(f"Labels must be {n} whole numbers from 0 to {count - 1}.")
        return labels.long().to(self.device)

    def _paths(
        self, s: slice, seed: int | None, x: Tensor | None = None, labels: Tensor | None = None, start: int = 0
    ) -> Paths:
        index = torch.arange(start + s.start, start + s.stop, device=self.device)
        noise = None if seed is None else noise_for(index, seed, "verb")
        return self.wiring(self.nets, Batch(x, labels), noise=noise)

    def _map(
        self,
        value: Callable[[Paths], Any],
        x: Tensor,
        labels: Tensor | None,
        seed: int | None = None,
        start: int = 0,
    ) -> Tensor:
        return self._gather(lambda p: [value(p)], x, labels, seed, start)[0]

    def _gather(
        self,
        values: Callable[[Paths], list[Tensor]],
        x: Tensor,
        labels: Tensor | None,
        seed: int | None = None,
        start: int = 0,
    ) -> list[Tensor]:
        if tuple(x.shape[1:]) != tuple(self.info.shape):
            raise UserError(f"Samples of shape {tuple(x.shape[1:])}; this model takes {tuple(self.info.shape)}.")
        labels = self._labels(labels, len(x))
        with torch.no_grad():
            parts = [
                values(self._paths(s, seed, x[s].float().to(self.device), _cut(labels, s), start))
                for s in self._batches(len(x))
            ]
        return [torch.cat(whole) for whole in zip(*parts)]


def _values(x: Tensor) -> Tensor:
    """Pictures (n, channels, H, W) as values of a model. UserError: they are none."""
    if x.dim() != 4 or not x.is_floating_point() or not x.isfinite().all():
        raise UserError(
            f"Pictures of shape {tuple(x.shape[1:])} and type {x.dtype} were given: expected (channels, H, W), finite "
            "numbers in model range, from -1 to 1; `model.info.normalise(raw)` makes them of pixels."
        )
    return x


def _cut(labels: Tensor | None, s: slice) -> Tensor | None:
    return None if labels is None else labels[s]


def _build_from(spec: Config, tensors: dict[str, Tensor], name: str) -> nn.Module:
    """Build a network and fill it. The shapes are compared first, on a device without memory, so that a
    description cannot ask for more than the file holds."""
    if not isinstance(spec, Net):
        raise UserError(f"The description of network {name!r} is not a network.")
    mine = {k[len(name) + 1 :]: v for k, v in tensors.items() if k.startswith(name + ".")}
    with torch.device("meta"):
        planned = {k: tuple(v.shape) for k, v in spec.build().state_dict().items()}
    if planned != {k: tuple(v.shape) for k, v in mine.items()}:
        raise UserError(f"The tensors of network {name!r} do not fit its description.")
    with torch.random.fork_rng(devices=[]):
        net = spec.build()
    net.load_state_dict(mine)
    return net
