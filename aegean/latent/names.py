"""Bottlenecks and priors by the names that recipes and options have for them: name -> class."""

import math

from aegean.config import Net

NATS_TO_BITS = 1 / math.log(2)

BOTTLENECKS = {"identity": "Identity", "gaussian": "Gaussian"}
QUANTISED = {"finite": "FiniteScalar", "vector": "VectorQuantised", "residual": "VectorQuantised"}
FAMILIES = {"FiniteScalar": "finite", "GivenScalars": "finite", "VectorQuantised": "vector"}  # that learn symbols
SYMBOLIC = (*FAMILIES, "GivenCodes")  # whose latents are symbols
PRIORS = {
    "normal": "NormalPrior",
    "gaussian": "GaussianPrior",
    "mixture": "MixturePrior",
    "whitening": "WhiteningPrior",
    "mapping": "MappingPrior",
}
FITTED = tuple(name for name in PRIORS if name != "normal")  # N(0, 1) has nothing to fit


def quantiser_of(bottleneck: Net) -> str:
    """The family of a bottleneck that learns its symbols, "finite" or "vector"; "" of any other."""
    return FAMILIES.get(bottleneck.kind, "")
