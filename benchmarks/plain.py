"""Training loops by hand, of the same networks and losses as the package's: what it is measured against.

Two manners. As people write them: samples in float32, gradients of gradients through `torch.autograd.grad` at all
samples, the default Adam, averages in a Python loop, the losses of every step logged with `.item()`. And `careful`:
samples kept as bytes where they are used, channels last, penalties at as many samples as the run takes them, the fused
Adam, averages in one operation, losses kept on the device.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset

from aegean.latent.names import NATS_TO_BITS
from aegean.training.schedule import Run
from aegean.training.trainer import build

KEEP = 0.999  # of an average, each step
Nets = dict[str, Any]  # modules, called by their own names for what they hold


def loop(run: Run, raw: np.ndarray, device: torch.device, careful: bool) -> Callable[[], None]:
    """The step of a run's GAN or VAE on its data: raw (n, *shape) uint8, seen in [-1, 1]."""
    nets: Nets = {name: net.to(device) for name, net in build(run).items()}
    samples = torch.from_numpy(raw)
    if careful:
        nets = {name: net.to(memory_format=torch.channels_last) for name, net in nets.items()}
        batches = shuffled(samples.to(device), run.batch)
    elif "D" in nets:
        batches = drawn((samples.float() / 127.5 - 1).to(device), run.batch)
    else:
        batches = loaded(samples.float() / 127.5 - 1, run.batch, device)
    if "D" in nets:
        penalty: Any = run.schedule[0].turns[0].terms[1]
        return gan(nets, batches, run.batch, penalty.weight, penalty.every if careful else 1, careful)
    return vae(nets, batches, careful)


# batches


def drawn(data: Tensor, batch: int) -> Iterator[Tensor]:
    """Random samples of data (n, ...) in model values that lie on the device."""
    while True:
        yield data[torch.randint(len(data), (batch,), device=data.device)]


def loaded(data: Tensor, batch: int, device: torch.device) -> Iterator[Tensor]:
    """From a DataLoader with its usual settings: on a GPU four workers and pinned memory."""
    workers = {"num_workers": 4, "pin_memory": True, "persistent_workers": True} if device.type == "cuda" else {}
    loader = DataLoader(TensorDataset(data), batch, shuffle=True, drop_last=True, **workers)  # type: ignore[arg-type]
    while True:
        for (x,) in loader:
            yield x.to(device, non_blocking=True)


def shuffled(raw: Tensor, batch: int) -> Iterator[Tensor]:
    """From bytes (n, ...) that lie on the device, a permutation an epoch."""
    while True:
        for rows in torch.randperm(len(raw), device=raw.device).split(batch):
            if len(rows) == batch:
                yield raw[rows].float() / 127.5 - 1


# steps


def gan(
    nets: Nets, batches: Iterator[Tensor], batch: int, gamma: float, every: int, careful: bool
) -> Callable[[], None]:
    """A discriminator's and a generator's turn: relativistic loss, R1 and R2 (Huang et al. 2024, eq. 2), the penalties
    at every so many samples."""
    G, D = nets["G"], nets["D"]
    average = copy.deepcopy(G).requires_grad_(False)
    adam_d, adam_g = (adam(net.parameters(), (0.0, 0.99), careful) for net in (D, G))
    device = next(G.parameters()).device
    nothing = torch.zeros(batch, 0, device=device)
    log = Log(careful)

    def judge(x: Tensor) -> Tensor:
        return D(x, nothing).logits[0]

    def sample() -> Tensor:
        return G(torch.randn(batch, G.latent, device=device))

    def penalised(x: Tensor) -> tuple[Tensor, Tensor]:
        """Logits of x (B,), and the squared gradients of the first of them."""
        some = x[: batch // every].requires_grad_()
        logits = judge(some)
        others = [judge(x[batch // every :])] if every > 1 else []
        return torch.cat([logits, *others]), squared_gradient(logits, some)

    def step() -> None:
        with torch.no_grad():
            fake = sample()
        D.requires_grad_(True)
        (on_real, r1), (on_fake, r2) = penalised(next(batches)), penalised(fake)
        loss_d = F.softplus(on_fake - on_real).mean() + gamma / 2 * (r1.mean() + r2.mean())
        adam_d.zero_grad()
        loss_d.backward()
        adam_d.step()
        D.requires_grad_(False)
        loss_g = F.softplus(judge(next(batches)) - judge(sample())).mean()
        adam_g.zero_grad()
        loss_g.backward()
        adam_g.step()
        follow(average, G, careful)
        log(loss_d, r1.mean(), r2.mean(), loss_g)

    return step


def vae(nets: Nets, batches: Iterator[Tensor], careful: bool) -> Callable[[], None]:
    """Minus the evidence bound of a Gaussian likelihood with a learned variance (Rybkin et al. 2021), in bits."""
    E, bottleneck, G = (nets[name] for name in ("E", "bottleneck", "G"))
    whole = nn.ModuleList((E, bottleneck, G))
    average = copy.deepcopy(whole).requires_grad_(False)
    optimizer = adam(whole.parameters(), (0.9, 0.999), careful)
    log = Log(careful)

    def step() -> None:
        x = next(batches)
        noise = torch.randn(len(x), G.latent, device=x.device)
        latent = bottleneck(E(x)[-1], noise)
        log_variance = G.log_variance()
        nats = 0.5 * ((G(latent.z) - x).square() / log_variance.exp() + log_variance + math.log(2 * math.pi))
        distortion, rate = nats.flatten(1).sum(1).mean() * NATS_TO_BITS, latent.rate.mean()
        optimizer.zero_grad()
        (distortion + rate).backward()
        optimizer.step()
        follow(average, whole, careful)
        log(distortion, rate)

    return step


# pieces


def squared_gradient(logits: Tensor, x: Tensor) -> Tensor:
    """|grad_x D(x)|^2 of each sample (B,), with a graph for its own gradient."""
    (slope,) = torch.autograd.grad(logits.sum(), x, create_graph=True)
    return slope.square().flatten(1).sum(1)


def adam(params: Any, betas: tuple[float, float], careful: bool) -> torch.optim.Adam:
    return torch.optim.Adam(params, lr=2e-4, betas=betas, fused=True if careful else None)


@torch.no_grad()
def follow(average: nn.Module, net: nn.Module, careful: bool) -> None:
    """Move an average of the weights towards them."""
    if careful:
        torch._foreach_lerp_(list(average.parameters()), list(net.parameters()), 1 - KEEP)
    else:
        for kept, now in zip(average.parameters(), net.parameters()):
            kept.mul_(KEEP).add_(now, alpha=1 - KEEP)


class Log:
    """The losses so far: a number of every step, or `careful`: their sums, on the device."""

    def __init__(self, careful: bool):
        self.careful = careful
        self.lines: list[list[float]] = []
        self.sums: Any = 0.0

    def __call__(self, *losses: Tensor) -> None:
        if self.careful:
            self.sums = self.sums + torch.stack([loss.detach() for loss in losses])
        else:
            self.lines.append([loss.item() for loss in losses])
