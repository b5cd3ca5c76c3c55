"""A generative model as an estimator of a density that draws samples."""

from __future__ import annotations

import contextlib
import math
from dataclasses import dataclass
from functools import partial
from numbers import Integral
from typing import Any, ClassVar

import numpy as np
import torch
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import check_random_state, check_scalar
from torch import Tensor

from aegean import draw
from aegean.config import UserError, net
from aegean.data.batch import Batch
from aegean.data.info import DataInfo
from aegean.latent import MixturePrior
from aegean.model import Model, hint
from aegean.paths import Noise
from aegean.recipes import configure
from aegean.sklearn.base import SEEDS, Estimator, values
from aegean.sklearn.kinds import named


def cubature(dimensions: int) -> Tensor:
    """2 d points (2 d, d) that stand for N(0, 1) in d dimensions: sqrt(d) up and down the axes of a fixed random
    basis."""
    basis, _ = torch.linalg.qr(draw.normal(draw.key(0, "cubature"), torch.arange(dimensions), (dimensions,)).double())
    return torch.cat((basis, -basis)).mul(dimensions**0.5).float()


def repeated(point: Tensor, index: Tensor) -> Noise:
    """Noise that is this point for every sample."""
    return lambda stream, kind, shape: point.to(index.device).expand(len(index), -1)


def bounded(estimator: GenerativeModel) -> bool:
    """Whether there is an evidence bound: of the fitted model, or of what the recipe will make."""
    if hasattr(estimator, "model_"):
        found = "score" in estimator.model_.can()
    else:
        found = False
        with contextlib.suppress(UserError):
            found = bool(configure(estimator.recipe, DataInfo("X", (2,), (0.0,), (1.0,)), estimator.settings).bound)
    if not found:
        raise AttributeError(f"recipe={estimator.recipe!r} has no score_samples: {hint('score')}.")
    return True


@dataclass(eq=False, repr=False)
class GenerativeModel(Estimator):
    """A generative model of aegean that is fitted to rows and draws new ones.

    Columns are standardised inside, and images (`image_shape`) brought into [-1, 1]; samples and densities are in the
    units of X again. `score_samples` and `score` exist where the model has an evidence bound (recipe "vae"). A recipe
    without a prior ("ae") gets a Gaussian mixture in its latents (Ghosh et al. 2020), fitted after training.

    n_components: latents.
    recipe: one of aegean that generates: "vae"; "ae_to_gan" and "gan" draw sharper images.
    settings: its options by name.
    The other parameters are those of AutoencoderTransformer.

    Fitted: `model_`, the aegean.Model; `n_features_in_`; `feature_names_in_` where X had names.
    """

    n_components: int = 16
    recipe: str = "vae"
    _verbs: ClassVar[tuple[str, ...]] = ("sample",)
    _common: ClassVar[bool] = False

    def _completed(self, model: Model, x: Tensor, held_out: Tensor) -> Model:
        """A model without a prior gets one."""
        if "prior" not in model.nets:
            spec = net(MixturePrior, latent=model.latent)
            prior: Any = spec.build()
            prior.fit(model.encode(x))
            model.nets["prior"], model.specs["prior"] = prior.eval(), spec
        return model

    def sample(self, n_samples: int = 1, random_state: Any = None) -> Any:
        """New samples (n_samples, n_features), float64; a DataFrame with the same columns where it was fitted to one.
        `random_state` None takes the estimator's own, so that with a number there every call draws the same."""
        model = self._fitted()
        check_scalar(n_samples, "n_samples", Integral, min_val=1)
        random = check_random_state(self.random_state if random_state is None else random_state)
        rows = self._rows(model.sample(int(n_samples), seed=int(random.randint(SEEDS))), np.float64)
        if model.info.table or not hasattr(self, "feature_names_in_"):
            return rows
        return named(rows, self.feature_names_in_)

    @available_if(bounded)
    def score_samples(self, X: Any) -> np.ndarray:
        """The evidence lower bound of log p(x) in nats (n_samples,), in the units of the training data.

        Its expectation over the posterior is taken by the cubature rule of Arasaratnam and Haykin (2009, eq. 22), exact
        up to the third degree: the same for a sample whatever is beside it.
        """
        model = self._fitted()
        X = self._checked(X)
        x = values(X, model.info).float()
        total = torch.zeros(len(x))
        for point in cubature(model.latent):
            noise = partial(repeated, point)
            total += model.run(lambda p: -sum(term(p) for term in model.bound), Batch(x), noise=noise).cpu()
        total *= math.log(2) / (2 * model.latent)
        if model.info.vocabulary:
            return total.numpy()
        logs = np.log(np.array(model.info.scale))
        return total.numpy() - np.float32(logs.sum() * (self.n_features_in_ / len(logs)))

    @available_if(bounded)
    def score(self, X: Any, y: Any = None) -> float:
        """The mean of `score_samples`; y is ignored."""
        return float(self.score_samples(X).mean(dtype=np.float64))
