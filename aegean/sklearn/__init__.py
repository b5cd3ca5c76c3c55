"""Autoencoders, generative models and anomaly detectors as scikit-learn estimators: for pipelines and grid search."""

from aegean.sklearn.anomalies import AnomalyDetector
from aegean.sklearn.generative import GenerativeModel
from aegean.sklearn.transformer import AutoencoderTransformer

__all__ = ["AnomalyDetector", "AutoencoderTransformer", "GenerativeModel"]
