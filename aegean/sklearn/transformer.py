"""An autoencoder as a transformer: a curved principal component analysis."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import torch
from sklearn.base import ClassNamePrefixFeaturesOutMixin, TransformerMixin
from sklearn.utils import check_array
from torch import Tensor

from aegean.data.batch import Batch
from aegean.formulas.texts import words_restored
from aegean.latent import WhiteningPrior, fold, foldable
from aegean.model import Model
from aegean.sklearn.base import DTYPES, Estimator, values


@dataclass(eq=False, repr=False)
class AutoencoderTransformer(ClassNamePrefixFeaturesOutMixin, TransformerMixin, Estimator):  # type: ignore[misc]
    """An autoencoder between principal component analysis and neighbour embeddings: latents that reconstruct.

    `transform` gives the encoder's latents, `inverse_transform` the decoder's reconstruction. X may be a list of texts:
    its own vocabulary is made, and a text of any length gives `n_components` features. As in scikit-learn's
    PCA the columns are centred and the squared error counts in the units of X: put a StandardScaler before it where
    columns have different units. Inside, all columns are divided by one number, or pictures (`image_shape`) are brought
    into [-1, 1], and `inverse_transform` undoes that. The latents of an autoencoder are white on the training data:
    mean 0, variance 1, uncorrelated; those of a variational one are the means of its posterior, as they are.

    n_components: latents; more than there are columns are warned of.
    recipe: one of aegean with an encoder (`denoising_ae`, `ae`, `vae`, ...); "ae" where the last small detail counts.
    settings: its options by name, such as {"width": 64}.
    image_shape: (height, width) or (channels, height, width) of the images that the rows are: the networks are then
        convolutional.
    rate: samples a second of the sounds that the rows are, of one channel; convolutional, too.
    images: the budget, how many samples are seen in all; a number, or text such as "100k".
    batch: samples a step, at most all.
    device: where it is trained, "auto", "cpu", "cuda" or "mps".
    random_state: as in scikit-learn; a number gives the same model every time on the same machine.
    verbose: show a bar.

    Fitted: `model_`, the aegean.Model; `n_features_in_`; `feature_names_in_` where X had names. Results have the number
    type of X, float32 or float64.
    """

    recipe: str = "denoising_ae"
    _verbs: ClassVar[tuple[str, ...]] = ("encode", "decode")
    _common: ClassVar[bool] = True

    def _completed(self, model: Model, x: Tensor, held_out: Tensor) -> Model:
        """Latents of a plain autoencoder are made white, by its own layers."""
        bottleneck, G = model.nets["bottleneck"], model.nets["G"]
        if foldable(bottleneck) and hasattr(G, "stem"):
            prior = WhiteningPrior(model.latent)
            prior.fit(model.encode(x))
            fold(prior, bottleneck, G)
        return model

    def transform(self, X: Any) -> np.ndarray:
        """X (n_samples, n_features) -> latents (n_samples, n_components)."""
        self._fitted()
        return self._encoded(self._checked(X))

    def inverse_transform(self, X: Any) -> np.ndarray:
        """Latents X (n_samples, n_components) -> (n_samples, n_features), in the units of the training data."""
        model = self._fitted()
        X = check_array(X, dtype=DTYPES, estimator=self, input_name="X")
        if X.shape[1] != model.latent:
            raise ValueError(f"X has {X.shape[1]} columns, but {type(self).__name__} has {model.latent} components.")
        return self._decoded(X)

    def score(self, X: Any, y: Any = None) -> float:
        """The share of the variance of X that reconstructions keep: 1 - sum (X - X^)^2 / sum (X - mean)^2, where the
        mean is that of X. 1 is perfect, and higher is better; y is ignored. Of texts the share of words that come
        back in their places."""
        self._fitted()
        X = self._checked(X)
        if info := self.model_.info.vocabulary and self.model_.info:
            x = values(X, info)
            return words_restored(x.numpy(), self.model_.reconstruct(x).numpy(), info)
        if self.model_.info.table:
            x = values(X, self.model_.info)
            error, total = ((x - beside).square().sum() for beside in (self.model_.reconstruct(x), x.mean(0)))
            return float(1 - error / total) if total else float(error == 0)
        error = np.square(X - self._decoded(self._encoded(X)), dtype=np.float64).sum()
        total = np.square(X - X.mean(0), dtype=np.float64).sum()
        return float(1 - error / total) if total else float(error == 0)

    def _encoded(self, X: np.ndarray) -> np.ndarray:
        z = self._model(X.dtype).run("latent.z", Batch(values(X, self.model_.info)))
        return z.numpy().astype(np.float32 if X.dtype == object else X.dtype)

    def _decoded(self, Z: np.ndarray) -> np.ndarray:
        Z = Z.astype(np.float32) if self.model_.info.table else Z
        return self._rows(self._model(Z.dtype).run("x_decoded", Batch(torch.tensor(Z))), Z.dtype)

    @property
    def _n_features_out(self) -> int:
        return self._fitted().latent

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        return tags
