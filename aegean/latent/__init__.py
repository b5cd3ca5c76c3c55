"""Latents: bottlenecks (features -> Latent) and priors (noise -> latent). Each is imported when it is first asked for.

Three tables name them for recipes and options, without torch: `BOTTLENECKS`, `QUANTISED` and `PRIORS`.
"""

from aegean.latent.names import BOTTLENECKS, FITTED, PRIORS, QUANTISED, quantiser_of
from aegean.lazy import exports

__getattr__, _lazy = exports(
    __name__,
    {
        "bottlenecks": ("Gaussian", "Identity", "Latent"),
        "grids": ("GridCodes", "GridGaussian", "GridIdentity", "GridScalars"),
        "ladder": ("LadderPosterior",),
        "mapping": ("MappingPrior",),
        "priors": ("GaussianPrior", "MixturePrior", "NormalPrior"),
        "scorer": ("Scorer",),
        "quantised": ("FiniteScalar", "Quantised"),
        "codebooks": ("VectorQuantised",),
        "whitening": ("WhiteningPrior", "fold", "foldable"),
    },
)
__all__ = ["BOTTLENECKS", "FITTED", "PRIORS", "QUANTISED", "quantiser_of", *_lazy]
