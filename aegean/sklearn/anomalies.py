"""An autoencoder as a detector of anomalies."""

from __future__ import annotations

import math
import warnings
from dataclasses import KW_ONLY, dataclass
from numbers import Real
from typing import Any, ClassVar, Self

import numpy as np
from sklearn.base import OutlierMixin
from sklearn.utils.validation import check_random_state, check_scalar
from torch import Tensor

from aegean.config import UserError
from aegean.data.batch import Batch
from aegean.data.info import DataInfo
from aegean.metrics.trunks import trained
from aegean.model import Model
from aegean.model.scoring import FEWEST, anomalies, with_scorer
from aegean.recipes.architecture import latent_size
from aegean.recipes.groups import Build
from aegean.sklearn.base import SEEDS, Estimator, values
from aegean.surface import either

ALARMS = 0.05  # the share of usual samples that contamination="auto" takes for odd
SHARE = 0.2  # of the samples is held out


@dataclass(eq=False, repr=False)
class AnomalyDetector(OutlierMixin, Estimator):  # type: ignore[misc]
    """Tells how odd rows, pictures or sounds are beside those that it was fitted to.

    Three costs in bits add up: the error of the reconstruction, minus the log density of the latent under a mixture,
    and the distance to the nearest latents (`aegean.latent.Scorer`). In the place of latents, pictures and sounds are
    compared by features that a second network learns from random views of them (SimCLR; Chen et al. 2020). A fifth of X
    is held out of the training: the scores of these samples give p-values that hold whatever the data are (conformal;
    Vovk et al. 2005), if new samples come from where X does.

    n_components: latents; None: as many as suit the data, of rows half of the columns, from 2 to 16.
    recipe: one of aegean with an encoder (`denoising_ae`, `ae`, `vae`, ...).
    contamination: "auto": a sample is odd where its p-value is at most 0.05; or the share of X that is taken for odd.
    The other parameters are those of AutoencoderTransformer.

    Fitted: `offset_`, the score below which a sample is odd; `model_`, `n_features_in_`, `feature_names_in_`.
    """

    n_components: int | None = None  # type: ignore[assignment]
    _: KW_ONLY
    recipe: str = "denoising_ae"
    contamination: float | str = "auto"
    _verbs: ClassVar[tuple[str, ...]] = ("encode", "reconstruct")
    _common: ClassVar[bool] = False

    def fit(self, X: Any, y: Any = None) -> Self:
        """Train on X (n_samples, n_features), which may hold a few odd samples; y is ignored."""
        if self.contamination != "auto":
            check_scalar(self.contamination, "contamination", Real, min_val=0, max_val=0.5, include_boundaries="right")
        super().fit(X)
        if self.contamination != "auto":
            self.offset_ = float(np.percentile(self.score_samples(X), 100 * float(self.contamination)))
            self.model_.about["estimator"]["offset"] = self.offset_
        return self

    def _held_out(self, count: int) -> np.ndarray:
        """Which samples are held out, bool (count,): a fifth, but at least as many as a p-value of 0.05 needs, if that
        is not more than half."""
        most = max(round(SHARE * count), min(FEWEST + 1, count // 2), 1)
        random = np.random.default_rng(check_random_state(self.random_state).randint(SEEDS))
        return random.permutation(count) < most

    def _components(self, info: DataInfo) -> int:
        return latent_size(info, Build()) if self.n_components is None else self.n_components

    def _completed(self, model: Model, x: Tensor, held_out: Tensor) -> Model:
        """The model with a scorer, and of pictures and sounds with features to compare them by."""
        if found := trained(x, model.info, model.about["images"]):
            model.specs["features"], model.nets["features"] = found
        return with_scorer(model, Batch(x), Batch(held_out)).to("cpu")

    def _take(self, model: Model) -> None:
        if "scorer" not in model.nets:
            raise UserError(
                "This model does not know what is usual, which takes the data that it was trained on: fit an "
                f"{type(self).__name__}, or use {either('aegean score RUN INPUT', 'aegean.session.anomalies.scorer')}."
            )
        super()._take(model)
        bits = self._scorer().calibration
        alarms = max(1, math.floor(ALARMS * (len(bits) + 1)))
        self.offset_ = float(model.about.get("estimator", {}).get("offset", -bits[-alarms]))

    def score_samples(self, X: Any) -> np.ndarray:
        """How usual samples are (n_samples,): minus the bits that they have more than the median held-out one. Lower
        is odder."""
        return -self._judged(X)[0]

    def decision_function(self, X: Any) -> np.ndarray:
        """`score_samples` less `offset_` (n_samples,): below 0 is odd."""
        return self.score_samples(X) - self.offset_

    def predict(self, X: Any) -> np.ndarray:
        """-1 of odd samples, 1 of others (n_samples,)."""
        return np.where(self.decision_function(X) < 0, -1, 1)

    def p_value(self, X: Any) -> np.ndarray:
        """The share of usual samples that are at least as odd (n_samples,): of usual ones, at most a share p has a
        p-value of p or less. The smallest possible is 1 / (held-out samples + 1)."""
        if (count := len(self._scorer().calibration)) < FEWEST:
            words = f"{count} samples are held out: no p-value is below {1 / (count + 1):.2g}. Fit more samples."
            warnings.warn(words, UserWarning, stacklevel=2)
        return self._judged(X)[1]

    def explain(self, X: Any) -> np.ndarray:
        """The bits that each column or pixel has in the error of a reconstruction (n_samples, n_features)."""
        return self._judged(X)[2]

    def _judged(self, X: Any) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Bits, p-values (n,) and the bits of every value (n, columns)."""
        self._fitted()
        X = self._checked(X)
        found = anomalies(self._model(X.dtype), Batch(values(X, self.model_.info)))
        bits, p, errors = (part.numpy() for part in found)
        return bits, p, errors.reshape(len(X), -1)

    def _scorer(self) -> Any:
        return self._fitted().nets["scorer"]
