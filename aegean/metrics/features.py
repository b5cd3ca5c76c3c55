"""Feature networks: what samples are compared in. Trained on the training part alone, kept beside it."""

from __future__ import annotations

import contextlib
import json
import os
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor, nn

from aegean.config import UserError
from aegean.data.info import DataInfo
from aegean.files import write_atomically
from aegean.metrics import networks
from aegean.metrics.kinds import Kind, kind_of
from aegean.surface import say

if TYPE_CHECKING:
    from aegean.data import Dataset

VERSION = 1  # of the networks and their training; kept files of another are trained anew
BATCH = 256
SPREAD = 10_000  # samples at most from which scale and accuracy are taken


@dataclass(frozen=True)
class FeatureNetwork:
    """Samples in model range (n, *shape) -> features (n, d); to class probabilities where it has classes."""

    key: str  # names it in every metric: "digits-classifier"
    embed: Callable[[Tensor], Tensor | np.ndarray]
    head: Callable[[np.ndarray], np.ndarray] | None = None  # features (n, d) -> probabilities (n, classes)
    accuracy: float | None = None  # on the test part
    info: DataInfo | None = None  # what its inputs must look like, where known
    trunk: nn.Module | None = None  # what `embed` scales, of a network that was trained for its data

    def __call__(self, x: Tensor) -> np.ndarray:
        """Samples (n, *shape) -> features (n, d), float64."""
        with torch.no_grad():
            parts = [torch.as_tensor(self.embed(part)).detach().cpu().double() for part in x.split(BATCH)]
        features = torch.cat(parts).numpy()
        if features.ndim != 2 or len(features) != len(x):
            shapes = f"{features.shape} for {len(x)} samples; expected ({len(x)}, d)"
            raise UserError(f"{self.key} gave features of shape {shapes}.")
        return features

    def predict(self, x: Tensor) -> np.ndarray | None:
        """Samples (n, *shape) -> class probabilities (n, classes), or None for a network without classes."""
        return self.head(self(x)) if self.head else None


def feature_network(dataset: Dataset) -> FeatureNetwork:
    """The network to measure a data set with: trained once on its training part, then read from its folder.

    With labels a classifier ("<name>-classifier"); without labels an encoder trained by SimCLR ("<name>-simclr") where
    its kind has random views, else its model values ("<name>-values"): the columns of a table are features already, and
    a network would only bend the distances that a plot of them shows. Trained features are scaled so that their
    variances over the training part are 1 on average. The same data give the same network, up to the rounding of the
    machine.
    """
    info, kind = dataset.info, kind_of(dataset.info)
    if len(info.classes) > 1 and not info.table:  # whose classes are a column that a classifier would see
        return _kept(dataset, kind, f"{info.name}-classifier", len(info.classes))
    if kind.view:
        return _kept(dataset, kind, f"{info.name}-simclr", 0)
    return FeatureNetwork(f"{info.name}-values", lambda x: x.flatten(1), info=info)


def feature_network_from(source: Callable | str | os.PathLike) -> FeatureNetwork:
    """A user's own network: any callable samples -> (n, d), or the folder of a run whose encoder is used.

    The key is the callable's name, or "<run>-encoder". A module must be in eval mode.
    """
    if isinstance(source, (str, os.PathLike)):
        return _run_encoder(Path(source))
    if not callable(source):
        raise UserError(f"Features cannot come from {source!r}; give a function samples -> (n, d) or a run's folder.")
    if isinstance(source, nn.Module) and source.training:
        raise UserError(f"{type(source).__name__} is in training mode; call .eval() on it to measure with it.")
    name = getattr(source, "__name__", type(source).__name__)
    return FeatureNetwork(name.strip("<>"), source)


def _run_encoder(folder: Path) -> FeatureNetwork:
    from aegean.model import Model

    model = Model.load(folder)
    if "encode" not in model.can():
        raise UserError(f"{folder} has no encoder to measure with; choose the run of an autoencoder.")
    if model.conditional:
        raise UserError(f"The encoder of {folder} needs labels, which samples have not; choose another run.")
    return FeatureNetwork(f"{folder.resolve().name}-encoder", model.encode, info=model.info)


