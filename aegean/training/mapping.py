"""A mapping network fitted to latents: a run of its own, in which latents are the data and the prior draws them."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from aegean.config import net
from aegean.data.info import DataInfo
from aegean.latent import MappingPrior
from aegean.latent.whitening import moments, whitened
from aegean.objectives import DiscriminatorLoss, GeneratorLoss, GradientPenalty, Ramp
from aegean.training.schedule import Phase, Run, Turn

STEPS = 2_000
BATCH = 256
DISCRIMINATOR = (128, 128, 128)  # its widths
RATE = 1e-3  # falls to a tenth along a cosine
GAMMA = 1.0  # weight of R1 and R2
HALF_LIFE = 0.07  # of the average of weights, in parts of the run: 140 steps


def mapping_run(prior: MappingPrior) -> Run:
    """A GAN on white latents: relativistic loss, R1 and R2 at every step (Huang et al. 2024, eq. 2 and 3)."""
    latent, classes = prior.latent, prior.classes
    backbone = net("MLPEncoder", shape=(latent,), widths=DISCRIMINATOR)
    nets = {
        "prior": net("MappingPrior", latent=latent, classes=classes, widths=prior.widths),
        "Dz": net("Discriminator", backbone=backbone, classes=classes, bias=False),
    }
    real, fake = "data_z", "prior_z"
    rate = Ramp(RATE, RATE / 10, cosine=True)
    penalties = (GradientPenalty(trains=("Dz",), on=path, weight=GAMMA) for path in (real, fake))
    turns = (
        Turn("Dz", (DiscriminatorLoss(trains=("Dz",), real=real, fake=fake), *penalties), lr=rate),
        Turn("prior", (GeneratorLoss(trains=("prior",), real=real, fake=fake),), lr=rate),
    )
    phase = Phase("latents", STEPS * BATCH, turns, averages=("prior",), half_life=HALF_LIFE)
    return Run(nets, (phase,), BATCH, wiring="latents")


def latent_data(prior: MappingPrior, z: Tensor) -> tuple[DataInfo, np.ndarray, Tensor, Tensor]:
    """Latents z (n, latent) as a table of white columns: its description and rows; their mean (latent,) and factor
    (latent, latent), which the prior puts back. UserError: fewer than two latents, or some that are not finite."""
    mean, factor = moments(z)
    rows = whitened(z.detach().double().cpu(), mean, factor).float().numpy()
    classes = tuple(map(str, range(prior.classes)))
    info = DataInfo(
        "latents", (prior.latent,), (0.0,), (1.0,), dtype="float32", count=len(rows), classes=classes, kind="table"
    )
    return info, rows, mean, factor


@torch.no_grad()
def take_over(prior: MappingPrior, trained: MappingPrior, mean: Tensor, factor: Tensor) -> None:
    """The prior becomes the trained one, on latents of this mean and factor."""
    prior.move.load_state_dict(trained.move.state_dict())
    prior.mean.copy_(mean)
    prior.factor.copy_(factor)
