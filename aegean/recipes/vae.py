"""Variational autoencoders."""

from __future__ import annotations

from typing import Literal, cast

from aegean.config import Net, UserError, net
from aegean.data.column import trained
from aegean.data.info import DataInfo
from aegean.nets.kinds import kind_of
from aegean.objectives import Rate, Term
from aegean.recipes.ae import AUTOENCODER, ERRORS, autoencoder_nets, error_of
from aegean.recipes.architecture import class_count, latent_size, learning_rate
from aegean.recipes.architecture import prior as new_prior
from aegean.recipes.groups import AUTOENCODING, Budget, Build
from aegean.recipes.registry import recipe
from aegean.recipes.turns import autoencoder_turn
from aegean.surface import option
from aegean.training.schedule import Fit, Phase, Run

Likelihood = Literal["gaussian", "bernoulli"]
Prior = Literal["auto", "normal", "mixture"]
CHOICES_BETA = 0.3  # of tables of mixed columns (docs/tables.md) and of texts (docs/text.md)
SETTLING = 0.1  # of the images, that the decoder learns on alone once the mixture is fitted
Either = Literal["auto", "gaussian", "bernoulli"]


def evidence_terms(likelihood: str, beta: float = 1.0) -> tuple[Term, Term]:
    """Minus the evidence bound in bits (Kingma and Welling 2013, eq. 3), its rate weighted by beta."""
    return ERRORS[likelihood](trains=AUTOENCODER), Rate(trains=("E", "bottleneck"), weight=beta)


def likelihood_of(data: DataInfo, likelihood: Either) -> Likelihood:
    """The likelihood that was chosen; "auto" is that of the kind of data: bernoulli for pictures, as in the papers on
    beta, gaussian for tables."""
    return cast(Likelihood, kind_of(data).likelihood) if likelihood == "auto" else likelihood


def rate_of(data: DataInfo, beta: float) -> float:
    """The weight that was chosen; 0: by the data."""
    return beta or (CHOICES_BETA if data.choices else 1.0)


@recipe
def vae(
    data: DataInfo,
    *,
    beta: float = 0.0,
    likelihood: Likelihood = "gaussian",
    prior: Prior = "auto",
    hidden: float = 0.15,
    build: Build = Build(),
    budget: Budget = AUTOENCODING,
) -> Run:
    """A variational autoencoder; beta = 1 maximises the evidence bound, a larger beta gives a smaller rate.

    Papers: Kingma and Welling 2013; Higgins et al. 2017 (beta); Rybkin et al. 2021 (the learned variance of the
    Gaussian likelihood); Ghosh et al. 2020 (the fitted mixture). Likelihood and divergence are both in bits a sample.
    Columns of tables and tokens of texts are choices between states, with a cross-entropy each; their latents say more
    than N(0, 1) would allow, and a mixture is fitted to them, after which the decoder learns on alone (docs/tables.md).
    Expected: digits, 40,000 images, 13 s on two cores: fd@digits-classifier:397 9.4, coverage 0.38 (floor 0.79 and
    0.98), psnr@test:397 21.9 dB.

    beta: weight of the rate, the divergence of latents from N(0, 1); 0 chooses by the data: 0.3 for tables and texts,
        else 1
    likelihood: distribution of the data given a latent; bernoulli takes pixels for probabilities; of mixed columns it
        is a choice between states in any case
    prior: what samples are drawn from: N(0, 1) or a mixture fitted to the latents; auto: a mixture for tables and
        texts
    hidden: of tables, the share of columns that the encoder does not see of each row, so that it learns to fill gaps;
        other data have none
    """
    classes = class_count(data, build)
    error, lr = error_of(data, likelihood), learning_rate(data, budget)
    nets = autoencoder_nets(data, build, "gaussian", error, classes)
    mixed = prior == "mixture" or (prior == "auto" and data.choices)
    nets["prior"] = new_prior("mixture" if mixed else "normal", latent_size(data, build), classes)
    if hidden and data.table:
        nets["corruption"] = hidden_columns(data, hidden)
    turn = autoencoder_turn(*evidence_terms(error, rate_of(data, beta)), lr=lr)
    last = round(SETTLING * budget.images) if mixed else 0
    phases = [Phase("autoencoder", budget.images - last, (turn,), averages=AUTOENCODER)]
    if mixed:
        alone = autoencoder_turn(ERRORS[error](trains=("G",)), lr=lr / 10)
        phases.append(Phase("mixture", last, (alone,), edges=(Fit(),), averages=("G",), trained=True))
    bound, wiring = evidence_terms(error), kind_of(data).wiring
    return Run(nets, tuple(phases), budget.batch, training_only=("corruption",), bound=bound, wiring=wiring)


def hidden_columns(data: DataInfo, share: float) -> Net:
    """What hides a share of the columns. UserError: all would be hidden."""
    if share >= 1:
        raise UserError(f"{option('hidden', share)}: expected a share below 1.")
    return net("HiddenColumns", widths=[column.width for column in trained(data.table)], share=share)