def _kept(dataset: Dataset, kind: Kind, key: str, classes: int) -> FeatureNetwork:
    """The network in the data's folder if it was made by this version for these data, else a new one."""
    info = dataset.info
    safe_key = re.sub(r"[^\w.-]", "_", key)
    path = Path(dataset.folder) / f"features-{safe_key}.safetensors"
    config = {
        "version": VERSION,
        "key": key,
        "shape": list(info.shape),
        "classes": classes,
        "counts": [len(dataset.train), len(dataset.test)],
        "fingerprint": info.fingerprint,
    }
    if found := _read(path, config):
        with contextlib.suppress(RuntimeError, KeyError, TypeError):  # tensors of other shapes, or missing ones
            return _assembled(key, info, classes, *found)
    steps = networks.train_steps(len(dataset.train))
    say(f"training the feature network {key}, once for these data: {steps:,} steps, up to some minutes on one core")
    found = _trained(dataset, kind, key, classes)
    _write(path, *found, config)
    accuracy = f"; held-out accuracy {found[1]:.1%}" if found[1] is not None else ""
    say(f"Trained the feature network {key}{accuracy}.")
    return _assembled(key, info, classes, *found)


def _trained(dataset: Dataset, kind: Kind, key: str, classes: int) -> tuple[dict[str, Tensor], float | None]:
    """Train; then the scale from the training part, and the accuracy on the test part."""
    info = dataset.info

    def samples(index: Tensor) -> Tensor:
        return info.normalise(dataset.train[index.numpy()])

    def make() -> nn.Module:
        return kind.trunk(info)

    tensors = {}
    if classes:
        labels = torch.as_tensor(np.asarray(dataset.train_labels, np.int64))
        trunk, last = networks.train_classifier(make, samples, labels, classes, kind.augment)
        tensors = {f"head.{name}": value for name, value in last.state_dict().items()}
    else:
        assert kind.view
        trunk = networks.train_contrastive(make, samples, len(dataset.train), kind.view)
    tensors |= {f"trunk.{name}": value for name, value in trunk.state_dict().items()}
    variance = FeatureNetwork(key, trunk)(samples(_spread(len(dataset.train)))).var(0).mean()
    tensors["scale"] = torch.tensor(1 / max(float(np.sqrt(variance)), 1e-12))
    if not classes or not len(dataset.test):
        return tensors, None
    test = _spread(len(dataset.test)).numpy()
    probabilities = _assembled(key, info, classes, tensors, None).predict(info.normalise(dataset.test[test]))
    assert probabilities is not None
    return tensors, float((probabilities.argmax(1) == np.asarray(dataset.test_labels)[test]).mean())


def _spread(count: int) -> Tensor:
    """At most 10,000 indices, evenly spread over `count` samples."""
    return torch.linspace(0, count - 1, min(count, SPREAD), dtype=torch.float64).long()


def _assembled(
    key: str, info: DataInfo, classes: int, tensors: dict[str, Tensor], accuracy: float | None
) -> FeatureNetwork:
    with torch.device("meta"):  # nothing is drawn for weights that are loaded
        trunk = kind_of(info).trunk(info).eval()
    state = {name.removeprefix("trunk."): v for name, v in tensors.items() if name.startswith("trunk.")}
    trunk.load_state_dict(state, assign=True)
    trunk.requires_grad_(False)
    scale = float(tensors["scale"])

    def embed(x: Tensor) -> Tensor:
        return trunk.to(x.device)(x.float()) * scale

    if not classes:
        return FeatureNetwork(key, embed, info=info, trunk=trunk)
    weight, bias = (tensors[name].double().numpy() for name in ("head.weight", "head.bias"))

    def head(features: np.ndarray) -> np.ndarray:
        return torch.softmax(torch.from_numpy(features / scale @ weight.T + bias), dim=1).numpy()

    return FeatureNetwork(key, embed, head, accuracy, info, trunk)


def _read(path: Path, config: dict) -> tuple[dict[str, Tensor], float | None] | None:
    """The kept tensors and accuracy, or None where there are none, or damaged ones, or of another config."""
    try:
        with safe_open(path, "pt") as file:
            header = json.loads((file.metadata() or {}).get("config", "{}"))
            if not isinstance(header, dict) or {name: header.get(name) for name in config} != config:
                return None
            accuracy = header["accuracy"]
            if accuracy is not None and not isinstance(accuracy, float):
                return None
            return {name: file.get_tensor(name) for name in file.keys()}, accuracy
    except (OSError, SafetensorError, ValueError, KeyError, RecursionError):
        return None


def _write(path: Path, tensors: dict[str, Tensor], accuracy: float | None, config: dict) -> None:
    """Kept whole or not at all: written under a temporary name, then renamed. It can be trained again."""
    header = {"config": json.dumps({**config, "accuracy": accuracy})}
    try:
        write_atomically(path, save({name: value.contiguous() for name, value in tensors.items()}, header))
    except (OSError, UserError) as error:
        say(f"The feature network cannot be kept and is trained again next time: {error}")
