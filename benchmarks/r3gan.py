"""Networks of R3GAN's shapes (Huang et al. 2024, section 4 and appendix), and a run that trains them.

Residual blocks of a 1x1, a grouped 3x3 and a 1x1 convolution, blurred resampling, a learned 4x4 basis; the encoder
mirrors the decoder. On CIFAR-10: width 768, two blocks a stage, groups of 16 channels, 20.7M parameters each. One
difference: the package's `Discriminator` puts a leaky ReLU between the last basis and the logit.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from aegean.config import net, network
from aegean.latent import NormalPrior
from aegean.nets import Discriminator
from aegean.nets.blocks import Down, act, he_, upsample
from aegean.objectives import Ramp
from aegean.recipes.groups import Adversary
from aegean.recipes.turns import discriminator_turn, generator_turn
from aegean.training.schedule import Phase, Run

LATENT = 64
BASIS = 4  # side of the smallest stage
GROUP = 16  # channels


class Block(nn.Module):
    """x + conv1(act(conv3(act(conv1(x))))): C -> 2C -> 2C in groups -> C. The last layer starts at zero, the others
    are scaled by depth^(-1/4), where `depth` is the number of blocks of the network."""

    def __init__(self, width: int, depth: int):
        super().__init__()
        wide, gain = 2 * width, depth**-0.25
        self.first = he_(nn.Conv2d(width, wide, 1), gain)
        self.middle = he_(nn.Conv2d(wide, wide, 3, padding=1, groups=wide // GROUP), gain)
        self.last = he_(nn.Conv2d(wide, width, 1, bias=False), 0.0)

    def forward(self, x: Tensor) -> Tensor:
        return x + self.last(act(self.middle(act(self.first(x)))))


def stage_sizes(shape: Sequence[int]) -> list[int]:
    """Sides of the stages, the data's first: halved down to the basis."""
    side, found = shape[1], [shape[1]]
    while side > BASIS:
        side //= 2
        found.append(side)
    assert side == BASIS and shape[1] == shape[2], f"pictures of 4 * 2^k pixels a side, not {tuple(shape)}"
    return found


def stages(width: int, count: int, blocks: int) -> nn.ModuleList:
    return nn.ModuleList(nn.Sequential(*(Block(width, count * blocks) for _ in range(blocks))) for _ in range(count))


@network
class GroupedEncoder(nn.Module):
    """Pictures (B, C, S, S) -> a tuple of levels, nearest the data first: (B, width, S / 2^i, S / 2^i), and last what
    the basis leaves of the smallest: (B, width, 1, 1)."""

    def __init__(self, shape: Sequence[int], width: int, blocks: int = 2):
        super().__init__()
        sizes = stage_sizes(shape)
        self.levels = [*((width, s, s) for s in sizes), (width, 1, 1)]
        self.stem = he_(nn.Conv2d(shape[0], width, 1, bias=False))
        self.stages = stages(width, len(sizes), blocks)
        self.downs = nn.ModuleList(Down(width) for _ in sizes[1:])
        self.basis = he_(nn.Conv2d(width, width, BASIS, groups=width, bias=False))

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        h = self.stem(x.contiguous(memory_format=torch.channels_last))
        levels = [self.stages[0](h)]
        for down, stage in zip(self.downs, list(self.stages)[1:]):
            levels.append(stage(down(levels[-1])))
        return (*levels, self.basis(levels[-1]))


@network
class GroupedDecoder(nn.Module):
    """Latents (B, latent) -> pictures (B, C, S, S)."""

    def __init__(self, shape: Sequence[int], latent: int, width: int, blocks: int = 2):
        super().__init__()
        self.latent, self.classes = latent, 0
        self.sizes = stage_sizes(shape)
        self.basis = nn.Parameter(torch.randn(width, BASIS, BASIS))
        self.stem = he_(nn.Linear(latent, width, bias=False))
        self.stages = stages(width, len(self.sizes), blocks)
        self.last = he_(nn.Conv2d(width, shape[0], 1, bias=False))

    def forward(self, z: Tensor, labels: Tensor | None = None) -> Tensor:
        h = (self.stem(z)[:, :, None, None] * self.basis).contiguous(memory_format=torch.channels_last)
        for size, stage in zip(reversed(self.sizes), reversed(self.stages)):  # type: ignore[call-overload]
            h = stage(h if h.shape[-1] == size else upsample(h, (size, size)))
        return self.last(h)

    def mean(self, raw: Tensor) -> Tensor:
        return raw


def r3gan(shape: Sequence[int], width: int, blocks: int, batch: int, images: int, gamma: float = 0.05) -> Run:
    """The relativistic loss with R1 and R2 on networks of R3GAN's shapes."""
    rate = Ramp(2e-4, 5e-5, cosine=True)
    backbone = net(GroupedEncoder, shape=shape, width=width, blocks=blocks)
    nets = {
        "prior": net(NormalPrior, latent=LATENT),
        "G": net(GroupedDecoder, shape=shape, latent=LATENT, width=width, blocks=blocks),
        "D": net(Discriminator, backbone=backbone, bias=False),
    }
    turns = (discriminator_turn(Adversary(gamma=gamma), rate), generator_turn("relativistic", rate))
    return Run(nets, (Phase("adversarial", images, turns, averages=("G",)),), batch)
