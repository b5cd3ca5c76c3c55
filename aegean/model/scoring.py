"""How odd samples are beside those that a model was trained on: the network that knows, and its answers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from torch import Tensor

from aegean.config import UserError, net
from aegean.data.batch import Batch
from aegean.data.column import trained
from aegean.latent import Scorer
from aegean.latent.names import NATS_TO_BITS
from aegean.latent.scorer import KEPT

if TYPE_CHECKING:
    from aegean.model.model import Model

BEYOND = 4.0  # normal quantile beyond which no number was seen
FEWEST = 19  # held-out samples that a p-value of 0.05 needs


class Anomalies(NamedTuple):
    """Of n samples."""

    bits: Tensor  # (n,): more than the median held-out sample has; odd ones have many
    p: Tensor  # (n,): the share of usual samples that are at least as odd
    errors: Tensor  # (n, *shape), or (n, columns) of mixed ones: those that the error of each has beyond its mean


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
    shape = (len(trained(model.info.table)),) if model.info.table else model.info.shape
    spec = net(
        Scorer,
        shape=shape,
        latent=z.shape[1],
        kept=min(KEPT, *z.shape),
        memory=counts[0],
        calibration=counts[1],
    )
    scorer: Any = spec.build().to(model.device)
    scorer.learn(z)
    if not model.info.choices:
        scorer.widen(model.run(squares, held_out).sum(0) / counts[1])
    nets, specs = {**model.nets, "scorer": scorer}, {**model.specs, "scorer": spec}
    made = Model(specs, nets, model.info, model.bound, model.about, model.wiring_name)
    made.progress = model.progress
    scorer.usual.copy_(made.run(lambda p: errors(p).sum(0, keepdim=True), held_out).sum(0) / counts[1])
    parts = made.run(lambda p: (errors(p, left_out=True).flatten(1).sum(1), latents(p)), held_out)
    scorer.calibrate(*parts, model.info.choices)
    return made


def anomalies(model: Model, batch: Batch) -> Anomalies:
    """See `Model.anomalies`."""
    scorer: Any = model.nets["scorer"]

    def judged(p: Any) -> tuple[Tensor, Tensor]:
        parts = errors(p)
        return scorer(parts, latents(p)), parts

    bits, parts = model.run(judged, batch)
    return Anomalies(bits, scorer.p_value(bits), (parts - scorer.usual) * scorer.rates[0])


def latents(p: Any) -> Tensor:
    """Of the paths of some data: the features of a network for this alone, else their latents (B, latent)."""
    return p.nets["features"](p.x) if "features" in p.nets else p.latent.z.flatten(1)


def squares(p: Any) -> Tensor:
    """Sums over a batch (1, *shape) of the squared errors of each value."""
    return (p.x - p.x_hat).square().sum(0, keepdim=True)


def errors(p: Any, left_out: bool = False) -> Tensor:
    """The errors of each value or token (B, *shape), or of each mixed column (B, columns); `left_out`: of held-out
    samples."""
    G = p.nets["G"]
    if hasattr(p, "token_bits"):
        return p.token_bits
    if not hasattr(G, "bits"):
        return p.nets["scorer"].error((p.x - p.x_hat).square(), left_out)
    beyond = (p.x.square() - BEYOND**2).clamp(min=0) * 0.5 * NATS_TO_BITS  # the outermost bin has no end
    return p.column_bits.index_add(1, G.quantities, beyond.index_select(1, G.places))
