"""What both estimators share: arrays to samples and back, the training, files, and how they travel as bytes."""

from __future__ import annotations

import copy
import math
import tempfile
import warnings
from collections.abc import Mapping
from dataclasses import KW_ONLY, dataclass
from numbers import Integral
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np
import torch
from sklearn.base import BaseEstimator
from sklearn.utils.validation import _check_feature_names, check_random_state, check_scalar, validate_data
from torch import Tensor
from tqdm import tqdm

from aegean.config import UserError
from aegean.data.info import DataInfo
from aegean.data.io.rows import frame
from aegean.data.options import RATES
from aegean.data.read.vocabulary import encoded
from aegean.data.sets.feed import Feed
from aegean.machine import pick_device
from aegean.model import Model
from aegean.recipes import RECIPES, configure, options
from aegean.session.options import parse_images, planned
from aegean.sklearn.kinds import KINDS, as_texts, describe_columns, described, is_mixed
from aegean.surface import muted
from aegean.training.guard import Fault
from aegean.training.schedule import Run
from aegean.training.trainer import Trainer

DTYPES = (np.float64, np.float32)
SEEDS = 2**31 - 1
LOOKED_AT = 20_000  # training samples whose latents are looked at once training is over
WIRINGS = ("standard", "text")  # of one latent, decoded in one go
SUITED = ("ae", "denoising_ae", "vae")  # recipes that both estimators can take
GIVEN = {"latent": "n_components", "batch": "batch", "images": "images"}  # options of recipes that are parameters here


