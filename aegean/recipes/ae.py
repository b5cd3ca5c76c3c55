"""Autoencoders: reconstruction and nothing else."""

from __future__ import annotations

from typing import Literal

from aegean.config import Net, UserError, net
from aegean.data.info import DataInfo
from aegean.nets.kinds import kind_of
from aegean.objectives import AbsoluteError, BernoulliBits, ColumnBits, GaussianBits, SquaredError, Term, TokenBits
from aegean.recipes.architecture import (
    beside_components,
    bottleneck,
    class_count,
    decoder,
    encoder,
    latent_size,
    learning_rate,
)
from aegean.recipes.groups import AUTOENCODING, Budget, Build
from aegean.recipes.registry import recipe
from aegean.recipes.turns import autoencoder_turn
from aegean.training.schedule import Phase, Run

Error = Literal["squared", "absolute", "bernoulli", "gaussian"]
ERRORS: dict[str, type[Term]] = {
    "squared": SquaredError,
    "absolute": AbsoluteError,
    "bernoulli": BernoulliBits,
    "gaussian": GaussianBits,
    "columns": ColumnBits,
    "tokens": TokenBits,
}
AUTOENCODER = ("E", "bottleneck", "G")


def error_of(data: DataInfo, error: str) -> str:
    """The error that was chosen; of mixed columns and of texts there is one alone."""
    return "columns" if data.table else kind_of(data).error or error


def output(error: str) -> str:
    """The decoder's output that an error is meant for."""
    return {"bernoulli": "logits", "tokens": "tokens"}.get(error, "linear")


def autoencoder_nets(
    data: DataInfo,
    build: Build,
    kind: str = "identity",
    error: str = "squared",
    classes: int = 0,
    principal: bool = False,
) -> dict[str, Net]:
    """E, bottleneck and G, and of texts what blanks tokens in training.

    kind: of the bottleneck, a name in BOTTLENECKS
    error: a name in ERRORS, which the decoder's output fits
    classes: of a conditional model; 0: it is told none
    principal: beside the principal components of the data, which are to be fitted
    """
    if error == "bernoulli" and data.columns and len(data.scale) == len(data.columns):
        raise UserError(
            f"bernoulli takes values for probabilities, but the columns of {data.name!r} are standardised: use "
            "gaussian (or, as an error, squared or absolute)."
        )
    E, G = encoder(data, build), decoder(data, build, classes, output(error_of(data, error)))
    if principal:
        E, G = beside_components(data, E, G)
    nets = {"E": E, "bottleneck": bottleneck(kind, E, latent_size(data, build), classes), "G": G}
    if not data.vocabulary:
        return nets
    if kind == "gaussian":  # its likelihood is drawn from; a plain one says what is likeliest
        nets["G"] = G.replace(args={**G.args, "heat": 1.0})
    return nets | {"corruption": net("Blanks", share=0.0, blank=len(data.vocabulary))}


@recipe
def ae(
    data: DataInfo,
    *,
    error: Error = "squared",
    exchanged: float = 0.8,
    build: Build = Build(),
    budget: Budget = AUTOENCODING,
) -> Run:
    """A plain autoencoder: an encoder, one linear layer to the latent, a decoder. Of texts the decoder also sees the
    tokens before each, and most are learnt with other tokens in some places: so any text comes back, and what lies
    between two of them means less (`denoising_ae` is for that).

    Paper: Hinton and Salakhutdinov 2006. It reconstructs and encodes; to sample, fit a prior afterwards
    (`aegean fit RUN --prior mixture`). Expected: digits, 40,000 images, 14 s on two cores: psnr@test:397 23.1 dB.

    error: distance of a reconstruction to its data; bernoulli and gaussian are minus log likelihoods; of mixed columns
        and of texts it is their cross-entropy in any case
    exchanged: share of the texts that are learnt with other tokens in some places
    """
    nets = autoencoder_nets(data, build, error=error, classes=class_count(data, build))
    if data.vocabulary:
        nets["corruption"] = net("Blanks", share=0.0, blank=len(data.vocabulary), exchanged=exchanged)
    turn = autoencoder_turn(ERRORS[error_of(data, error)](trains=AUTOENCODER), lr=learning_rate(data, budget))
    phase = Phase("autoencoder", budget.images, (turn,), averages=AUTOENCODER)
    return Run(nets, (phase,), budget.batch, wiring=kind_of(data).wiring)


@recipe
def denoising_ae(
    data: DataInfo,
    *,
    sigma: float = 0.3,
    blanked: float = 0.1,
    error: Error = "squared",
    build: Build = Build(),
    budget: Budget = AUTOENCODING,
) -> Run:
    """An autoencoder that restores its data from copies with Gaussian noise, or texts from copies with words blanked.

    Papers: Vincent et al. 2008; Shen et al. 2020 (texts: sentences that are alike get latents that are near). Noise is
    added in training only. Expected: digits, 40,000 images, 10 s on two cores: psnr@test:397 21.4 dB on clean pictures.

    sigma: standard deviation of the noise; the values of pictures lie in [-1, 1], those of a table have deviation 1
    blanked: share of the tokens of a text that the encoder does not see
    error: distance of a reconstruction to its data; bernoulli and gaussian are minus log likelihoods
    """
    run = ae(data, error=error, build=build, budget=budget)
    if data.vocabulary:
        corruption = net("Blanks", share=blanked, blank=len(data.vocabulary))
    else:
        corruption = net("GaussianCorruption", sigma=sigma)
    return run.replace(nets={**run.nets, "corruption": corruption})
