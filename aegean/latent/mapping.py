"""A mapping network from plain noise to latents, trained as a GAN on the latents themselves."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.optim import Adam, Optimizer
from torch.optim.lr_scheduler import CosineAnnealingLR
from tqdm import trange

from aegean import draw
from aegean.config import UserError, network
from aegean.latent.whitening import moments, whitened
from aegean.nets.blocks import DEEPEST, SLOPE, he_, one_hot

STEPS = 2_000
BATCH = 256
JUDGE = (128, 128, 128)  # widths of the discriminator
RATE = 1e-3  # falls to a tenth along a cosine
GAMMA = 1.0  # weight of R1 and R2
DECAY = 0.995  # a step, of the average that is kept


@network
class MappingPrior(nn.Module):
    """z = mean + L (n + f(n, label)), with a dense network f of hidden `widths` that is zero when it is made. So it
    begins as N(0, 1), and `fit` begins at the Gaussian with the latents' mean and covariance L L^T.

    A GAN in the latents of an autoencoder: Engel et al. 2018. Of the noise, `normal` (B, latent) alone is used.
    """

    mean: Tensor
    factor: Tensor

    def __init__(self, latent: int, classes: int = 0, widths: Sequence[int] = (128, 128, 128)):
        super().__init__()
        assert 0 < len(widths) <= DEEPEST
        self.latent, self.classes, self.widths = latent, classes, tuple(widths)
        self.move = still(latent, classes, widths)
        self.register_buffer("mean", torch.zeros(latent))
        self.register_buffer("factor", torch.eye(latent))

    def forward(self, normal: Tensor, uniform: Tensor, labels: Tensor | None = None) -> Tensor:
        return self.mean + moved(self.move, normal, labels, self.classes) @ self.factor.T

    def fit(self, z: Tensor, labels: Tensor | None = None) -> None:
        """Train anew on latents z (n, latent), with labels (n,) where the prior has classes: some 20 s on one core,
        and the same for the same latents. UserError: fewer than two latents, latents that are not finite, or a
        training that diverged; the prior is then what it was."""
        mean, factor = moments(z)
        device = self.mean.device
        real = whitened(z.detach().double().cpu(), mean, factor).float().to(device)
        move = trained(
            real, labels.to(device) if self.classes and labels is not None else None, self.widths, self.classes
        )
        self.move.load_state_dict(move.state_dict())
        self.mean.copy_(mean)
        self.factor.copy_(factor)


def dense(inputs: int, widths: Sequence[int], outputs: int) -> nn.Sequential:
    """(B, inputs) -> (B, outputs), leaky ReLUs between its layers."""
    sizes = (inputs, *widths)
    hidden = [layer for a, b in pairwise(sizes) for layer in (he_(nn.Linear(a, b)), nn.LeakyReLU(SLOPE))]
    return nn.Sequential(*hidden, he_(nn.Linear(sizes[-1], outputs)))


def still(latent: int, classes: int, widths: Sequence[int]) -> nn.Sequential:
    """A network of moves that moves nothing yet."""
    net = dense(latent + classes, widths, latent)
    nn.init.zeros_(net[-1].weight)  # type: ignore[arg-type]
    return net


def beside(values: Tensor, labels: Tensor | None, classes: int) -> Tensor:
    """values (B, d), and the class as numbers beside them where there are classes: (B, d + classes)."""
    return torch.cat((values, one_hot(labels, classes, values)), 1) if classes else values


def moved(move: nn.Module, normal: Tensor, labels: Tensor | None, classes: int) -> Tensor:
    """Noise (B, latent) -> white latents (B, latent)."""
    return normal + move(beside(normal, labels, classes))


@torch.enable_grad()
def trained(real: Tensor, labels: Tensor | None, widths: Sequence[int], classes: int) -> nn.Sequential:
    """The network of moves after a GAN against white latents real (n, latent), with labels (n,): its average.

    Relativistic loss with R1 and R2 at every step (Huang et al. 2024, eq. 2 and 3); a real and a generated latent make
    a pair, of one class. Every draw is a function of the step. UserError: the weights are no longer finite.
    """
    latent = real.shape[1]
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(draw.key(0, "mapping", "init") % 2**63)
        move, judge = still(latent, classes, widths), dense(latent + classes, JUDGE, 1)
    move, judge = move.to(real.device), judge.to(real.device)
    average = copy.deepcopy(move)
    players = [Adam(net.parameters(), RATE, betas=(0.0, 0.99)) for net in (judge, move)]
    rates = [CosineAnnealingLR(player, STEPS, RATE / 10) for player in players]
    for step in trange(STEPS, desc="fitting the mapping network", unit="step", leave=False, disable=None):
        x, normal, y = pairs(real, labels, 2 * step)
        fake = moved(move, normal, y, classes).detach()
        update(players[0], judge_loss(judge, x, fake, y, classes))
        x, normal, y = pairs(real, labels, 2 * step + 1)
        fake = moved(move, normal, y, classes)
        update(players[1], F.softplus(judge(beside(x, y, classes)) - judge(beside(fake, y, classes))).mean())
        for rate in rates:
            rate.step()
        with torch.no_grad():
            for kept, new in zip(average.parameters(), move.parameters()):
                kept.lerp_(new, 1 - DECAY)
    if not all(p.isfinite().all() for p in average.parameters()):
        raise UserError("The mapping network's training diverged on these latents; fit a mixture instead.")
    return average


def pairs(real: Tensor, labels: Tensor | None, number: int) -> tuple[Tensor, Tensor, Tensor | None]:
    """Batch `number`: white latents of data (BATCH, latent), noise (BATCH, latent), the labels of both."""
    index = torch.arange(number * BATCH, (number + 1) * BATCH, device=real.device)
    row = draw.bits(draw.key(0, "mapping", "row"), index, 1)[:, 0] % len(real)
    normal = draw.normal(draw.key(0, "mapping", "normal"), index, (real.shape[1],))
    return real[row], normal, None if labels is None else labels[row]


def judge_loss(judge: nn.Module, real: Tensor, fake: Tensor, labels: Tensor | None, classes: int) -> Tensor:
    """The mean over pairs of softplus(D(fake) - D(real)) + gamma / 2 (|grad D(real)|^2 + |grad D(fake)|^2)."""
    real, fake = real.requires_grad_(), fake.requires_grad_()
    on_real, on_fake = (judge(beside(values, labels, classes)) for values in (real, fake))
    slopes = torch.autograd.grad(on_real.sum() + on_fake.sum(), (real, fake), create_graph=True)
    squares = sum(slope.square().sum(1) for slope in slopes)
    return (F.softplus(on_fake - on_real)[:, 0] + GAMMA / 2 * squares).mean()


def update(player: Optimizer, loss: Tensor) -> None:
    """One step downhill; gradients that reached others on the way are forgotten at their own step."""
    player.zero_grad()
    loss.backward()
    player.step()
