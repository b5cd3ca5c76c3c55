"""The training of feature networks: small, on the CPU, the same every time.

They are apart from the networks that users train: a metric must not change when a model's blocks do.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Generator, Tensor, nn
from tqdm import tqdm

from aegean.metrics.kinds import WIDTH, Augmentation

BATCH = 128

Samples = Callable[[Tensor], Tensor]  # indices (m,) of training samples -> model values (m, *shape)
Trunk = Callable[[], nn.Module]  # makes one, its weights drawn from torch's default generator


def train_steps(count: int) -> int:
    """Steps of 128 samples for a training part of `count`: 30 epochs, between 300 and 1,200 steps."""
    return min(max(30 * count // BATCH, 300), 1200)


def train_classifier(
    trunk: Trunk, samples: Samples, labels: Tensor, classes: int, augment: Augmentation
) -> nn.Sequential:
    """A trunk and a linear layer to `classes` logits, trained on labels (n,) by cross-entropy; in eval mode.

    Its samples are augmented a little: held-out accuracy is what a reader trusts it by.
    """
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(0)
        network = nn.Sequential(trunk(), nn.Linear(WIDTH, classes))

    def loss(index: Tensor, g: Generator) -> Tensor:
        return F.cross_entropy(network(augment(samples(index), g)), labels[index])

    return _train(network, loss, len(labels), "training a classifier to measure with")


def train_contrastive(
    trunk: Trunk,
    samples: Samples,
    count: int,
    view: Augmentation,
    steps: int = 0,
    what: str = "training an encoder to measure with",
) -> nn.Module:
    """A trunk trained on `count` samples without labels, in eval mode.

    SimCLR, Chen et al. 2020, section 2: two views of each sample should find each other among all others.

    trunk, samples, count, view: as above
    steps: of training, 0: as many as suit the samples
    what: the words of a bar, "" for none
    """
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(0)
        body = trunk()
        network = nn.Sequential(body, nn.Linear(WIDTH, WIDTH), nn.ReLU(), nn.Linear(WIDTH, WIDTH))

    def loss(index: Tensor, g: Generator) -> Tensor:
        x = samples(index)
        return contrastive_loss(network(torch.cat([view(x, g), view(x, g)])))

    _train(network, loss, count, what, steps)
    return body


def contrastive_loss(z: Tensor, temperature: float = 0.2) -> Tensor:
    """NT-Xent of projections z (2n, d), rows i and i + n two views of a sample; Chen et al. 2020, eq. 1."""
    z = F.normalize(z, dim=1)
    similarity = (z @ z.T / temperature).fill_diagonal_(-math.inf)
    return F.cross_entropy(similarity, torch.arange(len(z)).roll(len(z) // 2))


def _train(network: nn.Module, loss: Callable[[Tensor, Generator], Tensor], count: int, what: str, steps: int = 0):
    """AdamW under one cosine cycle, batches without replacement; every draw from a generator of its own."""
    g = Generator().manual_seed(1)
    steps = steps or train_steps(count)
    optimizer = torch.optim.AdamW(network.parameters(), weight_decay=0.01)
    rates = torch.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=4e-3, total_steps=steps + 1)
    order = torch.empty(0, dtype=torch.long)
    for _ in tqdm(range(steps), desc=what, unit="step", leave=False, disable=not what):
        if len(order) < min(BATCH, count):
            order = torch.randperm(count, generator=g)
        index, order = order[:BATCH], order[BATCH:]
        optimizer.zero_grad()
        loss(index, g).backward()
        optimizer.step()
        rates.step()
    return network.eval().requires_grad_(False)
