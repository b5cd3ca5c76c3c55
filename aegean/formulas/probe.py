"""How much of the classes a linear map finds in features (Alain and Bengio 2016)."""

from __future__ import annotations

import warnings

import numpy as np

from aegean.config import UserError
from aegean.formulas.features import as_features


def probe_accuracy(train: np.ndarray, classes: np.ndarray, test: np.ndarray, truth: np.ndarray) -> float:
    """Accuracy on test features (m, d) with truth (m,) of a logistic regression trained on train features (n, d) with
    classes (n,) int, both standardised by the training features. UserError: one class only."""
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.linear_model import LogisticRegression

    train, test = as_features(train, test)
    if len(np.unique(classes)) < 2:
        raise UserError("A probe needs samples of two classes at least; give labelled data.")
    mean, deviation = train.mean(0), train.std(0)
    still = deviation <= 1e-8 * np.abs(mean)  # says nothing
    scale = 1 / np.where(still, np.inf, deviation)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        probe = LogisticRegression(max_iter=200).fit((train - mean) * scale, classes)
    return float(probe.score((test - mean) * scale, truth))
