"""Digits as a small data set, and a model that needs no training."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch
from sklearn.datasets import load_digits

from aegean.data.info import DataInfo


@pytest.fixture(scope="session")
def digits(tmp_path_factory):
    """1,400 training and 397 test digits, as aegean.data.Dataset gives them."""
    x, y = load_digits(return_X_y=True)
    x, y = np.rint(x * 255 / 16).astype(np.uint8).reshape(-1, 1, 8, 8), y.astype(np.int64)
    order = np.random.default_rng(0).permutation(len(x))
    train, test = order[397:], order[:397]
    info = DataInfo(
        name="digits",
        shape=(1, 8, 8),
        offset=(127.5,),
        scale=(127.5,),
        count=len(train),
        test_count=len(test),
        classes=tuple("0123456789"),
        class_counts=tuple(int(c) for c in np.bincount(y[train])),
        fingerprint="f" * 64,
    )
    return SimpleNamespace(
        info=info,
        train=x[train],
        test=x[test],
        train_labels=y[train],
        test_labels=y[test],
        folder=tmp_path_factory.mktemp("digits"),
    )


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

    def reconstruct(self, x, labels=None):
        return self._noisy(x, 0)

    def score(self, x, labels=None):
        return x.flatten(1).sum(1)

    def encode(self, x, labels=None):
        return x.flatten(1)[:, :5]


@pytest.fixture(scope="session")
def copier():
    return Copier
