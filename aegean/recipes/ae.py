"""Autoencoders: reconstruction and nothing else."""

from __future__ import annotations

from typing import Literal

from aegean.config import Net, UserError, net
from aegean.data.info import DataInfo
from aegean.objectives import AbsoluteError, BernoulliBits, GaussianBits, SquaredError, Term
from aegean.recipes.architecture import Network, bottleneck, class_count, decoder, encoder, latent_size
from aegean.recipes.registry import recipe
from aegean.recipes.turns import autoencoder_turn
from aegean.training.schedule import Phase, Run

Error = Literal["squared", "absolute", "bernoulli", "gaussian"]
ERRORS: dict[str, type[Term]] = {
    "squared": SquaredError,
    "absolute": AbsoluteError,
    "bernoulli": BernoulliBits,
    "gaussian": GaussianBits,
}


def output(error: str) -> str:
    """The decoder's output that an error is meant for."""
    return "logits" if error == "bernoulli" else "linear"


def autoencoder_nets(
    data: DataInfo, kind: str, network: Network, width: int, latent: int, error: str, classes: int
) -> dict[str, Net]:
    if error == "bernoulli" and data.columns and len(data.scale) == len(data.columns):
        raise UserError(
            f"bernoulli takes values in [-1, 1] for probabilities; the columns of {data.name!r} are standardised and "
            "have no such range: use squared, absolute or gaussian."
        )
    size = latent_size(data, latent)
    E = encoder(data, network, width)
    return {
        "E": E,
        "bottleneck": bottleneck(kind, E, size, classes),
        "G": decoder(data, network, width, size, classes, output(error)),
    }


@recipe
def ae(
    data: DataInfo,
    *,
    error: Error = "squared",
    network: Network = "auto",
    width: int = 0,
    latent: int = 0,
    conditional: bool = False,
    lr: float = 1e-3,
    batch: int = 64,
    images: int = 100_000,
) -> Run:
    """A plain autoencoder: the encoder's latent, one linear layer, the decoder's picture.

    Paper: Hinton and Salakhutdinov 2006. It reconstructs and encodes; to sample, fit a prior afterwards
    (`aegean fit RUN --prior mixture`). Expected: digits, 40,000 images, 14 s on two cores: psnr@test:397 23.1 dB.
    """
    nets = autoencoder_nets(data, "identity", network, width, latent, error, class_count(data, conditional))
    turn = autoencoder_turn(ERRORS[error](trains=("E", "bottleneck", "G")), lr=lr)
    return Run(nets, (Phase("autoencoder", images, (turn,), averages=("E", "bottleneck", "G")),), batch)


@recipe
def denoising_ae(
    data: DataInfo,
    *,
    sigma: float = 0.3,
    error: Error = "squared",
    network: Network = "auto",
    width: int = 0,
    latent: int = 0,
    conditional: bool = False,
    lr: float = 1e-3,
    batch: int = 64,
    images: int = 100_000,
) -> Run:
    """An autoencoder that sees its data through Gaussian noise of standard deviation `sigma` and restores them.

    Paper: Vincent et al. 2008. Noise is added in training only. Expected: digits, 40,000 images, 10 s on two cores:
    psnr@test:397 21.4 dB on clean pictures.
    """
    run = ae(
        data,
        error=error,
        network=network,
        width=width,
        latent=latent,
        conditional=conditional,
        lr=lr,
        batch=batch,
        images=images,
    )
    return run.replace(nets={**run.nets, "corruption": net("GaussianCorruption", sigma=sigma)})
