"""The networks whose features are measured, and their training: small, on the CPU, the same every time.

They are apart from the networks that users train: a metric must not change when a model's blocks do.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Generator, Tensor, nn
from tqdm import tqdm

WIDTH = 64  # numbers per sample that the trunks give
BATCH = 128

Batch = Callable[[Tensor], Tensor]  # indices (m,) of training samples -> model values (m, *shape)


def make_trunk(shape: tuple[int, ...]) -> nn.Sequential:
    """Samples (n, *shape) -> features (n, 64) >= 0: convolutions and a mean over positions, or an MLP."""
    return picture_trunk(shape) if len(shape) == 3 else table_trunk(shape[0])


def picture_trunk(shape: tuple[int, ...]) -> nn.Sequential:
    """The first convolution brings the shorter side to 16 pixels or fewer, so the cost is bounded."""
    stride = 2 ** max(0, math.ceil(math.log2(min(shape[1:]) / 16)))
    return nn.Sequential(
        convolution(shape[0], 32, 2 * stride + 1, stride),
        convolution(32, 64, 3, 2),
        convolution(64, 64, 3, 1),
        convolution(64, WIDTH, 3, 2),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
    )


def convolution(into: int, out: int, size: int, stride: int) -> nn.Sequential:
    conv = nn.Conv2d(into, out, size, stride, padding=size // 2, bias=False)
    return nn.Sequential(conv, nn.BatchNorm2d(out), nn.ReLU())


def table_trunk(columns: int) -> nn.Sequential:
    return nn.Sequential(nn.Linear(columns, 128), nn.ReLU(), nn.Linear(128, WIDTH), nn.ReLU())


def train_steps(count: int) -> int:
    """Steps of 128 samples for a training part of `count`: 30 epochs, between 300 and 1,200 steps."""
    return min(max(30 * count // BATCH, 300), 1200)


def train_classifier(shape: tuple[int, ...], batch: Batch, labels: Tensor, classes: int) -> nn.Sequential:
    """A trunk and a linear layer to `classes` logits, trained on labels (n,) by cross-entropy; in eval mode.

    Pictures are shifted and scaled by a little (a tenth): held-out accuracy is what a reader trusts it by.
    """
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(0)
        network = nn.Sequential(make_trunk(shape), nn.Linear(WIDTH, classes))

    def loss(index: Tensor, g: Generator) -> Tensor:
        x = batch(index)
        x = placed(x, g, zoom=0.1, shift=0.1) if len(shape) == 3 else x
        return F.cross_entropy(network(x), labels[index])

    return _train(network, loss, len(labels), "training a classifier to measure with")


def train_contrastive(shape: tuple[int, ...], batch: Batch, count: int) -> nn.Module:
    """A trunk trained on `count` pictures without labels, in eval mode.

    SimCLR, Chen et al. 2020, section 2: two views of each picture should find each other among all others.
    """
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(0)
        trunk = make_trunk(shape)
        network = nn.Sequential(trunk, nn.Linear(WIDTH, WIDTH), nn.ReLU(), nn.Linear(WIDTH, WIDTH))

    def loss(index: Tensor, g: Generator) -> Tensor:
        x = batch(index)
        return contrastive_loss(network(torch.cat([view(x, g), view(x, g)])))

    _train(network, loss, count, "training an encoder to measure with")
    return trunk


def contrastive_loss(z: Tensor, temperature: float = 0.2) -> Tensor:
    """NT-Xent of projections z (2n, d), rows i and i + n two views of a sample; Chen et al. 2020, eq. 1."""
    z = F.normalize(z, dim=1)
    similarity = (z @ z.T / temperature).fill_diagonal_(-math.inf)
    return F.cross_entropy(similarity, torch.arange(len(z)).roll(len(z) // 2))


def view(x: Tensor, g: Generator) -> Tensor:
    """A random view of pictures (n, c, h, w): placed, brightness, contrast, a hole, noise. Never mirrored."""
    n, _, height, width = x.shape
    x = placed(x, g, zoom=0.3, shift=0.3)
    contrast = 1 + 0.4 * _uniform(g, n, 1, 1, 1)
    x = x * contrast + 0.3 * _uniform(g, n, 1, 1, 1)
    rows = (torch.linspace(-1, 1, height) - _uniform(g, n, 1)).abs() < 0.35
    columns = (torch.linspace(-1, 1, width) - _uniform(g, n, 1)).abs() < 0.35
    x = x.masked_fill((rows[:, :, None] & columns[:, None, :])[:, None], 0.0)
    return x + 0.1 * torch.randn(x.shape, generator=g)


def placed(x: Tensor, g: Generator, zoom: float, shift: float) -> Tensor:
    """Pictures scaled by exp(+-zoom) and moved by +-shift of half their side; the border is repeated."""
    n = len(x)
    theta = torch.zeros(n, 2, 3)
    theta[:, 0, 0] = theta[:, 1, 1] = (zoom * _uniform(g, n)).exp()
    theta[:, :, 2] = shift * _uniform(g, n, 2)
    grid = F.affine_grid(theta, list(x.shape), align_corners=False)
    return F.grid_sample(x, grid, padding_mode="border", align_corners=False)


def _uniform(g: Generator, *shape: int) -> Tensor:
    """Uniform in [-1, 1]."""
    return 2 * torch.rand(shape, generator=g) - 1


def _train(network: nn.Module, loss: Callable[[Tensor, Generator], Tensor], count: int, what: str):
    """AdamW under one cosine cycle, batches without replacement; every draw from a generator of its own."""
    g = Generator().manual_seed(1)
    steps = train_steps(count)
    optimizer = torch.optim.AdamW(network.parameters(), weight_decay=0.01)
    rates = torch.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=4e-3, total_steps=steps + 1)
    order = torch.empty(0, dtype=torch.long)
    for _ in tqdm(range(steps), desc=what, unit="step", leave=False):
        if len(order) < min(BATCH, count):
            order = torch.randperm(count, generator=g)
        index, order = order[:BATCH], order[BATCH:]
        optimizer.zero_grad()
        loss(index, g).backward()
        optimizer.step()
        rates.step()
    return network.eval().requires_grad_(False)
