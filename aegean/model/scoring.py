"""How odd samples are beside those that a model was trained on: the network that knows, and its answers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from torch import Tensor

from aegean.config import UserError, net
from aegean.data.batch import Batch
from aegean.latent import Scorer
from aegean.latent.scorer import KEPT

if TYPE_CHECKING:
    from aegean.model.model import Model

FEWEST = 19  # held-out samples that a p-value of 0.05 needs


class Anomalies(NamedTuple):
    """Of n samples."""

    bits: Tensor  # (n,): more than the median held-out sample has; odd ones have many
    p: Tensor  # (n,): the share of usual samples that are at least as odd
    errors: Tensor  # (n, *shape): the bits that each value's error has in it


def with_scorer(model: Model, x: Batch, held_out: Batch) -> Model:
    """The model with a scorer, which knows the latents of usual samples x that it was trained on, and how odd
    held-out ones are. UserError: fewer than two of either, or a model that does not reconstruct."""
    from aegean.model.model import Model

    model.need("reconstruct")
    if min(counts := [len(x.x), len(held_out.x)]) < 2:
        raise UserError(
            f"{counts[0]} training samples and {counts[1]} held-out ones do not tell what is usual: 2 of each are "
            f"needed, and {FEWEST} held-out ones for p-values of 0.05."
        )
    z = model.run(latents, x)
    kept = min(KEPT, *z.shape)
    spec = net(Scorer, shape=model.info.shape, latent=z.shape[1], kept=kept, memory=counts[0], calibration=counts[1])
    scorer: Any = spec.build().to(model.device)
    scorer.learn(z)
    scorer.widen(model.run(squares, held_out).mean(0), model.run(latents, held_out))
    nets, specs = {**model.nets, "scorer": scorer}, {**model.specs, "scorer": spec}
    made = Model(specs, nets, model.info, model.bound, model.about, model.wiring_name)
    made.progress = model.progress
    scorer.calibrate(made.run(lambda p: scorer.left_out(p.x, p.x_hat, latents(p)), held_out))
    return made


def anomalies(model: Model, batch: Batch) -> Anomalies:
    """See `Model.anomalies`."""
    judged, errors = model.run(lambda p: (bits(p), p.nets["scorer"].error(p.x, p.x_hat)), batch)
    return Anomalies(judged, model.nets["scorer"].p_value(judged), errors)  # type: ignore[operator]


def latents(p: Any) -> Tensor:
    """Of the paths of some data: their latents (B, latent)."""
    return p.latent.z.flatten(1)


def squares(p: Any) -> Tensor:
    """The mean squared error of each value (1, *shape), for as many samples as a batch has."""
    return (p.x - p.x_hat).square().mean(0, keepdim=True)


def bits(p: Any) -> Tensor:
    """How odd the samples are (B,)."""
    return p.nets["scorer"](p.x, p.x_hat, latents(p))