@dataclass(eq=False, repr=False)
class Estimator(BaseEstimator):
    """A model of samples that come as rows (n, columns), which may be images laid flat, or sounds; or as a list of
    texts. Its fields are scikit-learn's parameters; subclasses choose other defaults."""

    n_components: int = 2
    _: KW_ONLY
    recipe: str = "ae"
    settings: Mapping[str, Any] | None = None
    image_shape: tuple[int, ...] | None = None
    rate: int | None = None
    images: int | str = 100_000
    batch: int = 64
    device: str = "auto"
    random_state: Any = None
    verbose: bool = False

    _verbs: ClassVar[tuple[str, ...]]  # what its models can do
    _common: ClassVar[bool]  # columns are divided by one number, not each by its own

    def fit(self, X: Any, y: Any = None) -> Self:
        """Train on X (n_samples, n_features), a list of strings, or a DataFrame of mixed columns; y is ignored."""
        if (texts := as_texts(X)) is not None:
            return self._fit(texts, KINDS["text"].describe(texts, (), (), self._common))
        if is_mixed(X):
            _check_feature_names(self, X, reset=True)
            table, raw = described(X)
            return self._fit(raw, describe_columns(table, len(raw)))
        X = validate_data(self, X, dtype=DTYPES, ensure_min_samples=2)
        kind = KINDS["audio" if self.rate is not None else "table" if self.image_shape is None else "image"]
        info = kind.describe(X, self._shape(X.shape[1]), getattr(self, "feature_names_in_", ()), self._common)
        return self._fit(X, info.replace(rate=self.rate or 0))

    def _fit(self, X: np.ndarray, info: DataInfo) -> Self:
        x = values(X, info)
        held_out = self._held_out(len(x))
        train = x[~held_out].float()
        model = self._trained(train, info.replace(count=len(train)))
        self._take(self._completed(model, train[:LOOKED_AT], x[held_out].float()))
        return self

    def _held_out(self, count: int) -> np.ndarray:
        """Which samples are not trained on, bool (count,): none."""
        return np.zeros(count, bool)

    def _completed(self, model: Model, x: Tensor, held_out: Tensor) -> Model:
        """The model with what is left to be done after training, with training samples and others (n, *shape)."""
        raise NotImplementedError

    def save(self, path: str | Path) -> None:
        """Write the fitted model as one file of aegean (safetensors): `load`, `aegean.load` and the command line read
        it."""
        self._fitted().save(path)

    @classmethod
    def load(cls, path: str | Path) -> Self:
        """A fitted estimator from a file that `save` wrote, or from any run or model file of aegean that can do what
        is asked of it. UserError: it cannot."""
        model = Model.load(path)
        able = set(cls._verbs).issubset(model.can()) and model.info.kind in KINDS
        if model.conditional or not able or model.wiring_name not in WIRINGS:
            raise UserError(
                f"{path}: {cls.__name__} needs a model without classes that can {' and '.join(cls._verbs)}, with one "
                "vector of latents; train one with " + ", ".join(SUITED) + " for instance."
            )
        kept = model.about.get("estimator", {})
        params = kept.get("params") or {
            "n_components": model.latent,
            "recipe": model.about.get("recipe", "ae"),
            "image_shape": KINDS[model.info.kind].image_shape(model.info),
            "rate": model.info.rate or None,
        }
        known = cls._get_param_names()
        estimator = cls(**{name: _tuples(value) for name, value in params.items() if name in known})
        estimator._take(model)
        if kept.get("names"):
            estimator.feature_names_in_ = np.array(kept["names"], dtype=object)
        return estimator

    def _fitted(self) -> Model:
        from sklearn.utils.validation import check_is_fitted

        check_is_fitted(self, "model_")
        return self.model_

    def _take(self, model: Model) -> None:
        """Become fitted, with this model."""
        self.model_: Model = model
        self.n_features_in_ = len(model.info.table) or math.prod(model.info.shape)

    def _checked(self, X: Any) -> np.ndarray:
        """X as an array (n, columns) of float64 or float32, texts (n,), or of described columns raw rows. ValueError,
        TypeError: as scikit-learn words them."""
        if self.model_.info.vocabulary:
            if (texts := as_texts(X)) is None:
                raise ValueError(f"{type(self).__name__} was fitted to texts; X must be a list of strings.")
            return texts
        if table := self.model_.info.table:
            if not hasattr(X, "iloc"):
                raise ValueError(f"{type(self).__name__} was fitted to a DataFrame; X must be one.")
            return described(X, table)[1]
        return validate_data(self, X, reset=False, dtype=DTYPES)

    def _shape(self, columns: int) -> tuple[int, ...]:
        """The shape of a sample of so many columns."""
        if self.rate is not None:
            check_scalar(self.rate, "rate", Integral, min_val=RATES[0], max_val=RATES[1])
            if self.image_shape is not None:
                raise UserError("rate is that of sounds, and image_shape belongs to images: give one of them.")
            return (1, columns)
        if self.image_shape is None:
            return (columns,)
        given = self.image_shape if isinstance(self.image_shape, (tuple, list)) else ()
        shape = tuple(int(side) for side in given if isinstance(side, Integral))
        shape = shape if len(shape) == 3 else (1, *shape)
        if len(given) not in (2, 3) or len(shape) != 3 or min(shape) < 1 or math.prod(shape) != columns:
            raise UserError(
                f"image_shape={self.image_shape}: expected (height, width) or (channels, height, width) whose product "
                f"is the number of columns of X, {columns}."
            )
        return shape

    def _rows(self, x: Tensor, dtype: Any) -> Any:
        """Values of the model (n, *shape) -> X^ (n, columns), texts (n,), or of described columns a DataFrame."""
        info = self.model_.info
        if info.table:
            return frame(info.table, info.restore(x))
        if info.vocabulary:
            return np.array(self.model_.texts(x), object)
        values = x.flatten(1).double().numpy() * np.array(info.scale) + np.array(info.offset)
        return values.astype(dtype)

    def _model(self, dtype: Any) -> Model:
        """The model in float32 as it is, or in float64: there what a sample becomes does not depend on the others
        beside it, in any digit that a user looks at."""
        if dtype != np.float64 or self.model_.info.table:
            return self.model_
        model = copy.copy(self.model_)
        model.nets = {name: copy.deepcopy(net).double() for name, net in model.nets.items()}
        return model

    def _components(self, info: DataInfo) -> int:
        """Latents for such data."""
        return self.n_components

    def _run(self, info: DataInfo, seed: int) -> Run:
        """The recipe's run on such data, with this estimator's parameters."""
        components = self._components(info)
        for name, value in (("n_components", components), ("batch", self.batch)):
            check_scalar(value, name, Integral, min_val=1)
        columns = math.prod(info.shape)
        if not info.vocabulary and columns < components != type(self).n_components:
            words = f"n_components={components} is more than the {columns} columns of X: nothing is compressed."
            warnings.warn(words, UserWarning, stacklevel=4)
        check_scalar(self.recipe, "recipe", str)
        settings = self.settings or {}
        check_scalar(settings, "settings", Mapping)
        for option, parameter in GIVEN.items():
            if option in settings:
                raise UserError(f"settings hold {option!r}: give it as the parameter {parameter} instead.")
        batch = min(self.batch, info.count)
        unsuited = UserError(
            f"recipe={self.recipe!r} trains no model with which {type(self).__name__} could work: give "
            f"{', '.join(SUITED[:-1])} or {SUITED[-1]} for instance."
        )
        if self.recipe in RECIPES and "latent" not in options(self.recipe):
            raise unsuited
        settings = {**settings, "latent": components, "batch": batch}
        run = configure(self.recipe, info, settings)
        latents = {spec.args["latent"] for spec in run.nets.values() if "latent" in spec.args}
        needed = {"E", "bottleneck", "G"} if "encode" in self._verbs else {"G"}
        if not needed.issubset(run.nets) or run.wiring not in WIRINGS or latents != {components}:
            raise unsuited
        images = parse_images(self.images) * batch // self.batch  # as many steps as with whole batches
        return planned(self.recipe, info, settings, budget=max(images, batch * len(run.schedule)), seed=seed)

    def _trained(self, x: Tensor, info: DataInfo) -> Model:
        """A model trained on x (n, *shape) to the end, on the CPU, with what `load` needs. Fault: a loss or gradient
        went wrong."""
        seed = int(check_random_state(self.random_state).randint(SEEDS))
        run, device = self._run(info, seed), pick_device(str(self.device))
        feed = Feed(info.replace(offset=(0.0,), scale=(1.0,), table=()), x.numpy(), None, device, seed)
        trainer = Trainer(run, info, feed, device)
        with muted(), tqdm(total=run.images, unit="img", unit_scale=True, disable=not self.verbose) as bar:
            for began in trainer:
                bar.update(0 if began else run.batch)
        if fault := trainer.blame():
            raise Fault(fault)
        return trainer.model(about=self._about(trainer)).to("cpu")

    def _about(self, trainer: Trainer) -> dict[str, Any]:
        params = self.get_params(deep=False)
        if not isinstance(self.random_state, Integral):  # a generator's state is gone
            params["random_state"] = None
        about = {
            "recipe": self.recipe,
            "settings": dict(self.settings or {}),
            "images": trainer.images,
            "seed": trainer.run.seed,
            "estimator": {"params": params, "names": list(getattr(self, "feature_names_in_", ()))},
        }
        return _plain(about)

    def __getstate__(self) -> dict[str, Any]:
        """For scikit-learn's machinery: the model as the bytes of its file."""
        state = dict(super().__getstate__())
        if "model_" in state:
            with tempfile.TemporaryDirectory() as folder:
                file = Path(folder) / "model.safetensors"
                state["model_"].save(file)
                state["model_"] = file.read_bytes()
        return state

    def __setstate__(self, state: dict[str, Any]) -> None:
        if "model_" in state:
            with tempfile.TemporaryDirectory() as folder:
                file = Path(folder) / "model.safetensors"
                file.write_bytes(state["model_"])
                state = {**state, "model_": Model.load(file)}
        super().__setstate__(state)


def values(X: np.ndarray, info: DataInfo) -> Tensor:
    """X (n, columns) -> values of the model (n, *shape), of the same type of number; of texts (n,) their tokens;
    of described columns from raw rows."""
    if info.vocabulary:
        return info.normalise(encoded(list(X), info.vocabulary, info.shape[0])[0])
    if info.table:
        return info.normalise(X)
    offset, scale = (np.asarray(v, X.dtype) for v in (info.offset, info.scale))
    return torch.from_numpy((X - offset) / scale).unflatten(1, info.shape)


def _plain(value: Any) -> Any:
    """Parameters as JSON takes them: those of a grid search may be numbers of numpy."""
    if isinstance(value, Mapping):
        return {str(key): _plain(part) for key, part in value.items()}
    if isinstance(value, (list, tuple, np.ndarray)):
        return [_plain(part) for part in value]
    return value.item() if isinstance(value, np.generic) else value


def _tuples(value: Any) -> Any:
    """Lists, as JSON has them, as the tuples that they were."""
    return tuple(map(_tuples, value)) if isinstance(value, list) else value
