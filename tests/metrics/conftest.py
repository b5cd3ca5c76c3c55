"""Digits as a small data set, and a model that needs no training."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch

from aegean.data import open_data


@pytest.fixture(scope="session")
def digits():
    """1,400 training and 397 test digits; their feature network is the one that all tests share."""
    return SimpleNamespace(**vars(open_data("digits")))


@pytest.fixture(scope="session")
def features(digits):
    from aegean.metrics.features import feature_network
    from aegean.surface import muted

    with muted():
        return feature_network(digits)


class Copier:
    """Samples training digits with noise, reconstructs with noise; `verbs` says what it can do."""

    conditional = False

    def __init__(self, dataset, noise=0.0, verbs=("sample", "reconstruct"), only=None):
        self.info, self.verbs, self.noise = dataset.info, list(verbs), noise
        keep = slice(None) if only is None else np.isin(dataset.train_labels, only)
        self.x = dataset.info.normalise(dataset.train[keep])
        self.y = torch.from_numpy(dataset.train_labels[keep])

    def can(self):
        return self.verbs

    def _noisy(self, x, seed):
        return x + self.noise * torch.randn(x.shape, generator=torch.Generator().manual_seed(seed))

    def sample(self, n, seed=0, labels=None):
        g = torch.Generator().manual_seed(seed)
        if labels is None:
            return self._noisy(self.x[torch.randint(len(self.x), (n,), generator=g)], seed)
        chosen = [torch.nonzero(self.y == c)[:, 0] for c in labels]
        return self.x[torch.stack([c[torch.randint(len(c), (), generator=g)] for c in chosen])]

    def sample_labels(self, n, seed=0, start=0):
        return torch.arange(start, start + n) % len(self.info.classes)

    def reconstruct(self, x, labels=None):
        return self._noisy(x, 0)

    def score(self, x, labels=None):
        return x.flatten(1).sum(1)

    def encode(self, x, labels=None):
        return x.flatten(1)[:, :5]


@pytest.fixture(scope="session")
def copier():
    return Copier
