"""Autoencoders and generative models as scikit-learn estimators: for pipelines, cross-validation and grid search."""

from aegean.sklearn.generative import GenerativeModel
from aegean.sklearn.transformer import AutoencoderTransformer

__all__ = ["AutoencoderTransformer", "GenerativeModel"]
