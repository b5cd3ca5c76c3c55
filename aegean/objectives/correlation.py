"""How much the numbers of a latent say of each other."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from aegean.latent.names import NATS_TO_BITS
from aegean.objectives.term import Term

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True, kw_only=True)
class TotalCorrelation(Term):
    """log2 q(z) - sum_j log2 q(z_j) of a sample's latent, in bits, where q(z) is the mean posterior of all `count`
    training samples: its mean is the total correlation KL(q(z) || prod_j q(z_j)) (Chen et al. 2018, eq. 2).

    q(z) and each q(z_j) are estimated from the batch by stratified sampling, which is unbiased for both (the appendix
    there, with the rest shared out evenly): the sample's own posterior weighs 1 / count, the others the rest. Weighted
    sampling (eq. 3) weighs all alike: the own one count / batch times too much, and the value is off by a constant of
    (latent - 1) log2(count) bits. The logarithm of an estimate is too small on the average, that of q(z) most: in small
    batches the value may lie a bit or two too low, and below 0. Beside the rate, weight beta - 1 is eq. 4 with alpha =
    gamma = 1.
    """

    count: int

    couples = True

    def __call__(self, p: Any) -> Tensor:
        mean, log_variance = (value.float() for value in p.latent.stats)
        return total_correlation(p.latent.z.float(), mean, log_variance, self.count)


def total_correlation(z: Tensor, mean: Tensor, log_variance: Tensor, count: int) -> Tensor:
    """z (B, d), each drawn from its own Gaussian of means and log variances (B, d) -> (B,) bits; see the term."""
    n = len(z)
    distance = (z[:, None] - mean).square() * (-log_variance).exp()
    log_q = -0.5 * (distance + log_variance)  # (B, B, d): of z_i under posterior j, up to a constant
    log_q = log_q - log_q.diagonal().T[:, None]  # to its own: what both sums below have in common goes
    count = max(count, n)
    own, other = -math.log(count), math.log((count - 1) / (count * (n - 1))) if n > 1 else -math.inf
    weights = z.new_full((n, n), other).fill_diagonal_(own)
    joint = (log_q.sum(2) + weights).logsumexp(1)
    apart = (log_q + weights[:, :, None]).logsumexp(1).sum(1)
    return (joint - apart) * NATS_TO_BITS
